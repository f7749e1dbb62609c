/*
 * The thread sleeps on a condition while nothing happens, and looks every
 * few milliseconds while messages come; so a busy worker pays no wake-up
 * per message and an idle one none at all.
 */
#include "milter/daemon/tick.h"
#include "common/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* After this long without a message the thread goes to sleep. */
#define QUIET_MS 1000
/* libmilter ends sessions that were silent too long; ours speaks up. */
#define KEEPALIVE_S 30
/* Between ABORTs that seem to help. */
#define HURRY_US 300

struct tick {
	int fds[TICK_SESSIONS];
	int64_t every_ms;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool asleep;
	atomic_uint_least64_t begun;
	atomic_uint_least64_t ended;
};

static void send_aborts(const struct tick *tick, int count)
{
	/* Length 1, command 'A'; libmilter ignores it outside a message. */
	static const char frame[] = {0, 0, 0, 1, 'A'};

	/* A full buffer means that libmilter has enough of them to read. */
	for (int i = 0; i < count; i++)
		(void)!send(tick->fds[i], frame, sizeof(frame),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void sleep_until_begun(struct tick *tick, uint64_t seen)
{
	struct timespec until =
		clock_mono_timespec(clock_mono_ms() + KEEPALIVE_S * 1000);

	pthread_mutex_lock(&tick->lock);
	atomic_store(&tick->asleep, true);
	/* Whoever begins after this test sees `asleep` and signals. */
	if (atomic_load(&tick->begun) == seen &&
	    pthread_cond_timedwait(&tick->wake, &tick->lock, &until) ==
		    ETIMEDOUT)
		send_aborts(tick, TICK_SESSIONS);
	atomic_store(&tick->asleep, false);
	pthread_mutex_unlock(&tick->lock);
}

static void pause_us(int64_t us)
{
	struct timespec t = {.tv_sec = us / 1000000,
			     .tv_nsec = us % 1000000 * 1000};

	nanosleep(&t, NULL);
}

static void *run(void *arg)
{
	struct tick *tick = arg;
	uint64_t begun = 0, ended = 0;
	int64_t active_ms = clock_mono_ms();
	int count = 1;

	for (;;) {
		uint64_t begun_now = atomic_load(&tick->begun);
		uint64_t ended_now = atomic_load(&tick->ended);
		/*
		 * Some message began before the last look and none has ended
		 * since: every thread may be waiting, and none passes the
		 * queue. One that began since may have been freed by the
		 * last ABORT, and have others behind it.
		 */
		bool stuck = begun > ended && ended_now == ended;
		bool moving = stuck && begun_now != begun;

		count = moving ? count * 2 : 1;
		if (count > TICK_SESSIONS)
			count = TICK_SESSIONS;
		if (stuck)
			send_aborts(tick, count);
		if (begun_now != begun || begun_now != ended_now)
			active_ms = clock_mono_ms();
		begun = begun_now;
		ended = ended_now;
		if (clock_mono_ms() - active_ms > QUIET_MS)
			sleep_until_begun(tick, begun);
		else
			pause_us(moving ? HURRY_US : tick->every_ms * 1000);
	}
	return NULL;
}

struct tick *tick_new(const int fds[TICK_SESSIONS], int64_t every_ms,
		      struct err *err)
{
	struct tick *tick = calloc(1, sizeof(*tick));
	pthread_condattr_t attr;
	pthread_t thread;
	int error;

	if (!tick) {
		err_set(err, "out of memory");
		return NULL;
	}
	memcpy(tick->fds, fds, sizeof(tick->fds));
	tick->every_ms = every_ms;
	pthread_mutex_init(&tick->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tick->wake, &attr);
	pthread_condattr_destroy(&attr);
	error = pthread_create(&thread, NULL, run, tick);
	if (error) {
		err_set(err, "cannot start a thread: %s", strerror(error));
		free(tick);
		return NULL;
	}
	pthread_detach(thread);
	return tick;
}

void tick_begin(struct tick *tick)
{
	if (!tick)
		return;
	atomic_fetch_add(&tick->begun, 1);
	if (!atomic_load(&tick->asleep))
		return;
	pthread_mutex_lock(&tick->lock);
	pthread_cond_signal(&tick->wake);
	pthread_mutex_unlock(&tick->lock);
}

void tick_end(struct tick *tick)
{
	if (tick)
		atomic_fetch_add(&tick->ended, 1);
}

unsigned tick_waiting(struct tick *tick)
{
	uint64_t ended = atomic_load(&tick->ended);

	return (unsigned)(atomic_load(&tick->begun) - ended);
}
