/*
 * Each look costs as much as 256 stat() calls while nothing is stored. What
 * is wrong is logged when it begins and when it ends, not in between.
 */
#include "milter/daemon/custody.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/settings.h"
#include "milter/store/vault_index.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 1000
#define PRUNE_MS 10000
#define SUM_MS 5000
/* So long messages that had to go early are a matter of /healthz. */
#define EARLY_MS 3600000

/* What may be wrong; each is told once. */
enum trouble { UNUSABLE, ROOM, EARLY, DAMAGED, ALARMS };

struct custody {
	const struct conf *conf;
	const struct vault_conf *settings;
	struct counter_slot *slot;
	pthread_t thread;
	atomic_bool ending;
	/* The thread's own. */
	struct vault *vault;
	struct vault_index *index;
	int64_t sum_ms;	  /* when to sum up though nothing changed */
	int64_t prune_ms; /* when to do it again */
	int64_t early_ms; /* until then it is told */
	int64_t damaged;  /* as last told */

	pthread_mutex_t lock;
	struct err why[ALARMS]; /* empty: all is well */
};

/* Logs a change between well and ill, but for UNUSABLE no change of text. */
static void set_trouble(struct custody *c, enum trouble trouble,
			const char *text)
{
	static const char *const over[ALARMS] = {
		"the vault can be used again",
		"there is enough room for the vault again",
		"no message had to go early for an hour",
		"no file of the vault is damaged any more",
	};
	struct err *why = &c->why[trouble];
	bool was = why->text[0] != '\0', is = text[0] != '\0';

	if (is && !was)
		log_error("vault: %s", text);
	else if (was && !is)
		log_info("vault: %s", over[trouble]);
	pthread_mutex_lock(&c->lock);
	err_set(why, "%s", text);
	pthread_mutex_unlock(&c->lock);
}

static void close_all(struct custody *c)
{
	vault_index_close(&c->index);
	vault_close(&c->vault);
}

static int open_all(struct custody *c, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(c->conf, &daemon_settings);

	if (!c->vault)
		c->vault = vault_open(c->conf, daemon->state_dir.s, err);
	if (c->vault && !c->index)
		c->index = vault_index_open(c->vault, err);
	return c->index ? 0 : -1;
}

static void look_at_room(struct custody *c, uint64_t free_bytes)
{
	uint64_t least = (uint64_t)c->settings->min_free.n;
	struct err why = {""};

	if (free_bytes < 2 * least)
		err_set(&why,
			"%" PRIu64 " MB are free, which is less than twice "
			"vault.min_free (%" PRIu64 " MB); below that, mail "
			"that is to be held is deferred: make room, or lower "
			"vault.size or vault.keep",
			free_bytes >> 20, least >> 20);
	set_trouble(c, ROOM, why.text);
}

static void look_at_damage(struct custody *c, int64_t damaged,
			   const struct vault_changes *changes)
{
	struct err why = {""};

	if (damaged > 0)
		err_set(&why,
			"%" PRId64 " of its files cannot be read as a message "
			"and are left alone; gatepost quarantine reindex says "
			"why%s%.300s",
			damaged, changes->damaged ? "; the last: " : "",
			changes->why.text);
	/* More of them is news too. */
	if (damaged > c->damaged && c->damaged > 0)
		log_error("vault: %s", why.text);
	c->damaged = damaged;
	set_trouble(c, DAMAGED, why.text);
}

/* With 100,000 messages the sums take longer than all else. */
static bool is_sum_due(const struct custody *c,
		       const struct vault_changes *changes)
{
	return clock_mono_ms() >= c->sum_ms || changes->added > 0 ||
	       changes->gone > 0 || changes->damaged > 0;
}

