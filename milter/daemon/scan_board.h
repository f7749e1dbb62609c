/*
 * What a scanner's supervisor, its generations and their children know of
 * each other: shared mappings, one for each generation, made by the
 * supervisor before it forks. Children write their own line only.
 */
#ifndef GATEPOST_DAEMON_SCAN_BOARD_H
#define GATEPOST_DAEMON_SCAN_BOARD_H

#include "milter/scan/clamav.h"

#include <stdatomic.h>
#include <sys/types.h>

#define SCAN_CHILDREN_MAX 64

struct scan_line {
	atomic_llong busy_since_ms;	/* 0: it waits for a message */
};

struct scan_board {
	/* Written by the generation before it says that it is ready. */
	struct clamav_about about;
	char trouble[512];	/* why it ended without being ready */
	bool changed;		/* the files did, while it loaded them */
	atomic_uint children;	/* that are there, at work or waiting */
	struct scan_line lines[SCAN_CHILDREN_MAX];
};

#endif
