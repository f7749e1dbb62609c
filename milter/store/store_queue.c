/*
 * A list under a lock. Who adds pays for a wake-up only when the thread
 * sleeps, so under load calls gather while a batch runs and go together. To
 * wake a thread and to be woken by it takes longer than Redis takes to
 * answer, so a caller that is alone may run its call itself.
 */
#include "milter/store/store_queue.h"
#include "common/base/clock.h"

#define PATIENCE_MS 200 /* with calls that nobody waits for */

void store_queue_init(struct store_queue *queue, size_t max)
{
	*queue = (struct store_queue){.max = max};
	queue->end = &queue->first;
	pthread_mutex_init(&queue->lock, NULL);
}

void store_queue_clear(struct store_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

/* With the lock held: whether the thread must be woken once it is given up. */
static bool must_wake(struct store_queue *queue)
{
	bool wake = queue->asleep && !queue->lent &&
		    (queue->urgent || queue->shut ||
		     (queue->first && queue->due_ms < queue->wakes_ms));

	/* Once is enough. */
	if (wake)
		queue->asleep = false;
	return wake;
}

enum store_queue_result store_queue_add(struct store_queue *queue,
					struct store_call *call, bool urgent)
{
	enum store_queue_result result = STORE_QUEUED;
	bool wake = false;

	call->next = NULL;
	pthread_mutex_lock(&queue->lock);
	if (queue->shut || queue->ending) {
		result = STORE_QUEUE_SHUT;
	} else if (queue->count >= queue->max) {
		result = STORE_QUEUE_FULL;
	} else {
		if (!queue->first && !urgent)
			queue->due_ms = clock_mono_ms() + PATIENCE_MS;
		*queue->end = call;
		queue->end = &call->next;
		queue->count++;
		queue->urgent |= urgent;
		wake = must_wake(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	/* Not before: it would wake up only to wait for the lock. */
	if (wake)
		wake_all(&queue->wake);
	return result;
}

void store_queue_finish(struct store_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->ending = true;
	wake_all(&queue->wake);
	pthread_mutex_unlock(&queue->lock);
}

/* With the lock held, which it gives up while it sleeps. */
static void sleep_until(struct store_queue *queue, int64_t until_ms)
{
	unsigned seen = wake_count(&queue->wake);

	queue->asleep = true;
	queue->wakes_ms = until_ms;
	pthread_mutex_unlock(&queue->lock);
	wake_wait(&queue->wake, seen, until_ms - clock_mono_ms());
	pthread_mutex_lock(&queue->lock);
	queue->asleep = false;
}

/* What the administrator asks may take long, and runs alone. */
static bool runs_alone(const struct store_call *call)
{
	return call->op >= STORE_OP_LIST;
}

static size_t take_some(struct store_queue *queue,
			struct store_call *calls_r[STORE_BATCH_MAX])
{
	size_t n = 0;

	while (queue->first && n < STORE_BATCH_MAX) {
		struct store_call *call = queue->first;

		if (n > 0 && runs_alone(call))
			break;
		queue->first = call->next;
		call->next = NULL;
		calls_r[n++] = call;
		if (runs_alone(call))
			break;
	}
	if (!queue->first) {
		queue->end = &queue->first;
		queue->urgent = false;
	}
	queue->count -= n;
	return n;
}

size_t store_queue_borrow(struct store_queue *queue,
			  struct store_call *const *own, size_t count,
			  struct store_call *calls_r[STORE_BATCH_MAX])
{
	size_t n = 0;

	pthread_mutex_lock(&queue->lock);
	if (queue->asleep && !queue->lent && !queue->urgent && !queue->shut &&
	    !queue->ending && queue->count + count <= STORE_BATCH_MAX) {
		queue->lent = true;
		n = take_some(queue, calls_r);
		for (size_t i = 0; i < count; i++)
			calls_r[n++] = own[i];
	}
	pthread_mutex_unlock(&queue->lock);
	return n;
}

void store_queue_give_back(struct store_queue *queue)
{
	bool wake;

	pthread_mutex_lock(&queue->lock);
	queue->lent = false;
	wake = must_wake(queue);
	pthread_mutex_unlock(&queue->lock);
	if (wake)
		wake_all(&queue->wake);
}

/*
 * With the lock held: until when the thread may sleep; if that is past, it
 * has something to do.
 */
static int64_t may_sleep_until(const struct store_queue *queue,
			       int64_t until_ms, int64_t now_ms)
{
	int64_t end_ms = until_ms;

	if (queue->first && queue->due_ms < end_ms)
		end_ms = queue->due_ms;
	if (queue->urgent || queue->ending || queue->shut)
		end_ms = now_ms;
	/* Whoever runs calls in its place wakes it if it is needed. */
	if (queue->lent && end_ms <= now_ms)
		end_ms = now_ms + 1;
	return end_ms;
}

size_t store_queue_take(struct store_queue *queue, int64_t until_ms,
			struct store_call *calls_r[STORE_BATCH_MAX])
{
	int64_t now_ms, end_ms;
	size_t n;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		now_ms = clock_mono_ms();
		end_ms = may_sleep_until(queue, until_ms, now_ms);
		if (end_ms <= now_ms)
			break;
		sleep_until(queue, end_ms);
	}
	n = take_some(queue, calls_r);
	pthread_mutex_unlock(&queue->lock);
	return n;
}

bool store_queue_is_ending(struct store_queue *queue)
{
	bool ending;

	pthread_mutex_lock(&queue->lock);
	ending = queue->ending;
	pthread_mutex_unlock(&queue->lock);
	return ending;
}

bool store_queue_pause(struct store_queue *queue, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	bool ending;

	pthread_mutex_lock(&queue->lock);
	while (!queue->ending && clock_mono_ms() < until_ms)
		sleep_until(queue, until_ms);
	ending = queue->ending;
	pthread_mutex_unlock(&queue->lock);
	return !ending;
}

struct store_call *store_queue_shut(struct store_queue *queue)
{
	struct store_call *list;

	pthread_mutex_lock(&queue->lock);
	queue->shut = true;
	list = queue->first;
	queue->first = NULL;
	queue->end = &queue->first;
	queue->count = 0;
	queue->urgent = false;
	pthread_mutex_unlock(&queue->lock);
	return list;
}

void store_queue_open(struct store_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->shut = false;
	pthread_mutex_unlock(&queue->lock);
}
