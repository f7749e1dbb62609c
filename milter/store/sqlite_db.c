/*
 * The connection. The file is in WAL mode: who reads waits for nobody, who
 * writes only for others that do, and a process that is killed leaves what
 * it has committed. synchronous=NORMAL: only the power going away can lose
 * the last seconds, and never damages the file.
 */
#include "milter/store/sqlite_db.h"
#include "common/base/clock.h"
#include "milter/store/sqlite_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#define TEXTS_MAX 8
#define CACHE_KIB 8000
#define BUSY_US 500 /* between two looks whether another has finished */

enum { OWN_WRITE, OWN_READ, OWN_COMMIT, OWN_COUNT };
static const char *const own_texts[OWN_COUNT] = {
	[OWN_WRITE] = "BEGIN IMMEDIATE",
	[OWN_READ] = "BEGIN",
	[OWN_COMMIT] = "COMMIT",
};

struct db {
	struct db_options options;
	sqlite3 *connection;
	sqlite3_stmt **statements;
	int64_t deadline_ms;
	struct sqlite_file file; /* which is open */
	int wal_pages;		 /* after the last commit */
	int failure;		 /* SQLite's code of the last one */
	sqlite3_stmt *own[OWN_COUNT];
};

struct db *db_new(struct arena *arena, const struct db_options *options)
{
	struct db *db = ARENA_NEW(arena, struct db);

	db->options = *options;
	db->statements =
		ARENA_ARRAY(arena, sqlite3_stmt *, options->statement_count);
	return db;
}

void db_set_deadline(struct db *db, int64_t deadline_ms)
{
	db->deadline_ms = deadline_ms;
}

bool db_is_gone(const struct db *db)
{
	return sqlite_file_is_gone(db->options.path, &db->file);
}

bool db_is_damaged(const struct db *db)
{
	return (db->failure & 0xff) == SQLITE_CORRUPT ||
	       (db->failure & 0xff) == SQLITE_NOTADB;
}

bool db_is_open(const struct db *db)
{
	return db->connection != NULL;
}

/* SQLite's word, for an administrator. */
static int explain(struct db *db, int code, struct err *err)
{
	const char *said = sqlite3_errstr(code);
	const char *path = db->options.path;
	int error = 0;

	db->failure = code;
	if (db->connection && sqlite3_errcode(db->connection) == code)
		said = sqlite3_errmsg(db->connection);
	if (db->connection)
		error = sqlite3_system_errno(db->connection);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(err, "there is no room left for %s", path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, "%s is kept locked by another process",
			       path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err,
			       "%s is damaged (%s): move it away, and "
			       "its -wal and -shm with it; a new one is made "
			       "at once",
			       path, said);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return err_set(err,
			       "%s cannot be %s (%s%s%s): it and its "
			       "folder must belong to the user that runs "
			       "Gatepost",
			       path, db->options.read_only ? "read" : "written",
			       said, error ? ", " : "",
			       error ? strerror(error) : "");
	default:
		return err_set(err, "%s: %s%s%s", path, said, error ? ", " : "",
			       error ? strerror(error) : "");
	}
}

