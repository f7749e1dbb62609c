/*
 * Whether a store that works is too slow to be of use. Its calls then are
 * late, each message waits its full time, and all are let through, while
 * nothing is broken: the administrator must be told of that, too.
 */
#ifndef GATEPOST_STORE_STORE_PACE_H
#define GATEPOST_STORE_STORE_PACE_H

#include "milter/store/store.h"

#define PACE_WINDOW_MS 10000

/* Zero at first. */
struct store_pace {
	int64_t from_ms; /* where the window begins */
	uint64_t done, late;
	bool slow;
};

enum store_pace_news { PACE_NO_NEWS, PACE_TOO_SLOW, PACE_IN_TIME };

struct store_pace_count {
	uint64_t calls;	/* of the window that has ended */
	uint64_t late;	/* of these */
};

/* Leaves out what was until now, because the store was down. */
void store_pace_begin(struct store_pace *pace, const struct store_stats *stats,
		      int64_t now_ms);
/* To be called now and then; *count_r is filled when there is news. */
enum store_pace_news store_pace_look(struct store_pace *pace,
				     const struct store_stats *stats,
				     int64_t now_ms,
				     struct store_pace_count *count_r);

#endif
