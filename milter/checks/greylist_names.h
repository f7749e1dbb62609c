/*
 * Lists of addresses, domains and networks: from settings, or from a file
 * with one entry a line. Made once, then only read.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_NAMES_H
#define GATEPOST_CHECKS_GREYLIST_NAMES_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/ip.h"
#include "common/conf/setting.h"

/* What a list may hold; a domain stands for those below it too. */
enum greylist_entries {
	GREYLIST_ADDRESSES = 1, /* alice@example.org, postmaster@ */
	GREYLIST_DOMAINS = 2,
	GREYLIST_NETWORKS = 4, /* 192.0.2.1, 2001:db8::/32 */
};

struct greylist_names {
	struct slice *names; /* addresses and domains, in order */
	size_t name_count;
	struct ip_net *nets;
	struct slice *net_texts; /* as they were written */
	size_t net_count;
};

/*
 * Reads the entries of a setting; kinds: of enum greylist_entries. The list
 * lives in the arena. On an entry that is none, err says which and what is
 * allowed, but not where it stands.
 */
int greylist_names_make(struct arena *arena, const struct strlist *entries,
			unsigned kinds, struct greylist_names *list_r,
			struct err *err);
/*
 * The same from a file: one entry a line, '#' begins a comment. Errors name
 * file and line; *missing_r: there is no such file.
 */
int greylist_names_read(struct arena *arena, const char *path, unsigned kinds,
			struct greylist_names *list_r, bool *missing_r,
			struct err *err);

/*
 * The entry that applies, or an empty slice. Addresses are as of
 * greylist_address(), domains as of domain_normalise().
 */
struct slice greylist_names_address(const struct greylist_names *list,
				    struct slice address);
struct slice greylist_names_domain(const struct greylist_names *list,
				   struct slice domain);
struct slice greylist_names_ip(const struct greylist_names *list,
			       const struct ip *ip);

#endif
