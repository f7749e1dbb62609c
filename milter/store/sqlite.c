/*
 * The store in one SQLite file, which the workers of one host share. Calls
 * that have gathered share a transaction; none is settled before it has
 * been committed. Whatever fails fails as a whole: the file cannot be
 * written, is locked for too long, or is damaged.
 */
#include "milter/store/sqlite_checkpoint.h"
#include "milter/store/sqlite_private.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <stdlib.h>

/* Rows that one sweep may take from a table, and other boots it looks at. */
#define SWEEP_ROWS 500
#define SWEEP_BOOTS 16
/* How long others may write until something is wrong. */
#define BUSY_MS 1000
/* How long calls may be held up when the log has become too long. */
#define HOLD_MS 50

struct sqlite {
	struct store_backend base;
	struct arena *arena;
	const char *path;
	int64_t timeout_ms;
	struct db *db;
	struct checkpointer *checkpointer;
	int64_t busy_since_ms; /* 0: the last that writes was not kept out */
};

int64_t sqlite_age(struct db *db, unsigned statement, int column,
		   const struct store_time *now)
{
	uint64_t boot = (uint64_t)db_column(db, statement, column);
	int64_t age_ms;

	if (boot == now->boot)
		age_ms = now->uptime_ms - db_column(db, statement, column + 1);
	else
		age_ms = now->wall_ms - db_column(db, statement, column + 2);
	return age_ms > 0 ? age_ms : 0;
}

void sqlite_bind_now(struct db *db, unsigned statement,
		     const struct store_time *now)
{
	db_bind(db, statement, 1, (int64_t)now->boot);
	db_bind(db, statement, 2, now->uptime_ms);
	db_bind(db, statement, 3, now->wall_ms);
}

static struct store_backend *make(const struct store_url *url,
				  const struct state_conf *state,
				  struct err *err)
{
	const struct db_options options = {
		.path = url->path,
		.statements = sqlite_statements,
		.statement_count = SQLITE_STATEMENTS,
		.named_by = sqlite_named_by,
	};
	struct arena *arena = arena_new(0);
	struct sqlite *s = ARENA_NEW(arena, struct sqlite);

	(void)err;
	s->base.class = &store_sqlite;
	s->arena = arena;
	s->path = url->path;
	s->timeout_ms = state->timeout.ms;
	s->db = db_new(arena, &options);
	return &s->base;
}

static void disconnect(struct store_backend *backend)
{
	struct sqlite *s = (struct sqlite *)backend;

	/* First, so that the last to close is the one that clears up. */
	checkpointer_free(&s->checkpointer);
	db_close(s->db);
}

static void free_sqlite(struct store_backend *backend)
{
	struct arena *arena = ((struct sqlite *)backend)->arena;

	disconnect(backend);
	arena_free(&arena);
}

/* Within a transaction: nobody else does the same meanwhile. */
static int upgrade(struct sqlite *s, struct err *err)
{
	int64_t version = 0, tables = 0;

	if (db_number(s->db, "PRAGMA user_version", &version, err) < 0 ||
	    db_number(s->db, "SELECT count(*) FROM sqlite_schema", &tables,
		      err) < 0)
		return -1;
	if (version > SQLITE_STORE_VERSION)
		return err_set(err,
			       "%s was made by a later Gatepost: install that "
			       "again, or move the file away",
			       s->path);
	if (version < 0 || (version == 0 && tables > 0))
		return err_set(err,
			       "%s is a database of something else: let "
			       "`store` name another file",
			       s->path);
	for (; version < SQLITE_STORE_VERSION; version++) {
		if (db_run(s->db, sqlite_upgrades[version], err) < 0)
			return -1;
	}
	return 0;
}

static int prepare_file(struct sqlite *s, struct err *err)
{
	int64_t version = 0;

	if (db_number(s->db, "PRAGMA user_version", &version, err) < 0 ||
	    db_begin(s->db, true, err) != 0)
		return -1;
	if ((version != SQLITE_STORE_VERSION && upgrade(s, err) < 0) ||
	    db_change(s->db, PROOF_SET, err) < 0)
		return -1;
	return db_commit(s->db, err);
}

static int connect_sqlite(struct store_backend *backend, int64_t deadline_ms,
			  struct err *err)
{
	struct sqlite *s = (struct sqlite *)backend;

	disconnect(backend);
	s->busy_since_ms = 0;
	db_set_deadline(s->db, deadline_ms);
	if (db_open(s->db, err) == 0 && prepare_file(s, err) == 0) {
		s->checkpointer =
			checkpointer_new(s->path, HOLD_MS, deadline_ms, err);
		if (s->checkpointer)
			return 0;
	}
	disconnect(backend);
	return -1;
}

static bool only_reads(const struct store_call *call)
{
	return call->op == STORE_OP_TRUST || call->op == STORE_OP_ALLOWED ||
	       (call->op == STORE_OP_RATE && !call->in.rate.take);
}

static int run_call(struct db *db, struct store_call *call, struct err *err)
{
	switch (call->op) {
	case STORE_OP_GREYLIST:
		return sqlite_greylist(db, call, err);
	case STORE_OP_TRUST:
		return sqlite_trust(db, call, err);
	case STORE_OP_NOTE:
		return sqlite_note(db, call, err);
	case STORE_OP_ALLOWED:
		return sqlite_allowed(db, call, err);
	case STORE_OP_RATE:
		return sqlite_rate(db, call, err);
	default:
		return sqlite_admin(db, call, err);
	}
}

