/*
 * Names and values in Redis, as the scripts in milter/store/lua write them:
 *
 *   PREFIX:g:{SENDER}:ENTRY	a greylist entry
 *   PREFIX:t:{DOMAIN}		what is known of a domain
 *   PREFIX:r:{SUBJECT}:NAME	a rate
 *   PREFIX:{allow}		a hash: what is allowed, and since when
 *   PREFIX:{…}:probe		shows that writing works
 *
 * SENDER, ENTRY, DOMAIN and SUBJECT are fingerprints (store_keys.h). The
 * part in braces is what a Cluster goes by: one call, one slot.
 */
#ifndef GATEPOST_STORE_REDIS_ENTRY_H
#define GATEPOST_STORE_REDIS_ENTRY_H

#include "milter/store/redis_node.h"
#include "milter/store/store_keys.h"
#include "milter/store/store.h"

#define REDIS_ALLOW "allow"
/* Texts of an entry are cut here. */
#define REDIS_TEXT_MAX 320
#define REDIS_NAME_MAX 128	/* of a rate */

struct redis_key {
	char text[REDIS_PREFIX_MAX + 2 * STORE_KEY + REDIS_NAME_MAX + 16];
	size_t n;
};

static inline struct slice redis_key_slice(const struct redis_key *key)
{
	return (struct slice){key->text, key->n};
}

/* PREFIX:KIND:{TAG} and, unless empty, :REST. */
void redis_key_make(struct redis_key *key, struct slice prefix, char kind,
		    const char tag[STORE_KEY], struct slice rest);
/* PREFIX:{allow} */
void redis_key_allow(struct redis_key *key, struct slice prefix);

/* The text of an entry: sender, recipient, origin, record id. */
struct redis_text {
	char text[4 * (REDIS_TEXT_MAX + 1)];
	size_t n;
};
void redis_text_make(struct redis_text *text, const struct slice parts[4]);

/* An entry, read. Slices borrow from the value. */
struct redis_moment {
	uint64_t boot;
	int64_t uptime_ms, wall_ms;
};
struct redis_entry {
	bool passed;
	int64_t tries, delay_ms, keep_ms;
	int64_t waited_ms;	/* from the first try to the last */
	struct redis_moment last;
	struct slice parts[4];
};
/* -1: no entry of ours. */
int redis_entry_read(struct slice value, struct redis_entry *entry_r);
/* Milliseconds from then to now, by uptime of the same boot or by clock. */
int64_t redis_since(const struct redis_moment *then,
		    const struct store_time *now);

#endif
