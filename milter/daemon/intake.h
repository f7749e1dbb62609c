/*
 * The recorder's intake: a thread that takes records from their sockets the
 * moment they come, so that workers find room there while the file is being
 * written. What it has is bounded; what comes above that is lost, and
 * counted.
 */
#ifndef GATEPOST_DAEMON_INTAKE_H
#define GATEPOST_DAEMON_INTAKE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "milter/daemon/counters.h"

/* Packed records in the order in which they came. */
struct batch {
	struct arena *arena;
	struct slice *records;
	size_t count, room;
	size_t bytes;
};

struct intake;

struct intake_options {
	int socket;
	struct counter_slot *slot;
	/* Given each probe's record, on the intake's thread. */
	void (*probe)(void *with, struct slice packed);
	void *with;
};

struct intake *intake_new(const struct intake_options *options,
			  struct err *err);
/*
 * What has come since the last time; waits for something until then
 * (monotonic). May be empty; to be given back.
 */
struct batch *intake_take(struct intake *intake, int64_t until_ms);
void intake_give_back(struct intake *intake, struct batch **batch);
/* Takes what is in the sockets by now, and ends the thread. */
void intake_end(struct intake *intake);
void intake_free(struct intake **intake);

#endif
