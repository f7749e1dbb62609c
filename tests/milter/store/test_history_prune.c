/*
 * What becomes of the history in time: records that are too old, too many or
 * too large go with all that led to them, and a file of an earlier version
 * is brought up to the present one.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"

#include <stdio.h>
#include <string.h>

#define HOUR 3600
#define DAY (24 * HOUR)
#define AT(seconds) (HISTORY_T0 + (int64_t)(seconds)*1000)
#define TERMS "SELECT count(*) FROM term"
#define RECORDS "SELECT count(*) FROM record"

/* ---- removal ---- */

/* As many as `one` record has, all of them records' that are there. */
static void has_terms_of(struct history_folder *folder, int64_t records,
			 int64_t one)
{
	assert_int_equal(history_ask(folder, RECORDS), records);
	assert_int_equal(history_ask(folder, TERMS), records * one);
	assert_int_equal(history_ask(folder,
				     "SELECT count(*) FROM term WHERE number"
				     " NOT IN (SELECT number FROM record)"),
			 0);
}

static int64_t terms_of_one(struct history_folder *folder)
{
	history_must_add_some(folder, 1, 1);
	return history_ask(folder, TERMS);
}

static void what_is_too_old_goes_with_all_its_terms(void **state)
{
	struct history_folder *folder = *state;
	int64_t one = terms_of_one(folder);
	struct history_size size;

	folder->conf.keep.ms = HOUR * 1000;
	history_folder_reopen(folder);
	history_must_add_some(folder, 2, 2000);
	history_must_prune(folder, AT(HOUR + 1));
	has_terms_of(folder, 2000, one);
	history_must_prune(folder, AT(HOUR + 2));
	has_terms_of(folder, 1999, one);
	history_must_prune(folder, AT(HOUR + 1501));
	has_terms_of(folder, 500, one);
	assert_string_equal(
		history_found_by(folder, HISTORY_USER, SLICE("user1500")), "");
	assert_string_equal(
		history_found_by(folder, HISTORY_USER, SLICE("user1501")),
		"r1501");
	history_size(folder->history, &size, &folder->err);
	assert_int_equal(size.records, 500);
	assert_int_equal(size.oldest_ms, AT(1501));
	history_must_prune(folder, AT(DAY));
	has_terms_of(folder, 0, one);
	history_size(folder->history, &size, &folder->err);
	assert_int_equal(size.records, 0);
	assert_int_equal(size.oldest_ms, 0);
	assert_int_equal(size.newest_ms, 0);
	history_must_add_some(folder, DAY, DAY);
	has_terms_of(folder, 1, one);
}

static void too_many_go_through_all_segments(void **state)
{
	struct history_folder *folder = *state;
	int64_t one = terms_of_one(folder);

	folder->conf.records = 3000;
	history_folder_reopen(folder);
	for (int i = 2; i < 40000; i += 5000)
		history_must_add_some(folder, i, i + 4999);
	history_must_prune(folder, AT(50000));
	has_terms_of(folder, 3000, one);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM segment"),
			 1);
	assert_string_equal(
		history_found_by(folder, HISTORY_ID, SLICE("r40001")),
		"r40001");
	assert_string_equal(
		history_found_by(folder, HISTORY_ID, SLICE("r37001")), "");
	history_must_add_some(folder, 50000, 50009);
	history_must_prune(folder, AT(50010));
	has_terms_of(folder, 3000, one);
}

static void all_segments_may_go_at_once(void **state)
{
	struct history_folder *folder = *state;

	folder->conf.keep.ms = HOUR * 1000;
	for (int i = 0; i < 36000; i += 9000)
		history_must_add_some(folder, i, i + 8999);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM segment"),
			 2);
	history_must_prune(folder, AT(DAY));
	assert_int_equal(history_ask(folder, RECORDS), 0);
	assert_int_equal(history_ask(folder, TERMS), 0);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM segment"),
			 0);
}

