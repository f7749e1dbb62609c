/* The daemon's store, opened by a command. */
#ifndef GATEPOST_CLI_OPEN_STORE_H
#define GATEPOST_CLI_OPEN_STORE_H

#include "milter/store/store.h"

/*
 * Opens the store of that configuration; NULL and err if that cannot be.
 * Root gives up its rights before it touches an SQLite file and becomes the
 * file's owner, or where there is none yet the daemon's user, so that no
 * file is left behind that the daemon may not write. The process keeps that
 * user.
 */
struct store *open_store(struct arena *arena, const struct conf *conf,
			 struct err *err);

#endif
