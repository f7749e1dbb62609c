/*
 * The leaves of a message, decoded. Reading MIME is guesswork where a
 * message breaks its rules, and readers guess differently; so wherever two
 * decodings are plausible both are told, and beside the tree there is a
 * sweep over the bare lines for what looks encoded, whatever boundaries and
 * headers say.
 */
#ifndef GATEPOST_SCAN_MIME_H
#define GATEPOST_SCAN_MIME_H

#include "common/base/arena.h"

struct mime_leaf {
	struct slice name;	/* decoded; may be empty, or no UTF-8 */
	struct slice type;	/* declared, "text/plain" */
	struct slice bytes;	/* decoded; lives during the call */
	/* Another reading of a leaf that was told before, or the sweep's. */
	bool doubtful;
};

/* Returns -1 to hear of no more. */
typedef int mime_hear(void *with, const struct mime_leaf *leaf);

struct mime_limits {
	unsigned leaves, depth;
};

/* Once in a process, before the first message. */
void mime_start(void);
/* False: there is more, past a limit, or it cannot be read. */
bool mime_walk(struct slice message, const struct mime_limits *limits,
	       mime_hear *hear, void *with);

#endif
