/*
 * Opening and closing. The file of the history has one writer, which holds
 * much of it in memory and leaves writing the log back to a thread of its
 * own; readers open it only to read.
 */
#include "milter/store/history_private.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A batch touches as much of the present segment as this. */
#define WRITER_CACHE_KIB (64 * 1024)
#define READER_CACHE_KIB (16 * 1024)
/* Some records fit into a page; one that is half empty wastes much. */
#define PAGE_SIZE 8192
/* Another Gatepost that is about to end may still write. */
#define OPEN_MS 10000
/* Nobody waits for a record to be written; a large batch takes this long. */
#define HOLD_MS 500

static const struct setting history_rows[] = {
	SETTING(struct history_conf, enabled, "yes", NULL, NULL,
		"keep the record of every message, so that it can be found "
		"later by what is known of it"),
	SETTING(struct history_conf, keep, "30d", "1h", "3650d",
		"how long records are kept"),
	SETTING(struct history_conf, records, "1000000", "100", "1000000000",
		"how many records are kept; the oldest go first"),
	SETTING(struct history_conf, size, "2g", "1m", NULL,
		"how much room records may take on the disk; the oldest go "
		"first. The log of the last writes comes on top, about 150 MB "
		"when much is written"),
	SETTING_END,
};

const struct settings_group history_settings = {
	.section = "history",
	.rows = history_rows,
	.conf_size = sizeof(struct history_conf),
	.doc = "What is kept of messages that are through",
};

void history_path(const char *state_dir, char *path, size_t room)
{
	snprintf(path, room, "%s/history.db", state_dir);
}

static void disconnect(struct history *h)
{
	/* First, so that the last to close is the one that clears up. */
	checkpointer_free(&h->checkpointer);
	db_close(h->db);
	h->sweep = (struct history_sweep){.segment = 0};
}

static int connect_writer(struct history *h, int64_t deadline_ms,
			  struct err *err)
{
	if (history_upgrade(h, err) < 0)
		return -1;
	h->checkpointer = checkpointer_new(h->path, HOLD_MS, deadline_ms, err);
	return h->checkpointer ? 0 : -1;
}

static int connect(struct history *h, int64_t deadline_ms, struct err *err)
{
	int rc;

	disconnect(h);
	db_set_deadline(h->db, deadline_ms);
	if (!h->writes && access(h->path, F_OK) < 0 && errno == ENOENT)
		return err_set(err,
			       "%s: there is no history yet; it is made by "
			       "Gatepost when it runs with history.enabled",
			       h->path);
	rc = db_open(h->db, err);
	if (rc == 0)
		rc = h->writes ? connect_writer(h, deadline_ms, err)
			       : history_check_version(h, deadline_ms, err);
	if (rc < 0)
		disconnect(h);
	return rc;
}

int history_ready(struct history *h, int64_t deadline_ms, struct err *err)
{
	db_set_deadline(h->db, deadline_ms);
	if (db_is_open(h->db) && !db_is_gone(h->db))
		return 0;
	if (db_is_open(h->db))
		log_warn("%s is another file than before, or was gone: it is "
			 "opened anew",
			 h->path);
	return connect(h, deadline_ms, err);
}

int history_begin(struct history *h, struct err *err)
{
	return db_begin(h->db, true, err) == 0 ? 0 : -1;
}

int history_commit(struct history *h, struct err *err)
{
	if (db_commit(h->db, err) < 0)
		return -1;
	checkpointer_tell(h->checkpointer, db_log_pages(h->db));
	return 0;
}

int history_number(struct history *h, unsigned statement, int64_t *number_r,
		   struct err *err)
{
	int rc = db_step(h->db, statement, err);

	*number_r = rc > 0 ? db_column(h->db, statement, 0) : 0;
	if (rc > 0)
		db_done(h->db, statement);
	return rc < 0 ? -1 : 0;
}

int64_t history_number_at(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return ms < INT64_MAX >> NUMBER_BITS ? ms << NUMBER_BITS : INT64_MAX;
}

void *history_room(struct arena *arena, void *items, size_t count, size_t size)
{
	void *more;

	/* There is room for 16, 32, 64, …: none when it is one of them. */
	if (count > 0 && (count < 16 || (count & (count - 1))))
		return items;
	more = arena_array(arena, count ? 2 * count : 16, size);
	return count > 0 ? memcpy(more, items, count * size) : more;
}

static struct history *history_new(const char *path, bool writes)
{
	struct arena *arena = arena_new(0);
	struct history *h = ARENA_NEW(arena, struct history);
	const struct db_options options = {
		.path = arena_cstr(arena, slice_cstr(path)),
		.statements = history_statements,
		.statement_count = HISTORY_STATEMENTS,
		.cache_kib = writes ? WRITER_CACHE_KIB : READER_CACHE_KIB,
		.page_size = PAGE_SIZE,
		.read_only = !writes,
	};

	h->arena = arena;
	h->path = options.path;
	h->writes = writes;
	h->db = db_new(arena, &options);
	return h;
}

static struct history *connected(struct history *h, struct err *err)
{
	if (connect(h, clock_mono_ms() + OPEN_MS, err) < 0)
		history_close(&h);
	return h;
}

struct history *history_open(const char *path, const struct history_conf *conf,
			     struct err *err)
{
	struct history *h = history_new(path, true);

	h->conf = *conf;
	h->batch = history_batch_new(h->arena);
	return connected(h, err);
}

struct history *history_read(const char *path, struct err *err)
{
	return connected(history_new(path, false), err);
}

void history_close(struct history **history)
{
	struct history *h = *history;
	struct arena *arena;

	if (!h)
		return;
	disconnect(h);
	history_batch_free(&h->batch);
	arena = h->arena;
	arena_free(&arena);
	*history = NULL;
}

int history_measure(struct history *h, struct history_size *size_r,
		    struct err *err)
{
	int64_t pages = 0, unused = 0, page = 0;

	if (history_number(h, SEGMENT_SUM, &size_r->records, err) < 0 ||
	    history_number(h, RECORD_FIRST, &size_r->oldest_ms, err) < 0 ||
	    history_number(h, RECORD_LAST, &size_r->newest_ms, err) < 0 ||
	    db_number(h->db, "PRAGMA page_count", &pages, err) < 0 ||
	    db_number(h->db, "PRAGMA freelist_count", &unused, err) < 0 ||
	    db_number(h->db, "PRAGMA page_size", &page, err) < 0)
		return -1;
	size_r->bytes = (pages - unused) * page;
	size_r->oldest_ms >>= NUMBER_BITS;
	size_r->newest_ms >>= NUMBER_BITS;
	return 0;
}

int history_size(struct history *h, struct history_size *size_r,
		 struct err *err)
{
	int rc;

	*size_r = (struct history_size){.records = 0};
	if (history_ready(h, clock_mono_ms() + OPEN_MS, err) < 0 ||
	    db_begin(h->db, false, err) != 0)
		return -1;
	rc = history_measure(h, size_r, err);
	db_rollback(h->db);
	return rc;
}
