/*
 * The files of notices below state_dir: notices/lock, held by the one
 * process that tells; notices/book; and the folder notices/queue.
 */
#ifndef GATEPOST_DAEMON_NOTICE_FILES_H
#define GATEPOST_DAEMON_NOTICE_FILES_H

#include "milter/daemon/notice_book.h"

#include <limits.h>

struct notice_files {
	char folder[PATH_MAX];
	char queue[PATH_MAX + 16];
	int lock;		/* -1: not held */
};

void notice_files_name(struct notice_files *files, const char *state_dir);
/* 1: we hold the lock; 0: another process does; -1: err says. */
int notice_files_lock(struct notice_files *files, struct err *err);
void notice_files_close(struct notice_files *files);
/*
 * The book; a new one if there is none yet, for which messages before
 * `not_before_ms` are no news. One that cannot be read is moved away.
 */
int notice_files_read(struct notice_files *files, struct arena *arena,
		      int64_t not_before_ms, struct notice_book **book_r,
		      struct err *err);
/* Replaces it, whole or not at all, and for good. */
int notice_files_write(const struct notice_files *files, struct slice text,
		       struct err *err);
/* Removes the book, if nobody holds the lock. */
void notice_files_forget(struct notice_files *files);

/* The secret in that file, without blanks around it; none for "". */
int notice_files_key(const char *path, struct arena *arena,
		     struct slice *key_r, struct err *err);

#endif
