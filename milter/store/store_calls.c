/*
 * Calls: what a message asks is copied into an arena of its own, which
 * belongs to the caller and the thread together and goes with the last of
 * them. So a caller can leave at its deadline while the thread still works
 * on it.
 */
#include "milter/store/store_private.h"
#include "common/base/clock.h"

#include <string.h>

#define PENDING (-1) /* as a status */

static void count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void count_result(struct store *store, enum store_status status)
{
	switch (status) {
	case STORE_DONE:
		count(&store->counts.done);
		break;
	case STORE_LATE:
		count(&store->counts.late);
		break;
	case STORE_DOWN:
		count(&store->counts.skipped);
		break;
	case STORE_FAILED:
		count(&store->counts.failed);
		break;
	}
}

int64_t store_between(int64_t n, int64_t least, int64_t most)
{
	if (n < least)
		return least;
	return n < most ? n : most;
}

size_t store_room(const struct slice *slices, size_t count_of)
{
	size_t bytes = count_of * sizeof(*slices);

	/* Each copy ends in a NUL and at a multiple of 16. */
	for (size_t i = 0; i < count_of; i++)
		bytes += slices[i].n + 16;
	return bytes + 16;
}

const struct slice *store_copy(struct store_call *call,
			       const struct slice *slices, size_t count_of)
{
	struct slice *copies = ARENA_ARRAY(call->arena, struct slice, count_of);

	for (size_t i = 0; i < count_of; i++)
		copies[i] = arena_dup(call->arena, slices[i]);
	return copies;
}

struct store_call *store_call_new(struct store *store, enum store_op op,
				  size_t bytes, int64_t deadline_ms)
{
	struct arena *arena = arena_new(sizeof(struct store_call) + 16 + bytes);
	struct store_call *call = ARENA_NEW(arena, struct store_call);

	call->arena = arena;
	call->op = op;
	call->deadline_ms = deadline_ms;
	store->clock(store->clock_with, &call->now);
	atomic_init(&call->status, PENDING);
	atomic_init(&call->refs, 1);
	return call;
}

void store_call_drop(struct store_call *call)
{
	struct arena *arena = call->arena;

	if (atomic_fetch_sub(&call->refs, 1) == 1)
		arena_free(&arena);
}

void store_call_finish(struct store *store, struct store_call *call,
		       enum store_status status)
{
	if (call->op == STORE_OP_NOTE) {
		count_result(store, status);
	} else {
		atomic_store(&call->status, (int)status);
		wake_all(&call->wake);
	}
	store_call_drop(call);
}

/* A call that is not taken gets its status at once. */
static void hand_over(struct store *store, struct store_call *call, bool urgent)
{
	enum store_queue_result result = STORE_QUEUE_SHUT;

	atomic_fetch_add(&call->refs, 1);
	if (store_is_up(store))
		result = store_queue_add(&store->queue, call, urgent);
	if (result == STORE_QUEUED)
		count(&store->counts.asked);
	else
		store_call_finish(store, call,
				  result == STORE_QUEUE_FULL ? STORE_LATE
							     : STORE_DOWN);
}

/* False: they are to be handed over. */
static bool run_here(struct store *store, struct store_call *const *calls,
		     size_t count_of)
{
	if (!store_is_up(store))
		return false;
	for (size_t i = 0; i < count_of; i++)
		atomic_fetch_add(&calls[i]->refs, 1);
	if (store_run_here(store, calls, count_of)) {
		for (size_t i = 0; i < count_of; i++)
			count(&store->counts.asked);
		return true;
	}
	for (size_t i = 0; i < count_of; i++)
		store_call_drop(calls[i]);
	return false;
}

static enum store_status wait_for(struct store_call *call)
{
	for (;;) {
		unsigned seen = wake_count(&call->wake);
		int status = atomic_load(&call->status);
		int64_t left_ms = call->deadline_ms - clock_mono_ms();

		if (status != PENDING)
			return (enum store_status)status;
		if (left_ms <= 0)
			return STORE_LATE;
		wake_wait(&call->wake, seen, left_ms);
	}
}

void store_calls_ask(struct store *store, struct store_call *const *calls,
		     size_t count_of, enum store_status *statuses_r)
{
	if (!run_here(store, calls, count_of)) {
		for (size_t i = 0; i < count_of; i++)
			hand_over(store, calls[i], true);
	}
	for (size_t i = 0; i < count_of; i++) {
		statuses_r[i] = wait_for(calls[i]);
		count_result(store, statuses_r[i]);
	}
}

enum store_status store_call_ask(struct store *store, struct store_call *call)
{
	enum store_status status;

	if (call->op >= STORE_OP_LIST) {
		hand_over(store, call, true);
		status = wait_for(call);
		count_result(store, status);
	} else {
		store_calls_ask(store, &call, 1, &status);
	}
	return status;
}

struct store_call *store_greylist_call(struct store *store,
				       const struct greylist_try *attempt,
				       int64_t deadline_ms)
{
	size_t bytes = store_room(attempt->rcpts, attempt->rcpt_count) +
		       store_room(attempt->origins, attempt->origin_count) +
		       store_room(&attempt->sender, 1) +
		       store_room(&attempt->record_id, 1);
	struct store_call *call =
		store_call_new(store, STORE_OP_GREYLIST, bytes, deadline_ms);
	struct greylist_try *in = &call->in.greylist;

	*in = *attempt;
	in->delay_ms =
		store_between(in->delay_ms, GREYLIST_PASS, STORE_NUMBER_MAX);
	in->window_ms = store_between(in->window_ms, 0, STORE_NUMBER_MAX);
	in->lifetime_ms = store_between(in->lifetime_ms, 0, STORE_NUMBER_MAX);
	in->sender = arena_dup(call->arena, attempt->sender);
	in->record_id = arena_dup(call->arena, attempt->record_id);
	in->rcpts = store_copy(call, attempt->rcpts, attempt->rcpt_count);
	for (size_t i = 0; i < in->origin_count; i++)
		in->origins[i] = arena_dup(call->arena, attempt->origins[i]);
	return call;
}

