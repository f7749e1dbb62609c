/*
 * A commit costs about the same whatever it holds, so the thread leaves some
 * time between two; what comes meanwhile is the next batch.
 */
#include "milter/daemon/archive.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/settings.h"
#include "milter/store/history.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACE_MS 100   /* from one commit to the next */
#define LOOK_MS 1000  /* without records */
#define WRITE_MS 5000 /* to wait for other processes */
#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS 15000
#define END_MS 5000 /* for the last ones */
#define PRUNE_EVERY_MS 15000
#define OPINIONS_MS 1000 /* of noting, then records come first */
#define PRUNE_PIECES 20 /* at a time, before records are looked at again */

struct archive {
	char path[PATH_MAX];
	const struct history_conf *conf;
	struct intake *intake;
	struct opinions *opinions;
	struct counter_slot *slot;
	pthread_t thread;
	atomic_bool ending;
	atomic_llong end_ms;
	struct history *history; /* the thread's own */
	int64_t prune_ms;	 /* when to begin again to remove what is old */
	int64_t retry_ms;	 /* the next pause; 0: all is well */

	pthread_mutex_t lock;
	struct err why; /* empty: all is well */
};

static void set_why(struct archive *a, const struct err *why)
{
	pthread_mutex_lock(&a->lock);
	a->why = *why;
	pthread_mutex_unlock(&a->lock);
	counter_set(a->slot, GAUGE_HISTORY_UP, why->text[0] == '\0');
}

static void fail(struct archive *a, const struct err *why)
{
	if (a->retry_ms == 0)
		log_error("history has stopped: %s; mail goes on, and records "
			  "are lost if this lasts",
			  why->text);
	a->retry_ms = a->retry_ms == 0 ? RETRY_FIRST_MS : a->retry_ms * 2;
	if (a->retry_ms > RETRY_MAX_MS)
		a->retry_ms = RETRY_MAX_MS;
	set_why(a, why);
	history_close(&a->history);
}

static void succeed(struct archive *a)
{
	static const struct err none = {""};

	if (a->retry_ms > 0)
		log_info("history goes on: %s can be written again", a->path);
	a->retry_ms = 0;
	set_why(a, &none);
}

static void count_news(struct archive *a, const struct history_news *news)
{
	counter_add(a->slot, COUNTER_GREYLIST_RETURNED, news->returned);
	counter_add(a->slot, COUNTER_GREYLIST_NEVER_RETURNED,
		    news->never_returned);
}

/* One try; false: not written. */
static bool write_batch(struct archive *a, const struct batch *batch)
{
	struct history_news news = {0};
	struct err why = {""};
	unsigned bad = 0;

	if (!a->history)
		a->history = history_open(a->path, a->conf, &why);
	if (!a->history ||
	    history_add(a->history, batch->records, batch->count,
			clock_mono_ms() + WRITE_MS, &bad, &news, &why) < 0) {
		fail(a, &why);
		return false;
	}
	succeed(a);
	counter_add(a->slot, COUNTER_RECORDS_STORED, batch->count - bad);
	counter_add(a->slot, COUNTER_RECORDS_LOST, bad);
	count_news(a, &news);
	return true;
}

static bool is_over(struct archive *a)
{
	return atomic_load(&a->ending) &&
	       clock_mono_ms() >= atomic_load(&a->end_ms);
}

/* Sleeps in pieces of this length, so that an end is heard of. */
static const struct timespec piece = {.tv_nsec = 50 * 1000000};

static void pause_ms(struct archive *a, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;

	while (clock_mono_ms() < until_ms && !atomic_load(&a->ending))
		nanosleep(&piece, NULL);
}

/* Tries until it is written; at the end, until time is up. */
static void keep_batch(struct archive *a, const struct batch *batch)
{
	while (!write_batch(a, batch)) {
		if (is_over(a)) {
			counter_add(a->slot, COUNTER_RECORDS_LOST,
				    batch->count);
			log_error("history: %zu records were lost",
				  batch->count);
			return;
		}
		nanosleep(&piece, NULL);
		pause_ms(a, a->retry_ms);
	}
}

