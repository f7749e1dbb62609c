/*
 * The file of an SQLite database: made for this user only, and told from
 * another one that has taken its place.
 */
#ifndef GATEPOST_STORE_SQLITE_FILE_H
#define GATEPOST_STORE_SQLITE_FILE_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct sqlite_file {
	dev_t device;
	ino_t inode;
};

/* An empty file if there is none; waits for others until the deadline. */
int sqlite_file_make(const char *path, int64_t deadline_ms, struct err *err);
int sqlite_file_remember(const char *path, struct sqlite_file *file_r,
			 struct err *err);
/* Whether the path names another file now, or none. */
bool sqlite_file_is_gone(const char *path, const struct sqlite_file *file);

#endif
