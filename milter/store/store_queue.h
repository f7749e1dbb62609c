/*
 * The calls that wait for the store's thread: bounded, first come first
 * served, and shut while the store does not work. It owns no call.
 */
#ifndef GATEPOST_STORE_STORE_QUEUE_H
#define GATEPOST_STORE_STORE_QUEUE_H

#include "milter/store/store_backend.h"

#include <pthread.h>

#define STORE_BATCH_MAX 256

struct store_queue {
	pthread_mutex_t lock;
	struct wake wake;
	struct store_call *first, **end;
	size_t count, max;
	bool shut;   /* nothing may be added */
	bool ending; /* the thread is to end once it is empty */
	bool urgent; /* somebody waits for what is in it */
	int64_t due_ms; /* when the thread is to run what nobody waits for */
	bool asleep;	/* the thread waits */
	int64_t wakes_ms; /* ... until then */
	bool lent;   /* a caller runs calls in the thread's place */
};

enum store_queue_result { STORE_QUEUED, STORE_QUEUE_FULL, STORE_QUEUE_SHUT };

void store_queue_init(struct store_queue *queue, size_t max);
void store_queue_clear(struct store_queue *queue);
/*
 * By any thread. A call that is not urgent goes with the next one that is,
 * or after a moment: to wake the thread is most of what a call costs.
 */
enum store_queue_result store_queue_add(struct store_queue *queue,
					struct store_call *call, bool urgent);
/*
 * By a caller that would run its calls itself: while the thread has nothing
 * to do and nobody else has borrowed its place. Returns how many calls are
 * to be run, its own last; 0: add them. After it, give the place back.
 */
size_t store_queue_borrow(struct store_queue *queue,
			  struct store_call *const *own, size_t count,
			  struct store_call *calls_r[STORE_BATCH_MAX]);
void store_queue_give_back(struct store_queue *queue);
/* The thread is to end. */
void store_queue_finish(struct store_queue *queue);

/* ---- by the store's thread, or who has borrowed its place ---- */

/*
 * Waits until there are calls, or the time comes, or it is to end; takes
 * what may run together. Returns how many; 0: none came, or it is shut.
 */
size_t store_queue_take(struct store_queue *queue, int64_t until_ms,
			struct store_call *calls_r[STORE_BATCH_MAX]);
bool store_queue_is_ending(struct store_queue *queue);
/* Sleeps; false as soon as it is to end. */
bool store_queue_pause(struct store_queue *queue, int64_t ms);
/* Lets nothing in any more; returns the list of those that wait. */
struct store_call *store_queue_shut(struct store_queue *queue);
void store_queue_open(struct store_queue *queue);

#endif