/* 1: another process writes. Readers are never kept out. */
static int run_all(struct sqlite *s, struct store_call **calls, size_t count,
		   struct err *err)
{
	bool writes = false;
	int rc;

	/* It alone may take more than one transaction. */
	if (calls[0]->op >= STORE_OP_LIST)
		return run_call(s->db, calls[0], err);
	for (size_t i = 0; i < count; i++)
		writes |= !only_reads(calls[i]);
	rc = db_begin(s->db, writes, err);
	if (rc != 0)
		return rc;
	if (writes)
		s->busy_since_ms = 0;
	for (size_t i = 0; i < count; i++) {
		if (run_call(s->db, calls[i], err) < 0)
			return -1;
	}
	return db_commit(s->db, err);
}

/*
 * Somebody may have moved the file away, or put a backup in its place; what
 * we have open is then nobody's any more.
 */
static int keep_file(struct sqlite *s, int64_t deadline_ms, struct err *err)
{
	if (!db_is_gone(s->db))
		return 0;
	log_warn("%s is another file than before, or was gone: it is opened "
		 "anew",
		 s->path);
	return connect_sqlite(&s->base, deadline_ms, err);
}

/*
 * Whether another that writes has been at it for too long. The file is put
 * right now and then, and a slow disk may take its time for that: then some
 * calls are late, but nothing is wrong.
 */
static bool is_stuck(struct sqlite *s, int64_t start_ms)
{
	if (s->busy_since_ms == 0)
		s->busy_since_ms = start_ms;
	return clock_mono_ms() - s->busy_since_ms >= BUSY_MS;
}

static int run(struct store_backend *backend, struct store_call **calls,
	       size_t count, int64_t deadline_ms, struct err *err)
{
	struct sqlite *s = (struct sqlite *)backend;
	int64_t start_ms = clock_mono_ms();
	int rc;

	db_set_deadline(s->db, deadline_ms);
	if (keep_file(s, deadline_ms, err) < 0)
		return -1;
	rc = run_all(s, calls, count, err);
	if (rc < 0)
		db_rollback(s->db);
	if (rc < 0 || (rc > 0 && is_stuck(s, start_ms)))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!calls[i]->settled)
			store_call_settle(calls[i],
					  rc > 0 ? STORE_LATE : STORE_DONE);
	}
	checkpointer_tell(s->checkpointer, db_log_pages(s->db));
	return 0;
}

static int sweep_boot(struct db *db, unsigned statement, int64_t boot,
		      const struct store_time *now, struct err *err)
{
	int64_t n;

	sqlite_bind_now(db, statement, now);
	db_bind(db, statement, 4, SWEEP_ROWS);
	if (boot != 0)
		db_bind(db, statement, 5, boot);
	n = db_change(db, statement, err);
	return n < 0 ? -1 : n == SWEEP_ROWS;
}

/* The least boot above *boot that has rows: 1, 0 if there is none, or -1. */
static int next_boot(struct db *db, unsigned statement, int64_t *boot,
		     struct err *err)
{
	int rc;

	db_bind(db, statement, 1, *boot);
	rc = db_step(db, statement, err);
	if (rc > 0)
		*boot = db_column(db, statement, 0);
	db_done(db, statement);
	return rc;
}

/* `first`: the table's three statements. 1: there may be more. */
static int sweep_table(struct db *db, unsigned first,
		       const struct store_time *now, struct err *err)
{
	int64_t boot = INT64_MIN;
	int more = sweep_boot(db, first, 0, now, err);
	int rc = 0;

	for (int i = 0; more >= 0 && i < SWEEP_BOOTS; i++) {
		rc = next_boot(db, first + 1, &boot, err);
		if (rc <= 0)
			break;
		if ((uint64_t)boot != now->boot)
			rc = sweep_boot(db, first + 2, boot, now, err);
		if (rc < 0)
			break;
		more |= (uint64_t)boot != now->boot && rc;
	}
	return rc < 0 ? -1 : more;
}

static int sweep_all(struct db *db, const struct store_time *now,
		     struct err *err)
{
	static const unsigned tables[] = {GREYLIST_SWEEP, TRUST_SWEEP,
					  RATE_SWEEP};
	int more = 0;

	/* It can wait when others write. */
	more = db_begin(db, true, err);
	if (more != 0)
		return more;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int rc = sweep_table(db, tables[i], now, err);

		if (rc < 0)
			return -1;
		more |= rc;
	}
	return db_commit(db, err) < 0 ? -1 : more;
}

static int sweep(struct store_backend *backend, const struct store_time *now,
		 int64_t deadline_ms, struct err *err)
{
	struct sqlite *s = (struct sqlite *)backend;
	int rc;

	db_set_deadline(s->db, deadline_ms);
	if (keep_file(s, deadline_ms, err) < 0)
		return -1;
	rc = sweep_all(s->db, now, err);
	if (rc < 0)
		db_rollback(s->db);
	return rc;
}

const struct store_backend_class store_sqlite = {
	.make = make,
	.connect = connect_sqlite,
	.run = run,
	.sweep = sweep,
	.disconnect = disconnect,
	.free = free_sqlite,
};
