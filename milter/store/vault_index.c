/*
 * The file of the index. It is derived, so there are no steps from one
 * version to the next: a file of another version is moved away as a damaged
 * one is. The folder's lock keeps two processes from doing that at once.
 */
#include "milter/store/vault_index_private.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define VERSION 1

#define COLUMNS                                                          \
	"seq, id, class, state, rejected, stored_ms, reason, sender, "   \
	"subject, sender_field, client, recipients, size, bytes, score," \
	" digest"

/*
 * recipients: each with a NUL behind it. score: thousandths. folder.mtime:
 * nanoseconds; 0: to be read again.
 */
static const char tables[] =
	"CREATE TABLE message (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id BLOB NOT NULL UNIQUE, folder INTEGER NOT NULL,"
	" class INTEGER NOT NULL, state INTEGER NOT NULL,"
	" rejected INTEGER NOT NULL, stored_ms INTEGER NOT NULL,"
	" reason BLOB NOT NULL, sender BLOB NOT NULL,"
	" subject BLOB NOT NULL, sender_field BLOB NOT NULL,"
	" client BLOB NOT NULL, recipients BLOB NOT NULL,"
	" size INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" score INTEGER NOT NULL, digest BLOB NOT NULL);"
	"CREATE INDEX message_stored ON message (stored_ms);"
	"CREATE INDEX message_folder ON message (folder, id, state);"
	/* Sums are asked often: they need no row. */
	"CREATE INDEX message_sum ON message (class, state, bytes, stored_ms);"
	"CREATE TABLE folder (number INTEGER PRIMARY KEY,"
	" mtime INTEGER NOT NULL);"
	"CREATE TABLE damaged (id BLOB PRIMARY KEY, folder INTEGER NOT NULL)"
	" WITHOUT ROWID;";

const char *const vault_index_statements[VAULT_STATEMENTS] = {
	[FOLDER_GET] = "SELECT mtime FROM folder WHERE number = ?1",
	[FOLDER_SET] = "INSERT OR REPLACE INTO folder VALUES (?1, ?2)",
	[FOLDER_FORGET] = "DELETE FROM folder",
	[FOLDER_LIST] = "SELECT id, state FROM message WHERE folder = ?1"
			" ORDER BY id",
	[ITEM_SET] =
		"INSERT INTO message (id, folder, class, state, rejected,"
		" stored_ms, reason, sender, subject, sender_field, client,"
		" recipients, size, bytes, score, digest)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
		" ?13, ?14, ?15, ?16) ON CONFLICT (id) DO UPDATE SET"
		" folder = ?2, class = ?3, state = ?4, rejected = ?5,"
		" stored_ms = ?6, reason = ?7, sender = ?8, subject = ?9,"
		" sender_field = ?10, client = ?11, recipients = ?12,"
		" size = ?13, bytes = ?14, score = ?15, digest = ?16",
	[ITEM_STATE] = "UPDATE message SET state = ?2 WHERE id = ?1",
	[ITEM_REMOVE] = "DELETE FROM message WHERE id = ?1",
	[DAMAGED_SET] = "INSERT OR REPLACE INTO damaged VALUES (?1, ?2)",
	[DAMAGED_CLEAR] = "DELETE FROM damaged WHERE folder = ?1",
	[DAMAGED_COUNT] = "SELECT count(*) FROM damaged",
	[ITEMS_LIST] = "SELECT " COLUMNS " FROM message"
		       " WHERE stored_ms BETWEEN ?1 AND ?2"
		       " AND (?3 < 0 OR class = ?3)"
		       " AND (?4 < 0 OR state = ?4)"
		       " ORDER BY stored_ms DESC, seq DESC",
	[ITEMS_FIND] = "SELECT " COLUMNS " FROM message"
		       " WHERE id >= ?1 AND substr(id, 1, length(?1)) = ?1"
		       " ORDER BY id LIMIT ?2",
	[ITEMS_SINCE] = "SELECT " COLUMNS " FROM message WHERE seq > ?1"
			" ORDER BY seq",
	[ITEMS_SUM] = "SELECT class, state, count(*), sum(bytes),"
		      " min(stored_ms), max(stored_ms) FROM message"
		      " GROUP BY class, state",
	[ITEMS_OLDEST] = "SELECT id, stored_ms, bytes FROM message"
			 " ORDER BY stored_ms, seq LIMIT ?1",
};

