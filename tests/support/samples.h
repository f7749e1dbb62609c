/*
 * Verdict records as the engine makes them, one sample for each way a
 * message can go: what explain, log and stats are tried on.
 */
#ifndef GATEPOST_TESTS_SAMPLES_H
#define GATEPOST_TESTS_SAMPLES_H

#include "common/verdict/record.h"

struct sample {
	const char *name;
	const struct record *records;	/* the tries of one message, in order */
	size_t count;
};

/* When the first of them came: 2026-11-27 22:12:05 UTC, in milliseconds. */
#define SAMPLES_TIME_MS (INT64_C(1795817525) * 1000)

/* All of them, with a NULL name at the end; they live in the arena. */
const struct sample *samples_make(struct arena *arena);
const struct sample *samples_find(const struct sample *samples,
				  const char *name);

#endif
