/* The daemon's history, opened by a command for reading. */
#ifndef GATEPOST_CLI_OPEN_HISTORY_H
#define GATEPOST_CLI_OPEN_HISTORY_H

#include "common/conf/conf.h"
#include "milter/store/history.h"

/*
 * Opens the history below the configuration's state_dir; nothing is made
 * where there is none. Root becomes the file's owner (owner.h). NULL and
 * err: it cannot be read, or with *absent_r set, there is none.
 */
struct history *open_history(const struct conf *conf, bool *absent_r,
			     struct err *err);
/* Where it is, or would be. */
struct slice open_history_path(struct arena *arena, const struct conf *conf);
/* A hint where nothing was found, as nothing is kept; else NULL. */
const char *open_history_hint(const struct conf *conf);

#endif
