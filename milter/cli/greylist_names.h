/*
 * How an administrator names greylist entries and allowed senders, turned
 * into what the greylist check has stored. Pure functions.
 */
#ifndef GATEPOST_CLI_GREYLIST_NAMES_H
#define GATEPOST_CLI_GREYLIST_NAMES_H

#include "common/base/err.h"
#include "common/conf/conf.h"

#define GREYLIST_WORDS_MAX 3

/* Different words, each of which the store may know. */
struct greylist_words {
	struct slice word[GREYLIST_WORDS_MAX];
	size_t count;
};

/* A key, an address, or a domain with or without '@'. */
int greylist_words_of_entries(struct arena *arena, struct slice text,
			      struct greylist_words *words_r, struct err *err);
/* An address, a domain with or without '@', an IP address or a network. */
int greylist_allowed_name(struct arena *arena, const struct conf *conf,
			  struct slice text, struct slice *name_r,
			  struct err *err);
/* Either. */
int greylist_words_of_all(struct arena *arena, const struct conf *conf,
			  struct slice text, struct greylist_words *words_r,
			  struct err *err);
/* greylist.pass_lifetime */
int64_t greylist_lifetime(const struct conf *conf);

#endif
