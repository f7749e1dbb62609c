/*
 * Two batches take turns: the thread fills one while the other is written.
 * After each round the thread sleeps a little, so that on a busy host it
 * wakes for many records and not for each.
 */
#include "milter/daemon/intake.h"
#include "common/base/clock.h"
#include "common/base/wake.h"
#include "common/verdict/wire.h"
#include "milter/daemon/records.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_RECORDS 16384
#define BATCH_BYTES (32u << 20)
#define ARENA_BYTES (256 * 1024)
#define LOOK_MS 200
#define REST_US 2000

struct intake {
	struct intake_options options;
	pthread_t thread;
	atomic_bool ending;
	char *buffer; /* the thread's */

	pthread_mutex_t lock;
	struct wake wake;
	struct batch *filling;
	struct batch *spare; /* NULL: it has been taken */
};

static struct batch *batch_new(void)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct batch *batch = calloc(1, sizeof(*batch));
	struct slice *records = calloc(BATCH_RECORDS, sizeof(*records));

	if (!batch || !records) {
		arena_free(&arena);
		free(batch);
		free(records);
		return NULL;
	}
	*batch = (struct batch){
		.arena = arena, .records = records, .room = BATCH_RECORDS};
	return batch;
}

static void batch_free(struct batch **batch)
{
	if (!*batch)
		return;
	arena_free(&(*batch)->arena);
	free((*batch)->records);
	free(*batch);
	*batch = NULL;
}

static void keep(struct intake *intake, struct slice packed)
{
	struct batch *batch;

	if (record_packed_is_probe(packed)) {
		intake->options.probe(intake->options.with, packed);
		return;
	}
	pthread_mutex_lock(&intake->lock);
	batch = intake->filling;
	if (batch->count < batch->room &&
	    batch->bytes + packed.n <= BATCH_BYTES) {
		batch->records[batch->count++] =
			arena_dup(batch->arena, packed);
		batch->bytes += packed.n;
		counter_add(intake->options.slot, GAUGE_RECORDS_QUEUED, 1);
	} else {
		counter_add(intake->options.slot, COUNTER_RECORDS_LOST, 1);
	}
	pthread_mutex_unlock(&intake->lock);
}

/* Everything that is there. -1: nothing will ever come again. */
static int drain(struct intake *intake)
{
	struct slice packed;
	bool some = false;
	int got;

	while ((got = records_receive(intake->options.socket, intake->buffer,
				      &packed)) > 0) {
		keep(intake, packed);
		some = true;
	}
	if (some) {
		pthread_mutex_lock(&intake->lock);
		wake_all(&intake->wake);
		pthread_mutex_unlock(&intake->lock);
	}
	return got;
}

static void *run(void *arg)
{
	static const struct timespec rest = {.tv_nsec = REST_US * 1000};
	struct intake *intake = arg;
	struct pollfd readable = {.fd = intake->options.socket,
				  .events = POLLIN};

	while (!atomic_load(&intake->ending)) {
		if (poll(&readable, 1, LOOK_MS) <= 0)
			continue;
		if (drain(intake) < 0)
			break;
		nanosleep(&rest, NULL);
	}
	drain(intake);
	return NULL;
}

struct intake *intake_new(const struct intake_options *options, struct err *err)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	int error = ENOMEM;

	if (intake) {
		intake->options = *options;
		pthread_mutex_init(&intake->lock, NULL);
		intake->buffer = malloc(RECORD_PACKED_MAX);
		intake->filling = batch_new();
		intake->spare = batch_new();
	}
	if (intake && intake->buffer && intake->filling && intake->spare) {
		error = pthread_create(&intake->thread, NULL, run, intake);
		if (!error)
			return intake;
	}
	intake_free(&intake);
	err_set(err, "cannot take records: %s", strerror(error));
	return NULL;
}

struct batch *intake_take(struct intake *intake, int64_t until_ms)
{
	struct batch *batch;

	pthread_mutex_lock(&intake->lock);
	while (intake->filling->count == 0 && clock_mono_ms() < until_ms) {
		unsigned seen = wake_count(&intake->wake);

		pthread_mutex_unlock(&intake->lock);
		wake_wait(&intake->wake, seen, until_ms - clock_mono_ms());
		pthread_mutex_lock(&intake->lock);
	}
	batch = intake->filling;
	intake->filling = intake->spare;
	intake->spare = NULL;
	pthread_mutex_unlock(&intake->lock);
	return batch;
}

void intake_give_back(struct intake *intake, struct batch **batch)
{
	counter_add(intake->options.slot, GAUGE_RECORDS_QUEUED,
		    -(uint64_t)(*batch)->count);
	arena_reset((*batch)->arena);
	(*batch)->count = 0;
	(*batch)->bytes = 0;
	pthread_mutex_lock(&intake->lock);
	intake->spare = *batch;
	pthread_mutex_unlock(&intake->lock);
	*batch = NULL;
}

void intake_end(struct intake *intake)
{
	if (atomic_exchange(&intake->ending, true))
		return;
	pthread_join(intake->thread, NULL);
	pthread_mutex_lock(&intake->lock);
	wake_all(&intake->wake);
	pthread_mutex_unlock(&intake->lock);
}

void intake_free(struct intake **intake)
{
	struct intake *i = *intake;

	if (!i)
		return;
	batch_free(&i->filling);
	batch_free(&i->spare);
	free(i->buffer);
	pthread_mutex_destroy(&i->lock);
	free(i);
	*intake = NULL;
}