/* SQLite asks whether to try again for a lock. */
static int on_busy(void *with, int tries)
{
	const struct db *db = with;
	/* Spread, so that those who wait do not come all at once. */
	int64_t us =
		BUSY_US + (int64_t)(tries * 137 + (int)getpid() * 61) % BUSY_US;
	struct timespec pause = {.tv_nsec = us * 1000};

	if (clock_mono_ms() >= db->deadline_ms)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

/* Stands in for SQLite's own, which would checkpoint within the commit. */
static int on_commit(void *with, sqlite3 *connection, const char *name,
		     int pages)
{
	struct db *db = with;

	(void)connection;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static struct slice value_of(sqlite3_value *value)
{
	const char *p = sqlite3_value_blob(value);

	return (struct slice){p, (size_t)sqlite3_value_bytes(value)};
}

static void sql_named_by(sqlite3_context *context, int count,
			 sqlite3_value **values)
{
	const struct db *db = sqlite3_user_data(context);
	struct slice texts[TEXTS_MAX];
	size_t n = 0;

	for (int i = 1; i < count && n < TEXTS_MAX; i++)
		texts[n++] = value_of(values[i]);
	sqlite3_result_int(context,
			   db->options.named_by(value_of(values[0]), texts, n));
}

/*
 * A file that is there keeps its pages as they are. Two processes that turn
 * a new one to WAL at once are no error.
 */
static int use_log(struct db *db, struct err *err)
{
	char pages[64];
	int code;

	snprintf(pages, sizeof(pages), "PRAGMA page_size = %d",
		 db->options.page_size);
	if (db->options.page_size && db_run(db, pages, err) < 0)
		return -1;
	do
		code = sqlite3_exec(db->connection, "PRAGMA journal_mode = WAL",
				    NULL, NULL, NULL);
	while (code == SQLITE_BUSY && on_busy(db, 0));
	if (code != SQLITE_OK)
		return explain(db, code, err);
	sqlite3_wal_hook(db->connection, on_commit, db);
	return 0;
}

static int set_up(struct db *db, struct err *err)
{
	static const char text[] = "PRAGMA synchronous = NORMAL;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA journal_size_limit = 71303168;"
				   "PRAGMA trusted_schema = OFF;";
	char cache[64];
	int code;

	sqlite3_busy_handler(db->connection, on_busy, db);
	if (!db->options.read_only && use_log(db, err) < 0)
		return -1;
	snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d",
		 db->options.cache_kib ? db->options.cache_kib : CACHE_KIB);
	if (db_run(db, cache, err) < 0)
		return -1;
	code = sqlite3_create_function(db->connection, "named_by", -1,
				       SQLITE_UTF8 | SQLITE_DETERMINISTIC |
					       SQLITE_DIRECTONLY,
				       db, sql_named_by, NULL, NULL);
	if (code != SQLITE_OK)
		return explain(db, code, err);
	return db_run(db, text, err);
}

int db_open(struct db *db, struct err *err)
{
	bool reads = db->options.read_only;
	int flags = reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	int code;

	db->failure = SQLITE_OK;
	if (!reads &&
	    sqlite_file_make(db->options.path, db->deadline_ms, err) < 0)
		return -1;
	code = sqlite3_open_v2(db->options.path, &db->connection,
			       flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		explain(db, code, err);
	else if (sqlite_file_remember(db->options.path, &db->file, err) == 0 &&
		 set_up(db, err) == 0)
		return 0;
	db_close(db);
	return -1;
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < db->options.statement_count; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	for (int i = 0; i < OWN_COUNT; i++) {
		sqlite3_finalize(db->own[i]);
		db->own[i] = NULL;
	}
	sqlite3_close(db->connection);
	db->connection = NULL;
	db->wal_pages = 0;
}

int db_run(struct db *db, const char *sql, struct err *err)
{
	int code = sqlite3_exec(db->connection, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : explain(db, code, err);
}

static int take_number(void *number, int count, char **values, char **names)
{
	(void)names;
	if (count > 0 && values[0])
		*(int64_t *)number = strtoll(values[0], NULL, 10);
	return 0;
}

int db_number(struct db *db, const char *sql, int64_t *number_r,
	      struct err *err)
{
	int code =
		sqlite3_exec(db->connection, sql, take_number, number_r, NULL);

	return code == SQLITE_OK ? 0 : explain(db, code, err);
}

/* SQLite's code. */
static int run_own(struct db *db, int which, struct err *err)
{
	int code = SQLITE_OK;

	if (!db->own[which])
		code = sqlite3_prepare_v3(db->connection, own_texts[which], -1,
					  SQLITE_PREPARE_PERSISTENT,
					  &db->own[which], NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(db->own[which]);
	if (code != SQLITE_DONE)
		explain(db, code, err);
	sqlite3_reset(db->own[which]);
	return code;
}

int db_begin(struct db *db, bool writing, struct err *err)
{
	int code = run_own(db, writing ? OWN_WRITE : OWN_READ, err);

	if ((code & 0xff) == SQLITE_BUSY)
		return 1;
	return code == SQLITE_DONE ? 0 : -1;
}

int db_commit(struct db *db, struct err *err)
{
	return run_own(db, OWN_COMMIT, err) == SQLITE_DONE ? 0 : -1;
}

void db_rollback(struct db *db)
{
	if (db->connection && !sqlite3_get_autocommit(db->connection))
		sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
}

int db_log_pages(const struct db *db)
{
	return db->wal_pages;
}

void db_checkpoint(struct db *db, bool whole)
{
	sqlite3_wal_checkpoint_v2(db->connection, NULL,
				  whole ? SQLITE_CHECKPOINT_RESTART
					: SQLITE_CHECKPOINT_PASSIVE,
				  NULL, NULL);
}

/* NULL: it cannot be prepared; the step will say why. */
static sqlite3_stmt *prepared(struct db *db, unsigned statement)
{
	if (!db->statements[statement])
		sqlite3_prepare_v3(db->connection,
				   db->options.statements[statement], -1,
				   SQLITE_PREPARE_PERSISTENT,
				   &db->statements[statement], NULL);
	return db->statements[statement];
}

void db_bind(struct db *db, unsigned statement, int at, int64_t value)
{
	sqlite3_bind_int64(prepared(db, statement), at, value);
}

void db_bind_text(struct db *db, unsigned statement, int at, struct slice text)
{
	sqlite3_bind_text64(prepared(db, statement), at, text.p ? text.p : "",
			    text.n, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_blob(struct db *db, unsigned statement, int at, struct slice bytes)
{
	sqlite3_bind_blob64(prepared(db, statement), at, bytes.p ? bytes.p : "",
			    bytes.n, SQLITE_STATIC);
}

int db_step(struct db *db, unsigned statement, struct err *err)
{
	sqlite3_stmt *s = prepared(db, statement);
	int code;

	if (!s)
		return explain(db, sqlite3_extended_errcode(db->connection),
			       err);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		explain(db, code, err);
	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : -1;
}

int64_t db_column(struct db *db, unsigned statement, int column)
{
	return sqlite3_column_int64(db->statements[statement], column);
}

struct slice db_column_text(struct db *db, unsigned statement, int column)
{
	sqlite3_stmt *s = db->statements[statement];
	const char *p = sqlite3_column_blob(s, column);

	return (struct slice){p, (size_t)sqlite3_column_bytes(s, column)};
}

void db_done(struct db *db, unsigned statement)
{
	sqlite3_reset(db->statements[statement]);
}

int64_t db_change(struct db *db, unsigned statement, struct err *err)
{
	if (db_step(db, statement, err) < 0)
		return -1;
	return sqlite3_changes(db->connection);
}
