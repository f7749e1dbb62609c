/*
 * A cache of DNS answers: bounded in bytes, least recently used out first,
 * nothing kept past its time. Not thread-safe; the owner locks.
 */
#ifndef GATEPOST_NET_DNS_CACHE_H
#define GATEPOST_NET_DNS_CACHE_H

#include "milter/net/resolver.h"

struct dns_cache_entry;

struct dns_cache {
	size_t max_bytes;
	size_t bytes;
	size_t count;
	size_t bucket_count;		/* a power of two, or 0 at first */
	struct dns_cache_entry **buckets;
	struct dns_cache_entry *newest, *oldest;
};

/* What is asked; the hash is a keyed one over the name without case. */
struct dns_key {
	enum dns_type type;
	struct slice name;
	uint64_t hash;
};

bool dns_key_eq(const struct dns_key *a, const struct dns_key *b);

/* With max_bytes 0 it keeps nothing. */
void dns_cache_init(struct dns_cache *cache, size_t max_bytes);
/* Drops all entries. */
void dns_cache_clear(struct dns_cache *cache);
/* A reference the caller owns, or NULL when there is none valid at now_ms. */
const struct dns_answer *dns_cache_find(struct dns_cache *cache,
					const struct dns_key *key,
					int64_t now_ms);
/*
 * Keeps the answer (by a reference of its own) until until_ms, in the place
 * of what it had for the key. Answers too large for the bound and those
 * that memory cannot be had for are not kept.
 */
void dns_cache_put(struct dns_cache *cache, const struct dns_key *key,
		   const struct dns_answer *answer, int64_t until_ms);

#endif