enum store_status store_greylist(struct store *store,
				 const struct greylist_try *attempt,
				 int64_t deadline_ms,
				 struct greylist_answer *answer_r)
{
	struct store_call *call =
		store_greylist_call(store, attempt, deadline_ms);
	enum store_status status = store_call_ask(store, call);

	if (status == STORE_DONE)
		*answer_r = call->out.greylist;
	store_call_drop(call);
	return status;
}

static struct store_call *trust_call(struct store *store, struct slice domain,
				     int64_t deadline_ms)
{
	struct store_call *call = store_call_new(
		store, STORE_OP_TRUST, store_room(&domain, 1), deadline_ms);

	call->in.name = arena_dup(call->arena, domain);
	return call;
}

static struct store_call *allowed_call(struct store *store,
				       const struct slice *names,
				       size_t count_of, int64_t deadline_ms)
{
	struct store_call *call;

	if (count_of > STORE_NAMES_MAX)
		count_of = STORE_NAMES_MAX;
	call = store_call_new(store, STORE_OP_ALLOWED,
			      store_room(names, count_of), deadline_ms);
	call->in.names.names = store_copy(call, names, count_of);
	call->in.names.count = count_of;
	return call;
}

enum store_status store_trust(struct store *store, struct slice domain,
			      int64_t deadline_ms, int64_t *good_r)
{
	struct store_call *call = trust_call(store, domain, deadline_ms);
	enum store_status status = store_call_ask(store, call);

	if (status == STORE_DONE)
		*good_r = call->out.number;
	store_call_drop(call);
	return status;
}

enum store_status store_allowed(struct store *store, const struct slice *names,
				size_t count_of, int64_t deadline_ms,
				int *index_r)
{
	struct store_call *call =
		allowed_call(store, names, count_of, deadline_ms);
	enum store_status status = store_call_ask(store, call);

	if (status == STORE_DONE)
		*index_r = (int)call->out.number;
	store_call_drop(call);
	return status;
}

enum store_status store_standing(struct store *store,
				 struct store_standing *standing,
				 int64_t deadline_ms)
{
	enum store_status statuses[2] = {STORE_DONE, STORE_DONE};
	struct store_call *calls[2];
	size_t n = 1;

	calls[0] = allowed_call(store, standing->names, standing->count,
				deadline_ms);
	if (standing->domain.n > 0)
		calls[n++] = trust_call(store, standing->domain, deadline_ms);
	store_calls_ask(store, calls, n, statuses);
	standing->index = -1;
	standing->good = 0;
	if (statuses[0] == STORE_DONE)
		standing->index = (int)calls[0]->out.number;
	if (n > 1 && statuses[1] == STORE_DONE)
		standing->good = calls[1]->out.number;
	for (size_t i = 0; i < n; i++)
		store_call_drop(calls[i]);
	return statuses[0] != STORE_DONE ? statuses[0] : statuses[1];
}

void store_note(struct store *store, struct slice domain, bool good,
		int64_t lifetime_ms)
{
	struct store_call *call = store_call_new(
		store, STORE_OP_NOTE, store_room(&domain, 1), INT64_MAX);

	call->in.note = (struct store_note_in){
		.domain = arena_dup(call->arena, domain),
		.good = good,
		.lifetime_ms = store_between(lifetime_ms, 0, STORE_NUMBER_MAX),
	};
	/* The end of a record is news; one more good message is none. */
	hand_over(store, call, !good);
	store_call_drop(call);
}

/* A rate that makes sense, whatever it is: back ends divide by it. */
static struct rate sane(const struct rate *rate)
{
	struct rate sane = {
		.limit = store_between(rate->limit, 1, STORE_NUMBER_MAX),
		.interval_ms =
			store_between(rate->interval_ms, 1, STORE_NUMBER_MAX),
	};

	sane.amount = store_between(rate->amount, 1, sane.limit);
	return sane;
}

enum store_status store_rate(struct store *store, const struct rate_ask *ask,
			     int64_t deadline_ms, struct rate_answer *answer_r)
{
	size_t count = ask->count < RATES_MAX ? ask->count : RATES_MAX;
	size_t bytes = store_room(&ask->subject, 1);
	struct store_call *call;
	struct store_rate_in *in;
	enum store_status status;

	for (size_t i = 0; i < count; i++)
		bytes += store_room(&ask->rates[i].name, 1);
	call = store_call_new(store, STORE_OP_RATE, bytes, deadline_ms);
	in = &call->in.rate;
	in->subject = arena_dup(call->arena, ask->subject);
	in->count = count;
	in->take = ask->take;
	for (size_t i = 0; i < count; i++) {
		in->rates[i] = sane(&ask->rates[i]);
		in->rates[i].name = arena_dup(call->arena, ask->rates[i].name);
	}
	status = store_call_ask(store, call);
	if (status == STORE_DONE)
		*answer_r = call->out.rate;
	store_call_drop(call);
	return status;
}
