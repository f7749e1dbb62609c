/*
 * A thread with a connection of its own that writes SQLite's log back into
 * the file, so that no call waits for the disk meanwhile.
 */
#ifndef GATEPOST_STORE_SQLITE_CHECKPOINT_H
#define GATEPOST_STORE_SQLITE_CHECKPOINT_H

#include "common/base/err.h"

#include <stdint.h>

struct checkpointer;

/*
 * Opens the file until deadline_ms at the latest. The path outlives it.
 * hold_ms: how long a log that has become long waits for who writes and
 * reads, and keeps writers out meanwhile; more than a transaction takes.
 */
struct checkpointer *checkpointer_new(const char *path, int64_t hold_ms,
				      int64_t deadline_ms, struct err *err);
/* Waits for what it is doing. */
void checkpointer_free(struct checkpointer **checkpointer);
/* After a commit: the pages that are in the log now. Never waits. */
void checkpointer_tell(struct checkpointer *checkpointer, int pages);

#endif
