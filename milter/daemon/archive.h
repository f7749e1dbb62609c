/*
 * The recorder's archive: a thread that writes down what the intake has, in
 * batches, and keeps the history within its bounds. When the file cannot be
 * written it says so once, tries again in growing pauses and says when it
 * goes on; mail is not concerned.
 */
#ifndef GATEPOST_DAEMON_ARCHIVE_H
#define GATEPOST_DAEMON_ARCHIVE_H

#include "common/conf/conf.h"
#include "milter/daemon/intake.h"
#include "milter/daemon/opinions.h"

struct archive;

/* What it writes down; both outlive it. */
struct archive_sources {
	struct intake *intake;
	struct opinions *opinions;
};

/* The configuration and the slot outlive it too. */
struct archive *archive_new(const struct conf *conf,
			    const struct archive_sources *sources,
			    struct counter_slot *slot, struct err *err);
/*
 * Writes what the intake still has, for some seconds at most, and ends. The
 * intake must have ended.
 */
void archive_free(struct archive **archive);

/* Why nothing is written; false: all is well, or history is off. */
bool archive_trouble(struct archive *archive, struct err *why_r);

#endif
