/*
 * Asks for one message to be scanned, and waits for the report: by a
 * scanner of ours through the queue (scan_wire.h), by clamd, or both, the
 * one for viruses and the other for the parts. Nothing here waits but
 * scan_wait().
 */
#ifndef GATEPOST_NET_SCAN_H
#define GATEPOST_NET_SCAN_H

#include "milter/net/clamd.h"
#include "milter/net/scan_report.h"

/* Who scans; what it points to outlives every scan. */
struct scan_options {
	int queue;		/* where scanners take requests; -1: none */
	struct clamd *clamd;	/* for viruses, or NULL */
	int64_t queue_ms;	/* until a scanner has taken it */
	int64_t time_ms;	/* then until it has ended */
};

struct scan;

/*
 * `fd`: the message, a sealed memfd that outlives the scan. NULL: nobody
 * scans. Lives in the arena until scan_end().
 */
struct scan *scan_begin(const struct scan_options *options,
			struct arena *arena, int fd, uint64_t size);
/*
 * The report, at the latest at `until_ms` (monotonic): what has not come by
 * then is unscanned. It lives in the arena.
 */
const struct scan_report *scan_wait(struct scan *scan, int64_t until_ms);
/* Gives up what has not ended. */
void scan_end(struct scan **scan);

#endif
