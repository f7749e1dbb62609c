/* One message, taken apart and looked at: what a child of a scanner does. */
#ifndef GATEPOST_SCAN_SCAN_MESSAGE_H
#define GATEPOST_SCAN_SCAN_MESSAGE_H

#include "milter/scan/found.h"

struct scan_limits {
	uint64_t scan_size;	/* bytes unpacked, in all */
	unsigned files, recursion;
	int64_t time_ms;	/* after which no further leaf is scanned */
};

/*
 * `engine` may be NULL: then only the parts are told, and the result is
 * clean. The report lives in the arena.
 */
void scan_message(struct arena *arena, struct slice message,
		  const struct scan_engine *engine,
		  const struct scan_limits *limits,
		  struct scan_report *report_r);

#endif
