/*
 * One message in the history: found by what an administrator has in hand,
 * with all its tries.
 */
#ifndef GATEPOST_CLI_STORY_H
#define GATEPOST_CLI_STORY_H

#include "common/verdict/record.h"
#include "milter/store/history.h"

struct story {
	struct record *records; /* its tries, oldest first */
	size_t count;
	size_t detail;	/* the one that was named; else the last */
	bool cut;	/* there may be more tries */
	/* More than one message goes by that name: the newest try of each;
	 * `records` is empty then. */
	struct record *others;
	size_t other_count;
};

struct story_ask {
	struct slice name;	/* record id, queue id or Message-ID */
	/* Not empty: only what was addressed to it is there, and it is as
	 * recipient_view() shows it. */
	struct slice recipient;
};

/* Finds that message. There is none: count and other_count are 0. */
int story_find(struct history *history, struct arena *arena,
	       const struct story_ask *ask, struct story *story_r,
	       struct err *err);

/*
 * Which of these tries belong with number `anchor`, all of one story and
 * oldest first: those that share a recipient with it, or with one that does.
 * Where a message has no Message-ID, no further than to the try that ended
 * its fate: a monitor writes the same message each day.
 */
void story_pick(struct arena *arena, const struct record *records,
		size_t count, size_t anchor, bool *picked_r);

#endif
