/* The folder is removed with all in it. */
#include "tests/support/history_folder.h"
#include "common/base/clock.h"
#include "common/verdict/wire.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_folder.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 10000

int history_folder_setup(void **state)
{
	struct history_folder *folder = calloc(1, sizeof(*folder));

	*state = folder;
	strcpy(folder->path, "/tmp/gatepost-history-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	history_path(folder->path, folder->file, sizeof(folder->file));
	folder->arena = arena_new(0);
	folder->conf = (struct history_conf){.enabled = true,
					     .keep = {INT64_MAX / 2},
					     .records = 1000000,
					     .size = {INT64_MAX}};
	return 0;
}

int history_folder_teardown(void **state)
{
	struct history_folder *folder = *state;

	history_close(&folder->history);
	store_folder_remove(folder->path);
	arena_free(&folder->arena);
	free(folder);
	return 0;
}

void history_folder_reopen(struct history_folder *folder)
{
	history_close(&folder->history);
	folder->history =
		history_open(folder->file, &folder->conf, &folder->err);
	if (!folder->history)
		fail_msg("%s", folder->err.text);
}

/* In the test's arena, so that nothing of it is a literal by chance. */
static struct slice text(struct history_folder *folder, const char *before,
			 int number, const char *after)
{
	return arena_printf(folder->arena, "%s%d%s", before, number, after);
}

struct record *history_record(struct history_folder *folder, int number)
{
	struct record *r = ARENA_NEW(folder->arena, struct record);
	struct slice *rcpts = ARENA_ARRAY(folder->arena, struct slice, 2);
	struct record_symbol *symbols =
		ARENA_ARRAY(folder->arena, struct record_symbol, 2);

	rcpts[0] = text(folder, "rcpt", number, "@in.example");
	rcpts[1] = text(folder, "other", number, "@in.example");
	symbols[0].name = text(folder, "SYMBOL_", number, "");
	symbols[1].name = SLICE("SPF_ALLOW");
	*r = (struct record){
		.id = text(folder, "r", number, ""),
		.time_ms = HISTORY_T0 + (int64_t)number * 1000,
		.queue_id = text(folder, "4Q", number, ""),
		.client = text(folder, "192.0.2.", number % 256, ""),
		.client_name = text(folder, "mx", number, ".host.example"),
		.user = text(folder, "user", number, ""),
		.sender = text(folder, "from", number, "@out.example"),
		.rcpts = rcpts,
		.rcpt_count = 2,
		.rcpt_total = 2,
		.direction = SLICE("in"),
		.message_id = text(folder, "<m", number, "@out.example>"),
		.subject = text(folder, "Subject ", number, ""),
		.size = 1000,
		.action = SLICE("accept"),
		.would = SLICE("accept"),
		.symbols = symbols,
		.symbol_count = 2,
	};
	return r;
}

struct slice history_packed(struct history_folder *folder,
			    const struct record *record)
{
	struct buf buf = BUF(folder->arena);

	record_pack(&buf, record);
	return buf_slice(&buf);
}

static void must_add(struct history_folder *folder, const struct slice *packed,
		     size_t count)
{
	if (!folder->history)
		history_folder_reopen(folder);
	if (history_add(folder->history, packed, count,
			clock_mono_ms() + SOON_MS, &folder->bad, &folder->news,
			&folder->err) < 0)
		fail_msg("%s", folder->err.text);
}

void history_must_add(struct history_folder *folder,
		      const struct record *record)
{
	struct slice packed = history_packed(folder, record);

	must_add(folder, &packed, 1);
}

void history_must_add_some(struct history_folder *folder, int from, int to)
{
	size_t count = (size_t)(to - from) + 1;
	struct slice *packed = ARENA_ARRAY(folder->arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		packed[i] = history_packed(
			folder, history_record(folder, from + (int)i));
	must_add(folder, packed, count);
}

void history_must_prune(struct history_folder *folder, int64_t now_ms)
{
	struct history_news sum = {0}, news;
	int rc, rounds = 0;

	if (!folder->history)
		history_folder_reopen(folder);
	do {
		rc = history_prune(folder->history, now_ms,
				   clock_mono_ms() + SOON_MS, &news,
				   &folder->err);
		if (rc < 0)
			fail_msg("%s", folder->err.text);
		sum.returned += news.returned;
		sum.never_returned += news.never_returned;
		assert_true(rounds++ < 10000);
	} while (rc > 0);
	folder->news = sum;
}

struct history_query history_for(const struct history_filter *filters,
				 size_t count)
{
	return (struct history_query){
		.filters = filters,
		.filter_count = count,
		.limit = 1000,
		.deadline_ms = clock_mono_ms() + SOON_MS,
	};
}

const char *history_found(struct history_folder *folder,
			  const struct history_query *query)
{
	struct buf ids = BUF(folder->arena);
	struct history_row *rows;
	size_t count;

	if (!folder->history)
		history_folder_reopen(folder);
	if (history_search(folder->history, folder->arena, query, &rows, &count,
			   &folder->err) < 0)
		return "failed";
	for (size_t i = 0; i < count; i++) {
		struct record record;

		assert_true(
			record_unpack(folder->arena, rows[i].packed, &record));
		if (i > 0)
			buf_add_char(&ids, ' ');
		buf_add(&ids, record.id);
	}
	return arena_cstr(folder->arena, buf_slice(&ids));
}

const char *history_found_by(struct history_folder *folder,
			     enum history_key key, struct slice value)
{
	const struct history_filter filter = {key, value};
	struct history_query query = history_for(&filter, 1);

	return history_found(folder, &query);
}

const char *history_totals_of(struct history_folder *folder, int64_t since_ms,
			      int64_t until_ms, int step_ms)
{
	struct buf text = BUF(folder->arena);
	struct history_total *list;
	size_t count;

	assert_int_equal(history_totals(folder->history, folder->arena,
					since_ms, until_ms, step_ms, &list,
					&count, &folder->err),
			 0);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%lld %.*s %.*s %llu %llu\n",
			   (long long)(list[i].start_ms - HISTORY_T0) / 1000,
			   SLICE_FMT(list[i].direction),
			   SLICE_FMT(list[i].action),
			   (unsigned long long)list[i].messages,
			   (unsigned long long)list[i].bytes);
	return arena_cstr(folder->arena, buf_slice(&text));
}

const char *history_top_of(struct history_folder *folder, enum history_key key,
			   int64_t since_ms, int64_t until_ms, size_t limit)
{
	struct buf text = BUF(folder->arena);
	struct history_count *list;
	size_t count;

	assert_int_equal(history_top(folder->history, folder->arena, key,
				     since_ms, until_ms, limit, &list, &count,
				     &folder->err),
			 0);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%.*s %llu", i ? ", " : "",
			   SLICE_FMT(list[i].value),
			   (unsigned long long)list[i].count);
	return arena_cstr(folder->arena, buf_slice(&text));
}

static sqlite3 *open_raw(const struct history_folder *folder)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, SOON_MS);
	return db;
}

int64_t history_ask(const struct history_folder *folder, const char *sql)
{
	sqlite3 *db = open_raw(folder);
	sqlite3_stmt *statement;
	int64_t number;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

void history_sql(const struct history_folder *folder, const char *sql)
{
	sqlite3 *db = open_raw(folder);

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}
