/*
 * The store's thread: connects, runs what waits in one go, and is the
 * breaker. When the back end fails as a whole, the store is down: the queue
 * is shut, so that nothing waits for it, until connecting works again.
 *
 * While it has nothing to do, a caller may run its own calls in its place
 * (store_run_here()), if the back end keeps deadlines by itself.
 */
#include "milter/store/store_private.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/store/store_pace.h"

#include <sys/random.h>

#define PAUSE_FIRST_MS 100
#define CONNECT_MS 1000 /* at least; nobody waits for it longer than usual */
#define SWEEP_MS 60000
#define SWEEP_MORE_MS 1000

/* From `ms` / 2 to `ms`: workers that lost one server come back apart. */
static int64_t jitter(int64_t ms)
{
	uint32_t chance = 0;

	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	return ms / 2 + (int64_t)(chance % (uint64_t)(ms / 2 + 1));
}

static uint64_t count_missed(struct store *store)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats.late + stats.failed + stats.skipped;
}

static void finish_list(struct store *store, struct store_call *list,
			enum store_status status)
{
	while (list) {
		struct store_call *call = list;

		list = call->next;
		store_call_finish(store, call, status);
	}
}

static void go_down(struct store *store, const struct err *err)
{
	struct store_keeper *k = &store->keeper;
	int64_t now_ms = clock_mono_ms();

	store->backend->class->disconnect(store->backend);
	pthread_mutex_lock(&store->reason_lock);
	store->reason = *err;
	pthread_mutex_unlock(&store->reason_lock);
	if (k->known && !k->up) {
		log_debug("store %s still does not work: %s", store->url.name,
			  err->text);
		return;
	}
	/* One that works for moments only is not hurried. */
	if (!k->known || now_ms - k->since_ms >= store->state.retry.ms)
		k->pause_ms = PAUSE_FIRST_MS;
	k->known = true;
	k->up = false;
	k->since_ms = now_ms;
	atomic_store(&store->down, true);
	atomic_fetch_add(&store->counts.downs, 1);
	finish_list(store, store_queue_shut(&store->queue), STORE_DOWN);
	if (!store->quiet)
		log_error("store %s does not work: %s; mail is let through "
			  "without greylisting and rates until it does",
			  store->url.name, err->text);
}

static void come_up(struct store *store)
{
	struct store_keeper *k = &store->keeper;
	struct store_stats stats;
	int64_t now_ms = clock_mono_ms();

	if (k->known && !store->quiet)
		log_warn("store %s works again after %lld s; %llu calls went "
			 "without it",
			 store->url.name,
			 (long long)(now_ms - k->since_ms) / 1000,
			 (unsigned long long)(count_missed(store) - k->missed));
	k->known = true;
	k->up = true;
	k->since_ms = now_ms;
	k->sweep_ms = now_ms + jitter(SWEEP_MS);
	store_stats(store, &stats);
	store_pace_begin(&k->pace, &stats, now_ms);
	store_queue_open(&store->queue);
	atomic_store(&store->down, false);
}

static void try_to_connect(struct store *store)
{
	int64_t ms = store->state.timeout.ms;
	struct err err = {""};

	if (ms < CONNECT_MS)
		ms = CONNECT_MS;
	if (store->backend->class->connect(store->backend, clock_mono_ms() + ms,
					   &err) == 0)
		come_up(store);
	else
		go_down(store, &err);
}

/* Sleeps between two tries; false when the thread is to end. */
static bool pause_before_retry(struct store *store)
{
	struct store_keeper *k = &store->keeper;
	int64_t longest_ms = store->state.retry.ms;
	int64_t ms = k->pause_ms < longest_ms ? k->pause_ms : longest_ms;

	k->pause_ms = ms * 2;
	return store_queue_pause(&store->queue, jitter(ms));
}

/* Tells when it has become too slow to be of use, and when it is not. */
static void watch_pace(struct store *store)
{
	struct store_pace_count count;
	struct store_stats stats;
	enum store_pace_news news;

	store_stats(store, &stats);
	news = store_pace_look(&store->keeper.pace, &stats, clock_mono_ms(),
			       &count);
	if (news == PACE_NO_NEWS || store->quiet)
		return;
	if (news == PACE_IN_TIME)
		log_warn("store %s answers in time again", store->url.name);
	else
		log_error("store %s is too slow: %llu of %llu calls had no "
			  "answer within state.timeout (%lld ms), and their "
			  "mail went on without greylisting and rates; bring "
			  "it nearer, or raise state.timeout",
			  store->url.name, (unsigned long long)count.late,
			  (unsigned long long)count.calls,
			  (long long)store->state.timeout.ms);
}

