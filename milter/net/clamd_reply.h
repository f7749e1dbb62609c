/* What clamd says of itself; what it says of a message is in clamd.h. */
#ifndef GATEPOST_NET_CLAMD_REPLY_H
#define GATEPOST_NET_CLAMD_REPLY_H

#include "common/base/slice.h"

/* "ClamAV 1.4.6/27000/Sat Nov 28 08:00:00 2026"; what is missing is 0. */
struct clamd_version {
	struct slice engine;		/* "ClamAV 1.4.6"; points into it */
	uint64_t database_version;
	int64_t database_time;		/* seconds since the epoch */
};

/*
 * False when that is no answer to VERSION. clamd writes the time in its own
 * zone and does not say which: it is read in ours.
 */
bool clamd_read_version(struct slice reply, struct clamd_version *version_r);

#endif
