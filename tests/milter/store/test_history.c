/*
 * The history: what went in is found in the order and within the bounds
 * that were asked for.
 */
#include "common/base/clock.h"
#include "milter/store/history.h"
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"

#include <string.h>

/* ---- order, bounds, filters ---- */

static void filters_must_all_hold(void **state)
{
	static const struct history_filter filters[] = {
		{HISTORY_SYMBOL, SLICE("spf_allow")},
		{HISTORY_RECIPIENT, SLICE("in.example")},
		{HISTORY_ACTION, SLICE("reject")},
		{HISTORY_SENDER, SLICE("from30@out.example")},
	};
	/* Neither is the rarer one throughout. */
	static const struct history_filter crossing[] = {
		{HISTORY_ACTION, SLICE("reject")},
		{HISTORY_DIRECTION, SLICE("out")},
		{HISTORY_SYMBOL, SLICE("spf_allow")},
	};
	struct history_folder *folder = *state;
	struct history_query query;

	for (int i = 1; i <= 60; i++) {
		struct record *record = history_record(folder, i);

		if (i % 20 == 10)
			record->action = SLICE("reject");
		if (i % 3 == 0)
			record->direction = SLICE("out");
		history_must_add(folder, record);
	}
	query = history_for(crossing, 3);
	assert_string_equal(history_found(folder, &query), "r30");
	query = history_for(filters, 3);
	assert_string_equal(history_found(folder, &query), "r50 r30 r10");
	query.oldest_first = true;
	assert_string_equal(history_found(folder, &query), "r10 r30 r50");
	query = history_for(filters, 4);
	assert_string_equal(history_found(folder, &query), "r30");
	query.oldest_first = true;
	assert_string_equal(history_found(folder, &query), "r30");
}

static void too_many_filters_are_refused(void **state)
{
	struct history_filter filters[HISTORY_KEYS + 2] = {
		{HISTORY_ID, SLICE_NONE}};
	struct history_folder *folder = *state;
	struct history_query query = history_for(filters, HISTORY_KEYS + 1);

	for (size_t i = 0; i < HISTORY_KEYS + 2; i++)
		filters[i] = (struct history_filter){HISTORY_ACTION,
						     SLICE("accept")};
	history_must_add(folder, history_record(folder, 1));
	assert_string_equal(history_found(folder, &query), "r1");
	query.filter_count++;
	assert_string_equal(history_found(folder, &query), "failed");
	assert_non_null(strstr(folder->err.text, "at most"));
}

#define AT(seconds) (HISTORY_T0 + (seconds)*1000)

/* Of r1 to r9, a second apart; with and without a filter. */
static const struct {
	const char *found;
	int64_t since, until; /* ms */
	int after, before;    /* numbers of records */
	bool oldest_first;
	size_t limit;
} bound_cases[] = {
	{"r9 r8 r7", .limit = 3},
	{"r1 r2 r3", .limit = 3, .oldest_first = true},
	{"", .limit = 0},
	{"r9 r8 r7 r6 r5 r4 r3 r2 r1", .limit = 9},
	{"r9 r8", .since = AT(8), .limit = 9},
	{"r9", .since = AT(8) + 1, .limit = 9},
	{"r2 r1", .until = AT(3), .limit = 9},
	{"r3 r2 r1", .until = AT(3) + 1, .limit = 9},
	{"r5 r4", .since = AT(4), .until = AT(6), .limit = 9},
	{"", .since = AT(6), .until = AT(6), .limit = 9},
	{"", .since = AT(20), .limit = 9},
	{"", .until = 5, .limit = 9},
	{"r3 r2 r1", .before = 4, .limit = 9},
	{"r3 r2", .before = 4, .limit = 2},
	{"r9 r8 r7", .after = 6, .limit = 9},
	{"r7 r8", .after = 6, .limit = 2, .oldest_first = true},
	{"r5", .after = 4, .before = 6, .limit = 9},
	{"", .after = 4, .before = 5, .limit = 9},
	{"", .after = 9, .limit = 9},
	{"", .before = 1, .limit = 9},
	{"r6 r5", .since = AT(3), .after = 4, .before = 7, .limit = 9},
};

static int64_t number_of(struct history_folder *folder, int record)
{
	const struct history_filter filter = {
		HISTORY_QUEUE, history_record(folder, record)->queue_id};
	struct history_query query = history_for(&filter, 1);
	struct history_row *rows;
	size_t count;

	assert_int_equal(history_search(folder->history, folder->arena, &query,
					&rows, &count, &folder->err),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].time_ms, AT(record));
	return rows[0].number;
}

static void check_bounds(struct history_folder *folder, size_t i, bool filtered)
{
	static const struct history_filter filter = {HISTORY_ACTION,
						     SLICE("accept")};
	struct history_query query = history_for(&filter, filtered);
	const char *found;

	query.since_ms = bound_cases[i].since;
	query.until_ms = bound_cases[i].until;
	query.limit = bound_cases[i].limit;
	query.oldest_first = bound_cases[i].oldest_first;
	if (bound_cases[i].after)
		query.after = number_of(folder, bound_cases[i].after);
	if (bound_cases[i].before)
		query.before = number_of(folder, bound_cases[i].before);
	found = history_found(folder, &query);
	if (strcmp(found, bound_cases[i].found) != 0)
		fail_msg("case %zu: found \"%s\", not \"%s\"", i, found,
			 bound_cases[i].found);
}

