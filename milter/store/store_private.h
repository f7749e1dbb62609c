/*
 * The store from within: store.c makes it, store_calls.c and store_admin.c
 * put calls in, store_thread.c runs them.
 */
#ifndef GATEPOST_STORE_STORE_PRIVATE_H
#define GATEPOST_STORE_STORE_PRIVATE_H

#include "milter/store/store_pace.h"
#include "milter/store/store_queue.h"

struct store_counts {
	atomic_uint_least64_t asked, done, late, failed, skipped, downs;
};

/* The breaker's: of the thread, or of who has borrowed its place. */
struct store_keeper {
	bool known; /* whether it works: false until the first try */
	bool up;
	int64_t pause_ms;
	int64_t since_ms; /* when it last came up or went down */
	int64_t sweep_ms; /* when to sweep next */
	uint64_t missed;  /* calls that were not served, when all was well */
	struct store_pace pace;
};

struct store {
	struct arena *arena; /* texts of the fields below */
	struct state_conf state;
	struct store_url url;
	store_clock *clock;
	void *clock_with;
	uint64_t boot;
	bool quiet;
	struct store_backend *backend; /* as the keeper */
	struct store_keeper keeper;
	struct store_queue queue;
	pthread_t thread;
	atomic_bool down;
	struct store_counts counts;
	pthread_mutex_t reason_lock;
	struct err reason; /* why it is down */
};

/* The thread's main function; its argument is the store. */
void *store_thread(void *arg);
/*
 * Runs calls at once, in the thread's place. They have one deadline. False:
 * not now, or not with this back end; hand them over.
 */
bool store_run_here(struct store *store, struct store_call *const *own,
		    size_t count);

/* ---- calls ---- */

/* A call with room for `bytes` of what it points to; refs for both sides. */
struct store_call *store_call_new(struct store *store, enum store_op op,
				  size_t bytes, int64_t deadline_ms);
struct store_call *store_greylist_call(struct store *store,
				       const struct greylist_try *attempt,
				       int64_t deadline_ms);
/* Has it run and waits; `out` may be read if STORE_DONE. */
enum store_status store_call_ask(struct store *store, struct store_call *call);
/* The same for several of one deadline, up to 8; none is an administrator's. */
void store_calls_ask(struct store *store, struct store_call *const *calls,
		     size_t count, enum store_status *statuses_r);
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
