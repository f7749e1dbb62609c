/*
 * The resolver of a process: a cache of ours, equal questions made one, a
 * bound on what is out, and libunbound (dns_unbound.c) behind.
 *
 * All of it is in shards, chosen by the hash of the question, each with its
 * own lock. A question that the cache answers takes one lock and no system
 * call. Askers are told under the lock of the shard, so that after cancel()
 * nobody is told any more; they take their own lock inside it.
 */
#include "milter/net/dns.h"

#include "common/base/clock.h"
#include "milter/net/dns_cache.h"
#include "milter/net/dns_unbound.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHARDS 16
#define PENDING_BUCKETS 64

static const struct setting dns_rows[] = {
	SETTING(struct dns_conf, servers, "", NULL, NULL,
		"name servers to ask, as ADDRESS or ADDRESS@PORT; none: ask "
		"the authoritative servers, as list operators want it"),
	SETTING(struct dns_conf, dnssec, "auto", "auto|on|off", NULL,
		"whether answers are validated; auto: not when servers are "
		"set, which then should validate"),
	SETTING(struct dns_conf, trust_anchor, "/usr/share/dns/root.key", NULL,
		NULL, "file with the key of the root zone, for validation"),
	SETTING(struct dns_conf, in_flight, "2048", "16", "100000",
		"questions a worker may have out at a time; further ones "
		"fail for now"),
	SETTING(struct dns_conf, cache, "8m", "0", "1g",
		"memory for answers in each worker"),
	SETTING(struct dns_conf, cache_max_ttl, "1d", "0s", "7d",
		"longest time an answer is kept"),
	SETTING(struct dns_conf, negative_max_ttl, "15m", "0s", "1d",
		"longest time the absence of a name or record is kept"),
	SETTING(struct dns_conf, local_zones, "", NULL, NULL,
		"zones that do not exist whatever the servers say, such as "
		"onion or 10.in-addr.arpa"),
	SETTING_END,
};

const struct settings_group dns_settings = {
	.section = "dns",
	.rows = dns_rows,
	.conf_size = sizeof(struct dns_conf),
	.doc = "How names are looked up",
};

/* A question that is out, and who waits for its answer. */
struct pending {
	struct dns_question question; /* first, so that answered() finds us */
	struct dns_key key;
	struct pending *next; /* in its bucket */
	struct dns_waiter *waiters;
	char name[];
};

struct shard {
	alignas(64) pthread_mutex_t lock;
	struct dns_cache cache;
	struct pending *pending[PENDING_BUCKETS];
	struct dns_stats stats;
};

struct dns {
	struct resolver resolver; /* first, so that ask() finds us */
	struct dns_unbound *unbound;
	uint64_t key[2];
	uint32_t max_ttl, negative_max_ttl;
	unsigned in_flight_max;
	atomic_uint in_flight;
	struct shard shards[SHARDS];
};

/* Never freed; counted like all others. */
static struct dns_answer refused = {
	.refs = 1,
	.status = DNS_TEMPFAIL,
	.why = "too many DNS questions at a time (dns.in_flight)",
};

static struct shard *shard_of(struct dns *dns, uint64_t hash)
{
	return &dns->shards[hash >> 60];
}