static void only_what_lies_within_the_bounds_is_found(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 9);
	for (size_t i = 0; i < sizeof(bound_cases) / sizeof(bound_cases[0]);
	     i++) {
		check_bounds(folder, i, false);
		check_bounds(folder, i, true);
	}
}

static void past_the_deadline_it_stops(void **state)
{
	static const struct history_filter filter = {HISTORY_ACTION,
						     SLICE("accept")};
	struct history_folder *folder = *state;
	struct history_row *rows;
	size_t count;

	history_must_add_some(folder, 1, 500);
	for (size_t filters = 0; filters < 2; filters++) {
		struct history_query query = history_for(&filter, filters);

		query.deadline_ms = clock_mono_ms() - 1;
		assert_int_equal(history_search(folder->history, folder->arena,
						&query, &rows, &count,
						&folder->err),
				 1);
		assert_in_range(count, 0, 100);
		query.deadline_ms = clock_mono_ms() + 10000;
		assert_int_equal(history_search(folder->history, folder->arena,
						&query, &rows, &count,
						&folder->err),
				 0);
		assert_int_equal(count, 500);
	}
}

/* More than one segment, and each page asked for by the last row's number. */
static void pages_follow_each_other_through_all_segments(void **state)
{
	enum { RECORDS = 40000, PAGE = 7001 };
	static const struct history_filter filters[] = {
		{HISTORY_ACTION, SLICE("accept")},
		{HISTORY_DIRECTION, SLICE("in")}};
	struct history_folder *folder = *state;
	struct history_query query = history_for(filters, 2);
	int seen = 0;

	for (int i = 0; i < RECORDS; i += 4000)
		history_must_add_some(folder, i + 1, i + 4000);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM segment"),
			 2);
	query.limit = PAGE;
	query.deadline_ms += 60000;
	for (;;) {
		struct history_row *rows;
		size_t count;

		assert_int_equal(history_search(folder->history, folder->arena,
						&query, &rows, &count,
						&folder->err),
				 0);
		if (count == 0)
			break;
		for (size_t i = 0; i < count; i++)
			assert_int_equal(rows[i].time_ms, AT(RECORDS - seen++));
		query.before = rows[count - 1].number;
	}
	assert_int_equal(seen, RECORDS);
}

/* ---- what goes in ---- */

static void probes_and_rubbish_stay_out(void **state)
{
	struct history_folder *folder = *state;
	struct record *probe = history_record(folder, 2);
	struct slice packed[5];
	struct history_size size;

	probe->probe = true;
	packed[0] = history_packed(folder, history_record(folder, 1));
	packed[1] = history_packed(folder, probe);
	packed[2] = SLICE("this is no record");
	packed[3] = SLICE("");
	packed[4] = history_packed(folder, history_record(folder, 3));
	history_folder_reopen(folder);
	assert_int_equal(history_add(folder->history, packed, 5,
				     clock_mono_ms() + 10000, &folder->bad,
				     &folder->news, &folder->err),
			 0);
	assert_int_equal(folder->bad, 2);
	assert_string_equal(
		history_found_by(folder, HISTORY_SYMBOL, SLICE("SPF_ALLOW")),
		"r3 r1");
	assert_int_equal(history_size(folder->history, &size, &folder->err), 0);
	assert_int_equal(size.records, 2);
	assert_int_equal(size.oldest_ms, AT(1));
	assert_int_equal(size.newest_ms, AT(3));
	assert_true(size.bytes > 0);
}

#define IN_2100 4102444800000

/* Numbers go up even if the clock goes back; nonsense is now. */
static void numbers_go_up_whatever_the_clock_says(void **state)
{
	static const int64_t times[] = {AT(5),	       AT(3),	AT(5), -7,
					INT64_MAX / 4, IN_2100, 0};
	struct history_folder *folder = *state;
	struct history_query query = history_for(NULL, 0);
	struct history_row *rows;
	size_t count, n = sizeof(times) / sizeof(times[0]);
	int64_t now_ms = clock_wall_us() / 1000;

	for (size_t i = 0; i < n; i++) {
		struct record *record = history_record(folder, (int)i);

		record->time_ms = times[i];
		history_must_add(folder, record);
	}
	query.oldest_first = true;
	assert_string_equal(history_found(folder, &query),
			    "r0 r1 r2 r3 r4 r5 r6");
	history_search(folder->history, folder->arena, &query, &rows, &count,
		       &folder->err);
	for (size_t i = 1; i < count; i++)
		assert_true(rows[i].number > rows[i - 1].number);
	assert_int_equal(rows[1].time_ms, AT(5));
	for (size_t i = 3; i < count; i++)
		assert_in_range(rows[i].time_ms, now_ms, now_ms + 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(filters_must_all_hold),
		HISTORY_FOLDER_TEST(too_many_filters_are_refused),
		HISTORY_FOLDER_TEST(only_what_lies_within_the_bounds_is_found),
		HISTORY_FOLDER_TEST(past_the_deadline_it_stops),
		HISTORY_FOLDER_TEST(
			pages_follow_each_other_through_all_segments),
		HISTORY_FOLDER_TEST(probes_and_rubbish_stay_out),
		HISTORY_FOLDER_TEST(numbers_go_up_whatever_the_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
