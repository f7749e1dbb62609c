/*
 * The file's version, and the steps from each to the next. All that are
 * needed are taken in one transaction: if one fails, the file stays as it
 * was.
 */
#include "common/base/clock.h"
#include "milter/store/history_private.h"
#include "common/verdict/wire.h"

#include <stdio.h>
#include <time.h>
#include <stdlib.h>

/* "GPhi": tells the history from other databases of ours. */
#define APPLICATION "1196451945"

struct step {
	const char *sql;
	/* What SQL cannot fill; may be NULL. */
	int (*fill)(struct history *history, struct err *err);
};

static const char first_version[] =
	"PRAGMA application_id = " APPLICATION ";"
	"CREATE TABLE record (number INTEGER PRIMARY KEY,"
	" body BLOB NOT NULL);"
	"CREATE TABLE segment (id INTEGER PRIMARY KEY,"
	" first INTEGER NOT NULL, records INTEGER NOT NULL);"
	"CREATE TABLE term (segment INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, value BLOB NOT NULL,"
	" number INTEGER NOT NULL,"
	" PRIMARY KEY (segment, kind, value, number)) WITHOUT ROWID;";

/*
 * waiting: messages that were deferred, by the first try's number;
 * recipients: fingerprints of 8 bytes, in order. total: by the start of its
 * piece of time, `span` ms long.
 */
static const char second_version[] =
	"CREATE TABLE waiting (number INTEGER PRIMARY KEY,"
	" story BLOB NOT NULL, recipients BLOB NOT NULL);"
	"CREATE INDEX waiting_story ON waiting (story);"
	"CREATE TABLE total (span INTEGER NOT NULL, start INTEGER NOT NULL,"
	" direction BLOB NOT NULL, action BLOB NOT NULL,"
	" messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" PRIMARY KEY (span, start, direction, action)) WITHOUT ROWID;";

/*
 * opinion: what a user said of a message that came to his mailbox; number:
 * of its record, with which it goes.
 */
static const char third_version[] =
	"CREATE TABLE opinion (id BLOB NOT NULL, user BLOB NOT NULL,"
	" number INTEGER NOT NULL, time INTEGER NOT NULL,"
	" said INTEGER NOT NULL, how INTEGER NOT NULL,"
	" PRIMARY KEY (id, user)) WITHOUT ROWID;"
	"CREATE INDEX opinion_number ON opinion (number);";

struct filler {
	struct arena *arena;
	struct history_term *terms;
	struct history_sums sums;
};

static int fill_from(struct history *h, struct filler *f, int64_t number,
		     struct slice body, struct err *err)
{
	struct history_news news = {0};
	struct record record;
	size_t n;

	arena_reset(f->arena);
	if (!record_unpack(f->arena, body, &record))
		return 0;
	n = history_terms(f->arena, &record, number, f->terms);
	if (history_note_story(h, f->terms, n, &news, err) < 0)
		return -1;
	return history_sums_add(h, &f->sums, &record, number >> NUMBER_BITS,
				err);
}

/* From the records that are there. */
static int fill_second_version(struct history *h, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct filler *f = ARENA_NEW(arena, struct filler);
	int rc;

	f->arena = arena_new(0);
	f->terms = ARENA_ARRAY(arena, struct history_term, HISTORY_TERMS_MAX);
	db_bind(h->db, RECORDS_OLDEST, 1, 0);
	db_bind(h->db, RECORDS_OLDEST, 2, INT64_MAX);
	while ((rc = db_step(h->db, RECORDS_OLDEST, err)) > 0) {
		rc = fill_from(h, f, db_column(h->db, RECORDS_OLDEST, 0),
			       db_column_text(h->db, RECORDS_OLDEST, 1), err);
		if (rc < 0)
			break;
	}
	db_done(h->db, RECORDS_OLDEST);
	if (rc == 0)
		rc = history_sums_write(h, &f->sums, err);
	arena_free(&f->arena);
	arena_free(&arena);
	return rc;
}

/* [N] makes a file of version N + 1 from one of version N. */
static const struct step steps[] = {
	{first_version, NULL},
	{second_version, fill_second_version},
	{third_version, NULL},
};
#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

/* *version_r: 0 for a file that is empty. */
static int read_version(struct history *h, int64_t *version_r, struct err *err)
{
	int64_t application = 0, tables = 0;

	*version_r = 0;
	/* In this order: somebody may make them between two of these. */
	if (db_number(h->db, "SELECT count(*) FROM sqlite_schema", &tables,
		      err) < 0 ||
	    db_number(h->db, "PRAGMA user_version", version_r, err) < 0 ||
	    db_number(h->db, "PRAGMA application_id", &application, err) < 0)
		return -1;
	if (*version_r <= 0 ? tables > 0
			    : application != strtoll(APPLICATION, NULL, 10))
		return err_set(err,
			       "%s is a database of something else: move it "
			       "away, and a history is made in its place",
			       h->path);
	if (*version_r > VERSION)
		return err_set(err,
			       "%s was made by a later Gatepost (its version "
			       "is %lld, ours %lld): install that again, or "
			       "move the file away",
			       h->path, (long long)*version_r,
			       (long long)VERSION);
	return 0;
}

/* An empty file is one that the recorder is about to fill. */
static int await_version(struct history *h, int64_t deadline_ms,
			 int64_t *version_r, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = 5000000};

	while (read_version(h, version_r, err) == 0) {
		if (*version_r > 0 || clock_mono_ms() >= deadline_ms)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

int history_check_version(struct history *h, int64_t deadline_ms,
			  struct err *err)
{
	int64_t version;

	if (await_version(h, deadline_ms, &version, err) < 0)
		return -1;
	if (version == VERSION)
		return 0;
	if (version == 0)
		return err_set(err, "%s is empty: there is no history yet",
			       h->path);
	return err_set(err,
		       "%s is of an earlier Gatepost: it is brought to the "
		       "present version when Gatepost starts",
		       h->path);
}

static int take_steps(struct history *h, struct err *err)
{
	char set[64];
	int64_t version;

	/* Within the transaction: nobody else does it meanwhile. */
	if (read_version(h, &version, err) < 0)
		return -1;
	for (; version < VERSION; version++) {
		const struct step *step = &steps[version];

		if (db_run(h->db, step->sql, err) < 0 ||
		    (step->fill && step->fill(h, err) < 0))
			return -1;
	}
	snprintf(set, sizeof(set), "PRAGMA user_version = %lld",
		 (long long)VERSION);
	return db_run(h->db, set, err);
}

int history_upgrade(struct history *h, struct err *err)
{
	int64_t version;

	if (read_version(h, &version, err) < 0)
		return -1;
	if (version == VERSION)
		return 0;
	if (history_begin(h, err) < 0)
		return -1;
	if (take_steps(h, err) == 0 && db_commit(h->db, err) == 0)
		return 0;
	db_rollback(h->db);
	return -1;
}
