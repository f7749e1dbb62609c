/*
 * One connection to an SQLite file: open, statements, transactions, and
 * what is wrong in words. The only file that sees SQLite.
 *
 * Statements are named by their index in the table that db_new() is given
 * and prepared when first used. Not thread-safe: a connection belongs to
 * one thread. Any number of connections and processes may use one file.
 */
#ifndef GATEPOST_STORE_SQLITE_DB_H
#define GATEPOST_STORE_SQLITE_DB_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct db;

struct db_options {
	const char *path;	/* outlives the db */
	const char *const *statements;
	size_t statement_count;
	/*
	 * What SQL may call as named_by(WANTED, TEXT, …): whether one of
	 * the texts goes by that name.
	 */
	bool (*named_by)(struct slice wanted, const struct slice *texts,
			 size_t count);
	int cache_kib;	/* memory for pages; 0: a default */
	int page_size;	/* of a file that is made; 0: a default */
	bool read_only;	/* neither makes the file nor writes to it */
};

/* Opens nothing yet. It lives in the arena; close it before that goes. */
struct db *db_new(struct arena *arena, const struct db_options *options);

/* Waits for other processes that write end there; monotonic. */
void db_set_deadline(struct db *db, int64_t deadline_ms);
/*
 * Makes the file, for this user only, if it is not there; for reading, that
 * is an error.
 */
int db_open(struct db *db, struct err *err);
/* Harmless twice. */
void db_close(struct db *db);
bool db_is_open(const struct db *db);
/* Whether the path names another file now, or none. */
bool db_is_gone(const struct db *db);
/* Whether the last error since it was opened says that the file is damaged. */
bool db_is_damaged(const struct db *db);

/* SQL without parameters or results. */
int db_run(struct db *db, const char *sql, struct err *err);
/* One number that SQL gives. */
int db_number(struct db *db, const char *sql, int64_t *number_r,
	      struct err *err);
/* 1: another writes, and went on to until the deadline. */
int db_begin(struct db *db, bool writing, struct err *err);
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);
/* Pages that the log held after the last commit. */
int db_log_pages(const struct db *db);
/*
 * Writes the log into the file; commits do not do it. It may wait for the
 * disk, so give it a connection of its own. Whole: until the deadline, it
 * waits for others and keeps writers out, so that the log begins anew.
 */
void db_checkpoint(struct db *db, bool whole);

/* Parameters count from 1, columns from 0. */
void db_bind(struct db *db, unsigned statement, int at, int64_t value);
/* The text must stay until the statement is done. */
void db_bind_text(struct db *db, unsigned statement, int at,
		  struct slice text);
/* The same for bytes that are compared as bytes, NUL and all. */
void db_bind_blob(struct db *db, unsigned statement, int at,
		  struct slice bytes);
/* 1: a row. 0: it is done. -1: it failed. */
int db_step(struct db *db, unsigned statement, struct err *err);
int64_t db_column(struct db *db, unsigned statement, int column);
/* A text or a blob. Valid until the next step. */
struct slice db_column_text(struct db *db, unsigned statement, int column);
/* Ends a statement that may have more rows; db_step() did it otherwise. */
void db_done(struct db *db, unsigned statement);
/* For a statement without rows: runs it; how many rows it changed, or -1. */
int64_t db_change(struct db *db, unsigned statement, struct err *err);

#endif
