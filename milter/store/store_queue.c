/*
 * A list under a lock. Who adds pays for a wake-up only when the thread
 * sleeps, so under load calls gather while a batch runs and go together.
 */
#include "milter/store/store_queue.h"
#include "common/base/clock.h"

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

enum store_queue_result store_queue_add(struct store_queue *queue,
					struct store_call *call)
{
	enum store_queue_result result = STORE_QUEUED;

	call->next = NULL;
	pthread_mutex_lock(&queue->lock);
	if (queue->shut || queue->ending) {
		result = STORE_QUEUE_SHUT;
	} else if (queue->count >= queue->max) {
		result = STORE_QUEUE_FULL;
	} else {
		*queue->end = call;
		queue->end = &call->next;
		queue->count++;
		if (queue->asleep)
			wake_all(&queue->wake);
		queue->asleep = false;
	}
	pthread_mutex_unlock(&queue->lock);
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
	if (!queue->first)
		queue->end = &queue->first;
	queue->count -= n;
	return n;
}

size_t store_queue_take(struct store_queue *queue, int64_t until_ms,
			struct store_call *calls_r[STORE_BATCH_MAX])
{
	size_t n;

	pthread_mutex_lock(&queue->lock);
	while (!queue->first && !queue->ending && clock_mono_ms() < until_ms)
		sleep_until(queue, until_ms);
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
	pthread_mutex_unlock(&queue->lock);
	return list;
}

void store_queue_open(struct store_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->shut = false;
	pthread_mutex_unlock(&queue->lock);
}