/* No label says whose mail it is. */
static void show(const struct custody *c, const struct vault_stats *stats)
{
	int64_t age_ms = stats->oldest_held_ms ? clock_wall_us() / 1000 -
							 stats->oldest_held_ms
					       : 0;
	int64_t released = 0;

	for (unsigned i = 0; i < VAULT_CLASSES; i++) {
		const struct vault_sum *sums = stats->sums[i];

		counter_set_at(c->slot, GAUGE_VAULT_HELD, i,
			       (uint64_t)sums[VAULT_HELD].messages);
		counter_set_at(c->slot, GAUGE_VAULT_HELD_BYTES, i,
			       (uint64_t)sums[VAULT_HELD].bytes);
		released += sums[VAULT_RELEASED].messages;
	}
	counter_set(c->slot, GAUGE_VAULT_RELEASED, (uint64_t)released);
	counter_set(c->slot, GAUGE_VAULT_OLDEST,
		    age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
	counter_set(c->slot, GAUGE_VAULT_MESSAGES,
		    (uint64_t)stats->all.messages);
	counter_set(c->slot, GAUGE_VAULT_BYTES, (uint64_t)stats->all.bytes);
	counter_set(c->slot, GAUGE_VAULT_FREE, stats->free_bytes);
}

static int look(struct custody *c, struct err *err)
{
	struct vault_changes changes;
	struct vault_stats stats;

	if (open_all(c, err) < 0 ||
	    vault_index_sync(c->index, &changes, err) < 0)
		return -1;
	if (!is_sum_due(c, &changes))
		return 0;
	if (vault_index_stats(c->index, &stats, err) < 0)
		return -1;
	c->sum_ms = clock_mono_ms() + SUM_MS;
	show(c, &stats);
	look_at_room(c, stats.free_bytes);
	look_at_damage(c, stats.damaged, &changes);
	return 0;
}

static void note_early(struct custody *c, int64_t early)
{
	int64_t now_ms = clock_mono_ms();
	struct err why = {""};

	if (early > 0) {
		c->early_ms = now_ms + EARLY_MS;
		err_set(&why,
			"messages younger than vault.keep had to go, since "
			"the vault held more than vault.messages or "
			"vault.size: raise them, or lower vault.keep");
		set_trouble(c, EARLY, why.text);
	} else if (c->early_ms != 0 && now_ms >= c->early_ms) {
		c->early_ms = 0;
		set_trouble(c, EARLY, "");
	}
}

static int prune(struct custody *c, struct err *err)
{
	struct vault_pruned pruned;

	if (clock_mono_ms() < c->prune_ms)
		return 0;
	if (vault_index_prune(c->index, c->settings, clock_wall_us() / 1000,
			      &pruned, err) < 0)
		return -1;
	counter_add(c->slot, COUNTER_VAULT_EXPIRED, (uint64_t)pruned.messages);
	note_early(c, pruned.early);
	if (pruned.messages > 0)
		c->sum_ms = 0;
	if (!pruned.more)
		c->prune_ms = clock_mono_ms() + PRUNE_MS;
	return 0;
}

static void *run(void *arg)
{
	static const struct timespec piece = {.tv_nsec = 50 * 1000000};
	struct custody *c = arg;

	while (!atomic_load(&c->ending)) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;
		struct err err = {""}, other;
		int rc;

		rc = look(c, &err);
		/* On a full disk it is this that makes room. */
		if (c->index && prune(c, rc < 0 ? &other : &err) < 0)
			rc = -1;
		if (rc == 0) {
			set_trouble(c, UNUSABLE, "");
		} else {
			set_trouble(c, UNUSABLE, err.text);
			close_all(c);
		}
		while (clock_mono_ms() < next_ms && !atomic_load(&c->ending))
			nanosleep(&piece, NULL);
	}
	close_all(c);
	return NULL;
}

struct custody *custody_new(const struct conf *conf, struct counter_slot *slot,
			    struct err *err)
{
	struct custody *c = calloc(1, sizeof(*c));
	int error = ENOMEM;

	if (c) {
		c->conf = conf;
		c->settings = conf_group(conf, &vault_settings);
		c->slot = slot;
		pthread_mutex_init(&c->lock, NULL);
		error = pthread_create(&c->thread, NULL, run, c);
		if (!error)
			return c;
		pthread_mutex_destroy(&c->lock);
		free(c);
	}
	err_set(err, "cannot look after the vault: %s", strerror(error));
	return NULL;
}

void custody_free(struct custody **custody)
{
	struct custody *c = *custody;

	if (!c)
		return;
	atomic_store(&c->ending, true);
	pthread_join(c->thread, NULL);
	pthread_mutex_destroy(&c->lock);
	free(c);
	*custody = NULL;
}

bool custody_trouble(struct custody *c, struct err *why_r)
{
	why_r->text[0] = '\0';
	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < ALARMS && why_r->text[0] == '\0'; i++)
		*why_r = c->why[i];
	pthread_mutex_unlock(&c->lock);
	return why_r->text[0] != '\0';
}