static void too_large_goes_until_it_is_not(void **state)
{
	struct history_folder *folder = *state;
	int64_t one = terms_of_one(folder), had;
	struct history_size size;

	for (int i = 2; i < 30000; i += 5000)
		history_must_add_some(folder, i, i + 4999);
	history_size(folder->history, &size, &folder->err);
	had = size.bytes;
	folder->conf.size.n = had / 3;
	history_folder_reopen(folder);
	history_must_prune(folder, AT(50000));
	history_size(folder->history, &size, &folder->err);
	assert_in_range(size.bytes, had / 5, had / 3);
	has_terms_of(folder, size.records, one);
	assert_string_equal(
		history_found_by(folder, HISTORY_ID, SLICE("r30001")),
		"r30001");
}

/* Nobody finds postings whose record has gone already. */
static void while_it_removes_nothing_that_is_gone_is_found(void **state)
{
	static const struct history_filter filter = {HISTORY_ACTION,
						     SLICE("accept")};
	struct history_folder *folder = *state;
	struct history_query query = history_for(&filter, 1);
	struct history_news news;
	struct history_row *rows;
	size_t count;
	int rc;

	folder->conf.records = 100;
	history_must_add_some(folder, 1, 2000);
	query.oldest_first = true;
	query.limit = 5000;
	do {
		int64_t left;

		rc = history_prune(folder->history, AT(3000),
				   clock_mono_ms() + 10000, &news,
				   &folder->err);
		left = history_ask(folder, RECORDS);
		assert_int_equal(history_search(folder->history, folder->arena,
						&query, &rows, &count,
						&folder->err),
				 0);
		assert_int_equal(count, left);
		assert_string_equal(
			history_top_of(folder, HISTORY_ACTION, 0, 0, 1),
			(char *)arena_printf(folder->arena, "accept %d",
					     (int)left)
				.p);
	} while (rc > 0);
	assert_int_equal(count, 100);
}

/* The segment that is being emptied is the one that is added to. */
static void what_comes_while_all_goes_stays(void **state)
{
	struct history_folder *folder = *state;
	int64_t one = terms_of_one(folder);
	struct history_news news;

	folder->conf.keep.ms = HOUR * 1000;
	history_folder_reopen(folder);
	history_must_add_some(folder, 2, 2000);
	/* All records, and then some of their terms. */
	while (history_ask(folder, TERMS) == 2000 * one)
		assert_int_equal(history_prune(folder->history, AT(DAY),
					       clock_mono_ms() + 10000, &news,
					       &folder->err),
				 1);
	assert_int_equal(history_ask(folder, RECORDS), 0);
	assert_true(history_ask(folder, TERMS) > 0);
	history_must_add_some(folder, DAY, DAY + 9);
	history_must_prune(folder, AT(DAY + 10));
	has_terms_of(folder, 10, one);
}

/* As while one Gatepost takes over from another. */
static void two_writers_take_turns(void **state)
{
	struct history_folder *folder = *state;
	int64_t one = terms_of_one(folder);
	struct history *first;

	folder->conf.records = 1000;
	history_folder_reopen(folder);
	first = folder->history;
	folder->history = NULL;
	history_folder_reopen(folder);
	for (int i = 2; i < 9000; i += 500) {
		struct history *other = first;

		history_must_add_some(folder, i, i + 499);
		history_must_prune(folder, AT(9000));
		first = folder->history;
		folder->history = other;
	}
	has_terms_of(folder, 1000, one);
	history_close(&first);
	assert_string_equal(
		history_found_by(folder, HISTORY_ID, SLICE("r9001")), "r9001");
}

/* ---- an earlier version ---- */