static void note_opinion(struct archive *a, struct arena *arena,
			 const struct feedback *feedback, struct slice id)
{
	struct history_noted noted;
	struct err why = {""};

	if (!a->history) {
		opinions_lose(a->opinions);
		return;
	}
	if (history_note_opinion(a->history, arena, feedback, id,
				 clock_wall_us() / 1000, &noted, &why) < 0) {
		opinions_lose(a->opinions);
		fail(a, &why);
		return;
	}
	opinions_follow(a->opinions, arena, feedback, &noted);
}

/*
 * What users said of messages. It waits while the history cannot be
 * written; where none is kept, nobody can tell of which message it is.
 */
static void note_opinions(struct archive *a)
{
	struct arena *arena = NULL;
	struct opinion opinion;
	int64_t until_ms = clock_mono_ms() + OPINIONS_MS;

	if (a->conf->enabled && !a->history)
		return;
	while (clock_mono_ms() < until_ms &&
	       opinions_take(a->opinions, &opinion)) {
		struct slice rest = opinion.feedback.ids, id;

		if (!arena)
			arena = arena_new(0);
		arena_reset(arena);
		while (slice_next(&rest, ',', &id))
			note_opinion(a, arena, &opinion.feedback, id);
	}
	arena_free(&arena);
}

/* A round of it costs the more the oftener it is begun; see history.h. */
static void prune(struct archive *a)
{
	struct history_news news;
	struct err why = {""};
	int more = 1;

	if (clock_mono_ms() < a->prune_ms)
		return;
	for (int i = 0; i < PRUNE_PIECES && more > 0 && a->history; i++) {
		more = history_prune(a->history, clock_wall_us() / 1000,
				     clock_mono_ms() + WRITE_MS, &news, &why);
		count_news(a, &news);
	}
	if (more < 0)
		fail(a, &why);
	if (more <= 0)
		a->prune_ms = clock_mono_ms() + PRUNE_EVERY_MS;
}

/* So that there is a file to be read before the first message comes. */
static void open_early(struct archive *a)
{
	static const struct batch none = {0};

	if (!a->history && a->retry_ms == 0)
		(void)write_batch(a, &none);
}

static void discard(struct archive *a)
{
	struct batch *batch = intake_take(a->intake, clock_mono_ms() + LOOK_MS);

	intake_give_back(a->intake, &batch);
}

static void *run(void *arg)
{
	struct archive *a = arg;
	bool last = false;

	while (!last) {
		struct batch *batch;
		int64_t began_ms = clock_mono_ms();

		/* What came before the end was told is in this batch. */
		last = atomic_load(&a->ending);
		if (!a->conf->enabled) {
			note_opinions(a);
			discard(a);
			continue;
		}
		open_early(a);
		batch = intake_take(a->intake,
				    last ? 0 : clock_mono_ms() + LOOK_MS);
		if (batch->count > 0 || a->retry_ms > 0)
			keep_batch(a, batch);
		intake_give_back(a->intake, &batch);
		note_opinions(a);
		prune(a);
		pause_ms(a, began_ms + PACE_MS - clock_mono_ms());
	}
	history_close(&a->history);
	return NULL;
}

struct archive *archive_new(const struct conf *conf,
			    const struct archive_sources *sources,
			    struct counter_slot *slot, struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	struct archive *a = calloc(1, sizeof(*a));
	int error = ENOMEM;

	if (a) {
		a->conf = conf_group(conf, &history_settings);
		a->intake = sources->intake;
		a->opinions = sources->opinions;
		a->slot = slot;
		history_path(daemon->state_dir.s.p, a->path, sizeof(a->path));
		pthread_mutex_init(&a->lock, NULL);
		error = pthread_create(&a->thread, NULL, run, a);
		if (!error)
			return a;
		free(a);
	}
	err_set(err, "cannot write history: %s", strerror(error));
	return NULL;
}

void archive_free(struct archive **archive)
{
	struct archive *a = *archive;

	if (!a)
		return;
	atomic_store(&a->end_ms, clock_mono_ms() + END_MS);
	atomic_store(&a->ending, true);
	pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->lock);
	free(a);
	*archive = NULL;
}

bool archive_trouble(struct archive *a, struct err *why_r)
{
	pthread_mutex_lock(&a->lock);
	*why_r = a->why;
	pthread_mutex_unlock(&a->lock);
	return why_r->text[0] != '\0';
}