static struct pending **find_pending(struct shard *shard,
				     const struct dns_key *key)
{
	struct pending **at =
		&shard->pending[(key->hash >> 32) % PENDING_BUCKETS];

	while (*at && !dns_key_eq(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

static void add_waiter(struct pending *pending, struct dns_waiter *waiter)
{
	waiter->next = pending->waiters;
	waiter->prev = &pending->waiters;
	if (waiter->next)
		waiter->next->prev = &waiter->next;
	pending->waiters = waiter;
}

static void remove_waiter(struct dns_waiter *waiter)
{
	*waiter->prev = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	waiter->prev = NULL;
}

static struct pending *pending_new(const struct dns_key *key)
{
	struct pending *pending = calloc(1, sizeof(*pending) + key->name.n);

	if (!pending)
		return NULL;
	for (size_t i = 0; i < key->name.n; i++)
		pending->name[i] = ascii_lower(key->name.p[i]);
	pending->key = *key;
	pending->key.name.p = pending->name;
	pending->question.type = key->type;
	pending->question.name = pending->key.name;
	return pending;
}

/* Takes one of the places for questions that are out. */
static bool take_off(struct dns *dns)
{
	if (atomic_fetch_add(&dns->in_flight, 1) < dns->in_flight_max)
		return true;
	atomic_fetch_sub(&dns->in_flight, 1);
	return false;
}

/*
 * Lets the waiter wait for the question, which is put out if it is new:
 * *new_r must then be asked, without the lock. Returns false if that is one
 * too many.
 */
static bool join(struct dns *dns, struct shard *shard,
		 const struct dns_key *key, struct dns_waiter *waiter,
		 struct pending **new_r)
{
	struct pending **at = find_pending(shard, key);

	if (*at) {
		shard->stats.coalesced++;
		add_waiter(*at, waiter);
		return true;
	}
	if (!take_off(dns))
		return false;
	*at = pending_new(key);
	if (!*at) {
		atomic_fetch_sub(&dns->in_flight, 1);
		return false;
	}
	add_waiter(*at, waiter);
	*new_r = *at;
	return true;
}

static const struct dns_answer *ask(struct resolver *resolver,
				    enum dns_type type, struct slice name,
				    struct dns_waiter *waiter)
{
	struct dns *dns = (struct dns *)resolver;
	struct dns_key key = {type, name, slice_hash_nocase(name, dns->key)};
	const struct dns_answer *answer;
	struct pending *new = NULL;
	struct shard *shard;

	key.hash += (uint64_t)type * UINT64_C(0x9e3779b97f4a7c15);
	shard = shard_of(dns, key.hash);
	waiter->question = shard;
	waiter->prev = NULL;
	pthread_mutex_lock(&shard->lock);
	shard->stats.asked++;
	answer = dns_cache_find(&shard->cache, &key, clock_mono_ms());
	if (answer) {
		shard->stats.cached++;
	} else if (!join(dns, shard, &key, waiter, &new)) {
		shard->stats.refused++;
		answer = dns_answer_ref(&refused);
	}
	pthread_mutex_unlock(&shard->lock);
	if (new)
		dns_unbound_ask(dns->unbound, &new->question);
	return answer;
}

static void cancel(struct resolver *resolver, struct dns_waiter *waiter)
{
	struct shard *shard = waiter->question;

	(void)resolver;
	if (!shard)
		return;
	pthread_mutex_lock(&shard->lock);
	if (waiter->prev)
		remove_waiter(waiter);
	pthread_mutex_unlock(&shard->lock);
}

/* Milliseconds that an answer is kept; 0 for not at all. */
static int64_t lifetime(const struct dns *dns, const struct dns_answer *answer)
{
	uint32_t most = answer->status == DNS_FOUND ? dns->max_ttl
						    : dns->negative_max_ttl;

	if (answer->status == DNS_TEMPFAIL)
		return 0;
	return (int64_t)(answer->ttl < most ? answer->ttl : most) * 1000;
}

/* On the thread of dns_unbound.c. */
static void answered(void *receiver, struct dns_question *question,
		     const struct dns_answer *answer)
{
	struct dns *dns = receiver;
	struct pending *pending = (struct pending *)question;
	struct shard *shard = shard_of(dns, pending->key.hash);
	int64_t ms = lifetime(dns, answer);

	atomic_fetch_sub(&dns->in_flight, 1);
	pthread_mutex_lock(&shard->lock);
	*find_pending(shard, &pending->key) = pending->next;
	if (ms > 0)
		dns_cache_put(&shard->cache, &pending->key, answer,
			      clock_mono_ms() + ms);
	if (answer->status == DNS_TEMPFAIL)
		shard->stats.failed++;
	while (pending->waiters) {
		struct dns_waiter *waiter = pending->waiters;

		remove_waiter(waiter);
		waiter->done(waiter, dns_answer_ref(answer));
	}
	pthread_mutex_unlock(&shard->lock);
	dns_answer_unref(answer);
	free(pending);
}

static uint32_t seconds(const struct duration *duration)
{
	return (uint32_t)(duration->ms / 1000);
}

struct dns *dns_new(const struct dns_conf *conf, struct err *err)
{
	/* For the alignment of the shards. */
	struct dns *dns = aligned_alloc(alignof(struct dns), sizeof(*dns));

	if (!dns) {
		err_set(err, "out of memory");
		return NULL;
	}
	memset(dns, 0, sizeof(*dns));
	dns->resolver = (struct resolver){ask, cancel};
	dns->max_ttl = seconds(&conf->cache_max_ttl);
	dns->negative_max_ttl = seconds(&conf->negative_max_ttl);
	dns->in_flight_max = (unsigned)conf->in_flight;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&dns->shards[i].lock, NULL);
		dns_cache_init(&dns->shards[i].cache,
			       (size_t)conf->cache.n / SHARDS);
	}
	if (getrandom(dns->key, sizeof(dns->key), 0) !=
	    (ssize_t)sizeof(dns->key))
		err_set(err, "the kernel gives no random numbers");
	else
		dns->unbound = dns_unbound_new(conf, answered, dns, err);
	if (!dns->unbound)
		dns_free(&dns);
	return dns;
}

static void shard_free(struct shard *shard)
{
	for (size_t i = 0; i < PENDING_BUCKETS; i++) {
		while (shard->pending[i]) {
			struct pending *pending = shard->pending[i];

			shard->pending[i] = pending->next;
			free(pending);
		}
	}
	dns_cache_clear(&shard->cache);
	pthread_mutex_destroy(&shard->lock);
}

void dns_free(struct dns **dns)
{
	if (!*dns)
		return;
	dns_unbound_free(&(*dns)->unbound);
	for (size_t i = 0; i < SHARDS; i++)
		shard_free(&(*dns)->shards[i]);
	free(*dns);
	*dns = NULL;
}

struct resolver *dns_resolver(struct dns *dns)
{
	return &dns->resolver;
}

void dns_stats(struct dns *dns, struct dns_stats *stats_r)
{
	*stats_r = (struct dns_stats){.in_flight = dns->in_flight};
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &dns->shards[i];

		pthread_mutex_lock(&shard->lock);
		stats_r->asked += shard->stats.asked;
		stats_r->cached += shard->stats.cached;
		stats_r->coalesced += shard->stats.coalesced;
		stats_r->failed += shard->stats.failed;
		stats_r->refused += shard->stats.refused;
		stats_r->cache_bytes += shard->cache.bytes;
		stats_r->cache_entries += shard->cache.count;
		pthread_mutex_unlock(&shard->lock);
	}
}
