/*
 * Keeps libmilter's pool of threads moving. A session that becomes ready
 * while its threads are busy may wait for one of *them* to end, though a
 * thread could be started: the pool hands out work only when a thread
 * passes its queue. So each worker keeps a few milter sessions to itself
 * and, while messages wait and none has ended for some milliseconds, sends
 * an ABORT on one: a thread is started or woken for that, and takes along
 * what stands in the queue. While that helps it uses more of them at once.
 * Nothing runs while no message is waiting.
 */
#ifndef GATEPOST_DAEMON_TICK_H
#define GATEPOST_DAEMON_TICK_H

#include "common/base/err.h"

#include <stdint.h>

struct tick;

#define TICK_SESSIONS 8

/*
 * Takes over the fds, connections to our own pool that have negotiated.
 * Starts the thread. The object lives as long as the process.
 */
struct tick *tick_new(const int fds[TICK_SESSIONS], int64_t every_ms,
		      struct err *err);
/* Around a wait at end-of-message; safe from any thread. tick may be NULL. */
void tick_begin(struct tick *tick);
void tick_end(struct tick *tick);
/* How many are between begin and end. */
unsigned tick_waiting(struct tick *tick);

#endif
