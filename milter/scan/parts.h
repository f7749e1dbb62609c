/*
 * The list of parts of one message as it grows, and what may still be
 * spent on it.
 */
#ifndef GATEPOST_SCAN_PARTS_H
#define GATEPOST_SCAN_PARTS_H

#include "milter/net/scan_report.h"

struct parts {
	struct arena *arena;
	struct scan_part *list;	/* SCAN_PARTS_MAX of them */
	size_t count;
	bool incomplete;	/* there was more than is told */
	uint64_t bytes_left;	/* that archives may still unpack */
	int64_t until_ms;	/* monotonic; then no archive is opened */
};

void parts_init(struct parts *parts, struct arena *arena);
/* A copy of it; -1 when the list is full, which is then incomplete. */
int parts_add(struct parts *parts, const struct scan_part *part);

#endif