/* Those whose callers have left already are not run. */
static size_t drop_late(struct store *store, struct store_call **calls,
			size_t count)
{
	int64_t now_ms = clock_mono_ms();
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (calls[i]->deadline_ms > now_ms)
			calls[kept++] = calls[i];
		else
			store_call_finish(store, calls[i], STORE_LATE);
	}
	return kept;
}

/*
 * A batch may take state.timeout, however long its calls have waited: less
 * would take a slow moment of ours for a fault of the store.
 */
static int64_t batch_deadline(const struct store *store,
			      const struct store_call *first)
{
	if (first->op >= STORE_OP_LIST)
		return first->deadline_ms;
	return clock_mono_ms() + store->state.timeout.ms;
}

static void run_batch(struct store *store, struct store_call **calls,
		      size_t count, int64_t deadline_ms)
{
	struct err err = {""};
	int rc;

	count = drop_late(store, calls, count);
	if (count == 0)
		return;
	store->keeper.missed = count_missed(store);
	rc = store->backend->class->run(store->backend, calls, count,
					deadline_ms, &err);
	for (size_t i = 0; i < count; i++) {
		if (!calls[i]->settled) {
			store_call_settle(calls[i], STORE_FAILED);
			calls[i]->err = err;
		}
		store_call_finish(store, calls[i], calls[i]->result);
	}
	if (rc < 0)
		go_down(store, &err);
}

static void sweep(struct store *store)
{
	struct store_time now;
	struct err err = {""};
	int rc;

	store->clock(store->clock_with, &now);
	rc = store->backend->class->sweep(
		store->backend, &now, clock_mono_ms() + store->state.timeout.ms,
		&err);
	store->keeper.sweep_ms =
		clock_mono_ms() + jitter(rc > 0 ? SWEEP_MORE_MS : SWEEP_MS);
	if (rc < 0)
		go_down(store, &err);
}

/*
 * A caller that has lost much of its time already would take the store's
 * usual pace for a fault.
 */
static bool has_time(const struct store *store, const struct store_call *call,
		     int64_t now_ms)
{
	return (call->deadline_ms - now_ms) * 10 >= store->state.timeout.ms * 9;
}

bool store_run_here(struct store *store, struct store_call *const *own,
		    size_t count)
{
	struct store_call *calls[STORE_BATCH_MAX];
	int64_t now_ms = clock_mono_ms();
	int64_t deadline_ms = now_ms + store->state.timeout.ms;
	size_t n;

	if (!store->backend->class->keeps_deadlines ||
	    !has_time(store, own[0], now_ms))
		return false;
	n = store_queue_borrow(&store->queue, own, count, calls);
	if (n == 0)
		return false;
	if (deadline_ms > own[0]->deadline_ms)
		deadline_ms = own[0]->deadline_ms;
	run_batch(store, calls, n, deadline_ms);
	if (store->keeper.up)
		watch_pace(store);
	store_queue_give_back(&store->queue);
	return true;
}

void *store_thread(void *arg)
{
	struct store *store = arg;
	struct store_keeper *k = &store->keeper;
	struct store_call *calls[STORE_BATCH_MAX];

	for (;;) {
		size_t n;

		if (!k->up)
			try_to_connect(store);
		if (!k->up) {
			if (pause_before_retry(store))
				continue;
			break;
		}
		n = store_queue_take(&store->queue, k->sweep_ms, calls);
		if (n > 0)
			run_batch(store, calls, n,
				  batch_deadline(store, calls[0]));
		else if (store_queue_is_ending(&store->queue))
			break;
		if (k->up)
			watch_pace(store);
		if (k->up && clock_mono_ms() >= k->sweep_ms)
			sweep(store);
	}
	finish_list(store, store_queue_shut(&store->queue), STORE_DOWN);
	store->backend->class->disconnect(store->backend);
	return NULL;
}
