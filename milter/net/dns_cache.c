/*
 * A hash table with chains, and a list in the order of last use. The hash
 * is keyed by the owner, so names chosen by a stranger cannot make chains
 * long.
 */
#include "milter/net/dns_cache.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16
/* One answer may take at most this part of the cache. */
#define LARGEST_PART 4

struct dns_cache_entry {
	struct dns_cache_entry *next; /* in its bucket */
	struct dns_cache_entry *newer, *older;
	const struct dns_answer *answer;
	int64_t until_ms;
	size_t bytes;
	struct dns_key key;
	char name[];
};

bool dns_key_eq(const struct dns_key *a, const struct dns_key *b)
{
	return a->hash == b->hash && a->type == b->type &&
	       slice_eq_nocase(a->name, b->name);
}

static size_t answer_bytes(const struct dns_answer *answer)
{
	size_t bytes = sizeof(*answer);

	for (size_t i = 0; i < answer->count; i++)
		bytes += sizeof(answer->records[i]) + answer->records[i].data.n;
	return bytes;
}

static struct dns_cache_entry **bucket_of(struct dns_cache *cache,
					  uint64_t hash)
{
	return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static void list_remove(struct dns_cache *cache, struct dns_cache_entry *entry)
{
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void list_add(struct dns_cache *cache, struct dns_cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest)
		cache->newest->newer = entry;
	else
		cache->oldest = entry;
	cache->newest = entry;
}

static void remove_entry(struct dns_cache *cache, struct dns_cache_entry *entry)
{
	struct dns_cache_entry **at = bucket_of(cache, entry->key.hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	list_remove(cache, entry);
	cache->bytes -= entry->bytes;
	cache->count--;
	dns_answer_unref(entry->answer);
	free(entry);
}

static struct dns_cache_entry *find(struct dns_cache *cache,
				    const struct dns_key *key)
{
	struct dns_cache_entry *entry;

	if (cache->bucket_count == 0)
		return NULL;
	entry = *bucket_of(cache, key->hash);
	while (entry && !dns_key_eq(&entry->key, key))
		entry = entry->next;
	return entry;
}

/* Doubles the table; without memory it stays as it is, if it is any. */
static bool grow(struct dns_cache *cache)
{
	size_t old_count = cache->bucket_count;
	size_t count = old_count ? old_count * 2 : FIRST_BUCKETS;
	struct dns_cache_entry **old = cache->buckets;
	struct dns_cache_entry **buckets =
		calloc(count, sizeof(struct dns_cache_entry *));

	if (!buckets)
		return old_count > 0;
	cache->buckets = buckets;
	cache->bucket_count = count;
	for (struct dns_cache_entry *entry = cache->newest; entry;
	     entry = entry->older) {
		struct dns_cache_entry **bucket =
			bucket_of(cache, entry->key.hash);

		entry->next = *bucket;
		*bucket = entry;
	}
	free(old);
	return true;
}

static struct dns_cache_entry *entry_new(const struct dns_key *key,
					 const struct dns_answer *answer,
					 int64_t until_ms)
{
	size_t size = sizeof(struct dns_cache_entry) + key->name.n;
	struct dns_cache_entry *entry = malloc(size);

	if (!entry)
		return NULL;
	*entry = (struct dns_cache_entry){
		.answer = dns_answer_ref(answer),
		.until_ms = until_ms,
		.bytes = size + answer_bytes(answer),
		.key = *key,
	};
	memcpy(entry->name, key->name.p, key->name.n);
	entry->key.name.p = entry->name;
	return entry;
}

void dns_cache_init(struct dns_cache *cache, size_t max_bytes)
{
	*cache = (struct dns_cache){.max_bytes = max_bytes};
}

void dns_cache_clear(struct dns_cache *cache)
{
	while (cache->newest)
		remove_entry(cache, cache->newest);
	free(cache->buckets);
	cache->buckets = NULL;
	cache->bucket_count = 0;
}

const struct dns_answer *dns_cache_find(struct dns_cache *cache,
					const struct dns_key *key,
					int64_t now_ms)
{
	struct dns_cache_entry *entry = find(cache, key);

	if (!entry)
		return NULL;
	if (entry->until_ms <= now_ms) {
		remove_entry(cache, entry);
		return NULL;
	}
	if (entry != cache->newest) {
		list_remove(cache, entry);
		list_add(cache, entry);
	}
	return dns_answer_ref(entry->answer);
}

void dns_cache_put(struct dns_cache *cache, const struct dns_key *key,
		   const struct dns_answer *answer, int64_t until_ms)
{
	struct dns_cache_entry *entry = find(cache, key);
	struct dns_cache_entry **bucket;

	if (entry)
		remove_entry(cache, entry);
	if (cache->max_bytes == 0 ||
	    (cache->count >= cache->bucket_count && !grow(cache)))
		return;
	entry = entry_new(key, answer, until_ms);
	if (!entry)
		return;
	bucket = bucket_of(cache, key->hash);
	entry->next = *bucket;
	*bucket = entry;
	list_add(cache, entry);
	cache->bytes += entry->bytes;
	cache->count++;
	if (entry->bytes > cache->max_bytes / LARGEST_PART)
		remove_entry(cache, entry);
	while (cache->oldest && cache->bytes > cache->max_bytes)
		remove_entry(cache, cache->oldest);
}
