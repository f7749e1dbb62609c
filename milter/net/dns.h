/*
 * The one resolver of a process, on libunbound: asynchronous, with a cache
 * of ours in front (positive and negative answers, TTL honoured, 0 too),
 * coalescing of equal questions, and a bound on questions in flight.
 * Create it after the last fork of the process.
 */
#ifndef GATEPOST_NET_DNS_H
#define GATEPOST_NET_DNS_H

#include "common/base/err.h"
#include "common/conf/setting.h"
#include "milter/net/resolver.h"

struct dns_conf {
	struct strlist servers;		/* ADDR or ADDR@PORT; none: recurse */
	struct choice dnssec;		/* auto | on | off */
	struct text trust_anchor;
	int64_t in_flight;
	struct bytesize cache;
	struct duration cache_max_ttl;
	struct duration negative_max_ttl;
	struct strlist local_zones;	/* built-in empty zones to keep */
};

extern const struct settings_group dns_settings;

struct dns;

/*
 * NULL and err naming the setting where one is wrong. Servers that do not
 * answer are no error: their questions fail until they do.
 */
struct dns *dns_new(const struct dns_conf *conf, struct err *err);
/*
 * Does not wait for questions that are out. All askers must have cancelled;
 * answers they still hold stay valid.
 */
void dns_free(struct dns **dns);
struct resolver *dns_resolver(struct dns *dns);

struct dns_stats {
	uint64_t asked, cached, coalesced, failed, refused;
	uint64_t in_flight, cache_bytes, cache_entries;
};
/* Counted since dns_new(); the last three are as of now. */
void dns_stats(struct dns *dns, struct dns_stats *stats_r);

#endif