/* As version 1 made it; never changes. */
static const char version_1[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA application_id = 1196451945;"
	"CREATE TABLE record (number INTEGER PRIMARY KEY, body BLOB NOT NULL);"
	"CREATE TABLE segment (id INTEGER PRIMARY KEY, first INTEGER NOT NULL,"
	" records INTEGER NOT NULL);"
	"CREATE TABLE term (segment INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" value BLOB NOT NULL, number INTEGER NOT NULL,"
	" PRIMARY KEY (segment, kind, value, number)) WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

static void add_to_version_1(struct history_folder *folder,
			     const struct record *record)
{
	struct slice packed = history_packed(folder, record);
	long long number = (long long)record->time_ms << 12;
	struct buf sql = BUF(folder->arena);

	buf_printf(&sql, "INSERT INTO record VALUES (%lld, x'", number);
	for (size_t i = 0; i < packed.n; i++)
		buf_printf(&sql, "%02x", (unsigned char)packed.p[i]);
	buf_printf(&sql,
		   "');INSERT INTO term VALUES (1, 1, CAST('%.*s' AS BLOB),"
		   " %lld);"
		   "INSERT INTO segment VALUES (1, %lld, 1) ON CONFLICT DO"
		   " UPDATE SET records = records + 1",
		   SLICE_FMT(record->id), number, number);
	history_sql(folder, arena_cstr(folder->arena, buf_slice(&sql)));
}

static void make_version_1(struct history_folder *folder)
{
	struct record *waiting = history_record(folder, 1);

	waiting->action = SLICE("greylist");
	history_sql(folder, version_1);
	add_to_version_1(folder, waiting);
	add_to_version_1(folder, history_record(folder, 2));
	add_to_version_1(folder, history_record(folder, 3));
}

static void an_earlier_file_is_brought_up_with_its_records(void **state)
{
	struct history_folder *folder = *state;
	struct record *again = history_record(folder, 1);
	struct history *reader;

	make_version_1(folder);
	reader = history_read(folder->file, &folder->err);
	assert_null(reader);
	assert_non_null(strstr(folder->err.text, "earlier Gatepost"));
	history_folder_reopen(folder);
	assert_int_equal(history_ask(folder, "PRAGMA user_version"), 3);
	assert_string_equal(history_found_by(folder, HISTORY_ID, SLICE("r2")),
			    "r2");
	assert_string_equal(history_totals_of(folder, 0, 0, 1),
			    "0 in accept 2 2000\n"
			    "0 in greylist 1 1000\n");
	again->time_ms = AT(1000);
	history_must_add(folder, again);
	assert_int_equal(folder->news.returned, 1);
	reader = history_read(folder->file, &folder->err);
	assert_non_null(reader);
	history_close(&reader);
}

static void a_step_that_fails_leaves_the_file_as_it_was(void **state)
{
	struct history_folder *folder = *state;

	make_version_1(folder);
	history_sql(folder, "CREATE TABLE total (somebody TEXT)");
	assert_null(history_open(folder->file, &folder->conf, &folder->err));
	assert_non_null(strstr(folder->err.text, folder->file));
	assert_int_equal(history_ask(folder, "PRAGMA user_version"), 1);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM"
					     " sqlite_schema WHERE name ="
					     " 'waiting'"),
			 0);
	history_sql(folder, "DROP TABLE total");
	history_folder_reopen(folder);
	assert_string_equal(history_found_by(folder, HISTORY_ID, SLICE("r3")),
			    "r3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(what_is_too_old_goes_with_all_its_terms),
		HISTORY_FOLDER_TEST(too_many_go_through_all_segments),
		HISTORY_FOLDER_TEST(all_segments_may_go_at_once),
		HISTORY_FOLDER_TEST(too_large_goes_until_it_is_not),
		HISTORY_FOLDER_TEST(
			while_it_removes_nothing_that_is_gone_is_found),
		HISTORY_FOLDER_TEST(what_comes_while_all_goes_stays),
		HISTORY_FOLDER_TEST(two_writers_take_turns),
		HISTORY_FOLDER_TEST(
			an_earlier_file_is_brought_up_with_its_records),
		HISTORY_FOLDER_TEST(
			a_step_that_fails_leaves_the_file_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