/* Numbers begin above all that an earlier index can have given. */
static int make_tables(struct vault_index *x, struct err *err)
{
	char begin[160];

	snprintf(begin, sizeof(begin),
		 "INSERT INTO sqlite_sequence VALUES ('message', %lld);"
		 "PRAGMA user_version = %d",
		 (long long)(clock_wall_us() / 1000), VERSION);
	if (db_run(x->db, tables, err) < 0 || db_run(x->db, begin, err) < 0)
		return -1;
	return db_commit(x->db, err);
}

static int read_version(struct vault_index *x, int64_t *version_r,
			struct err *err)
{
	int64_t count = 0;

	*version_r = 0;
	if (db_number(x->db, "PRAGMA user_version", version_r, err) < 0 ||
	    db_number(x->db, "SELECT count(*) FROM sqlite_schema", &count,
		      err) < 0)
		return -1;
	if (*version_r == 0 && count > 0)
		*version_r = -1;
	return 0;
}

/* 1: it is an index of this version; 0: of another; -1: it failed. */
static int connect(struct vault_index *x, struct err *err)
{
	int64_t version;
	int rc;

	db_set_deadline(x->db, clock_mono_ms() + VAULT_INDEX_WAIT_MS);
	if (db_open(x->db, err) < 0 || read_version(x, &version, err) < 0)
		return -1;
	if (version != 0)
		return version == VERSION;
	rc = db_begin(x->db, true, err);
	if (rc != 0)
		return rc < 0 ? -1 : err_set(err, "%s is locked", x->path);
	/* Somebody else may have been quicker. */
	rc = read_version(x, &version, err);
	if (rc == 0 && version == 0)
		rc = make_tables(x, err);
	db_rollback(x->db);
	return rc < 0 ? -1 : 1;
}

static void move_away(struct vault_index *x, const char *why)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char from[PATH_MAX + 16], to[PATH_MAX + 32];

	if (flock(x->vault->root, LOCK_EX) < 0)
		return;
	/* Unless another process has done it by now. */
	if (!db_is_gone(x->db)) {
		log_warn("vault: %s %s; it is kept as %s.old, and made anew "
			 "from the messages",
			 x->path, why, x->path);
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			snprintf(from, sizeof(from), "%s%s", x->path, ends[i]);
			snprintf(to, sizeof(to), "%s.old%s", x->path, ends[i]);
			if (rename(from, to) < 0 && errno == ENOENT)
				(void)unlink(to);
		}
	}
	db_close(x->db);
	flock(x->vault->root, LOCK_UN);
}

bool vault_index_mend(struct vault_index *x, struct err *err)
{
	if (!db_is_damaged(x->db))
		return false;
	move_away(x, "is damaged");
	return connect(x, err) > 0;
}

int vault_index_ready(struct vault_index *x, struct err *err)
{
	int rc;

	db_set_deadline(x->db, clock_mono_ms() + VAULT_INDEX_WAIT_MS);
	if (db_is_open(x->db) && !db_is_gone(x->db))
		return 0;
	db_close(x->db);
	rc = connect(x, err);
	if (rc == 0) {
		move_away(x, "is of another version");
		rc = connect(x, err);
		if (rc == 0)
			err_set(err, "%s cannot be made anew", x->path);
	}
	if (rc > 0 || vault_index_mend(x, err))
		return 0;
	db_close(x->db);
	return -1;
}

struct vault_index *vault_index_open(const struct vault *vault, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct vault_index *x = ARENA_NEW(arena, struct vault_index);
	struct db_options options = {
		.statements = vault_index_statements,
		.statement_count = VAULT_STATEMENTS,
	};

	x->arena = arena;
	x->vault = vault;
	x->path = arena_printf(arena, "%s/index.db", vault->path).p;
	options.path = x->path;
	x->db = db_new(arena, &options);
	if (vault_index_ready(x, err) < 0)
		vault_index_close(&x);
	return x;
}

void vault_index_close(struct vault_index **index)
{
	struct arena *arena;

	if (!*index)
		return;
	arena = (*index)->arena;
	db_close((*index)->db);
	arena_free(&arena);
	*index = NULL;
}
