/*
 * The store from within: store.c makes it, store_calls.c and store_admin.c
 * put calls in, store_thread.c runs them.
 */
#ifndef GATEPOST_STORE_STORE_PRIVATE_H
#define GATEPOST_STORE_STORE_PRIVATE_H

#include "milter/store/store_queue.h"

struct store_counts {
	atomic_uint_least64_t asked, done, late, failed, skipped, downs;
};

struct store {
	struct arena *arena; /* texts of the fields below */
	struct state_conf state;
	struct store_url url;
	store_clock *clock;
	void *clock_with;
	uint64_t boot;
	bool quiet;
	struct store_backend *backend; /* the thread's, once it runs */
	struct store_queue queue;
	pthread_t thread;
	atomic_bool down;
	struct store_counts counts;
	pthread_mutex_t reason_lock;
	struct err reason; /* why it is down */
};

/* The thread's main function; its argument is the store. */
void *store_thread(void *arg);

/* ---- calls ---- */

/* A call with room for `bytes` of what it points to; refs for both sides. */
struct store_call *store_call_new(struct store *store, enum store_op op,
				  size_t bytes, int64_t deadline_ms);
/* Hands it to the thread and waits; `out` may be read if STORE_DONE. */
enum store_status store_call_ask(struct store *store, struct store_call *call);
/* Hands it to the thread, and forgets it. */
void store_call_send(struct store *store, struct store_call *call);
/* The thread's: gives the result to the caller, and drops the call. */
void store_call_finish(struct store *store, struct store_call *call,
		       enum store_status status);
void store_call_drop(struct store_call *call);

/* No time or limit that back ends see is larger: sums stay in bounds. */
#define STORE_NUMBER_MAX 1000000000000
int64_t store_between(int64_t n, int64_t least, int64_t most);
/* Bytes that copies of so many slices take. */
size_t store_room(const struct slice *slices, size_t count);
/* Copies into the call's arena. */
const struct slice *store_copy(struct store_call *call,
			       const struct slice *slices, size_t count);

#endif
