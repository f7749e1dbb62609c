/*
 * What the history knows beyond single records: what came of messages that
 * were greylisted, sums, and the commonest values.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"

#include <stdio.h>
#include <string.h>

#define MINUTE 60
#define HOUR 3600
#define DAY (24 * HOUR)
#define AT(seconds) (HISTORY_T0 + (int64_t)(seconds)*1000)
#define RECORDS "SELECT count(*) FROM record"

/* ---- stories ---- */

/* One try of a message: when, what came of it, and what is new then. */
struct attempt {
	int seconds;
	const char *action;
	const char *rcpts; /* a letter each */
	const char *message_id;
	unsigned returned, never_returned;
};

#define ATTEMPTS 5
static const struct {
	const char *title;
	struct attempt v[ATTEMPTS];
} stories[] = {
	{"it comes back",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {400, "accept", "a", "<1>", 1, 0},
	  {500, "accept", "a", "<1>", 0, 0}}},
	{"tries that come too early are nothing new",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {60, "greylist", "a", "<1>", 0, 0},
	  {120, "tempfail", "a", "<1>", 0, 0},
	  {180, "ratelimit", "a", "<1>", 0, 0},
	  {400, "tag", "a", "<1>", 1, 0}}},
	{"a rejection is an answer",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {400, "reject", "a", "<1>", 1, 0}}},
	{"another message is another story",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {400, "accept", "a", "<2>", 0, 0},
	  {500, "accept", "a", "<1>", 1, 0}}},
	{"another recipient is not the one who waits",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {10, "greylist", "bc", "<1>", 0, 0},
	  {400, "accept", "d", "<1>", 0, 0},
	  {500, "accept", "cx", "<1>", 1, 0},
	  {600, "accept", "ab", "<1>", 1, 0}}},
	{"two that wait may be answered by one",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {10, "greylist", "b", "<1>", 0, 0},
	  {400, "accept", "ab", "<1>", 2, 0}}},
	{"without a Message-ID it goes by recipients in any order",
	 {{0, "greylist", "ab", "", 0, 0},
	  {10, "accept", "a", "", 0, 0},
	  {400, "accept", "ba", "", 1, 0}}},
	{"after a day it does not count as a return",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {DAY + 1, "accept", "a", "<1>", 0, 1},
	  {DAY + 2, "accept", "a", "<1>", 0, 0}}},
	{"within a day it does",
	 {{0, "greylist", "a", "<1>", 0, 0},
	  {DAY - 1, "accept", "a", "<1>", 1, 0}}},
};

static void try_once(struct history_folder *folder, const char *title,
		     const struct attempt *attempt)
{
	struct record *record = history_record(folder, 1);
	size_t n = strlen(attempt->rcpts);
	struct slice *rcpts = ARENA_ARRAY(folder->arena, struct slice, n);

	for (size_t i = 0; i < n; i++)
		rcpts[i] = arena_printf(folder->arena, "%c@in.example",
					attempt->rcpts[i]);
	record->time_ms = AT(attempt->seconds);
	record->action = slice_cstr(attempt->action);
	record->message_id = slice_cstr(attempt->message_id);
	record->rcpts = rcpts;
	record->rcpt_count = n;
	history_must_add(folder, record);
	if (folder->news.returned != attempt->returned ||
	    folder->news.never_returned != attempt->never_returned)
		fail_msg("%s: at %d: %u returned, %u did not", title,
			 attempt->seconds, folder->news.returned,
			 folder->news.never_returned);
}

static void stories_of_deferred_messages_are_followed(void **state)
{
	struct history_folder *folder = *state;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		for (int k = 0; k < ATTEMPTS && stories[i].v[k].action; k++)
			try_once(folder, stories[i].title, &stories[i].v[k]);
		assert_int_equal(
			history_ask(folder, "SELECT count(*) FROM waiting"), 0);
		history_close(&folder->history);
		remove(folder->file);
	}
}

static void who_never_returns_is_counted_once(void **state)
{
	struct history_folder *folder = *state;

	for (int i = 0; i < 700; i++) {
		struct record *record = history_record(folder, i);

		record->action = SLICE("greylist");
		history_must_add(folder, record);
	}
	history_must_prune(folder, AT(DAY));
	assert_int_equal(folder->news.never_returned, 0);
	history_must_prune(folder, AT(DAY + 1));
	assert_int_equal(folder->news.never_returned, 1);
	history_folder_reopen(folder);
	history_must_prune(folder, AT(DAY + 2000));
	assert_int_equal(folder->news.never_returned, 699);
	history_must_prune(folder, AT(3 * DAY));
	assert_int_equal(folder->news.never_returned, 0);
}

/* ---- sums ---- */

/* T0 is 14 minutes past the hour. */
static void totals_are_kept_by_minute_and_hour(void **state)
{
	struct history_folder *folder = *state;
	struct record *record = history_record(folder, 61);

	history_must_add_some(folder, 0, 2);
	record->action = SLICE("reject");
	record->direction = SLICE("out");
	record->size = UINT64_MAX;
	history_must_add(folder, record);
	history_must_add_some(folder, 62, 62);
	history_must_add_some(folder, HOUR, HOUR);
	assert_string_equal(history_totals_of(folder, 0, 0, MINUTE * 1000),
			    "0 in accept 3 3000\n"
			    "60 in accept 1 1000\n"
			    "60 out reject 1 1099511627776\n"
			    "3600 in accept 1 1000\n");
	assert_string_equal(
		history_totals_of(folder, AT(61), AT(3600), MINUTE * 1000),
		"60 in accept 1 1000\n"
		"60 out reject 1 1099511627776\n");
	assert_string_equal(history_totals_of(folder, 0, 0, 5 * MINUTE * 1000),
			    "-840 in accept 4 4000\n"
			    "-840 out reject 1 1099511627776\n"
			    "2760 in accept 1 1000\n");
	assert_string_equal(history_totals_of(folder, AT(2 * HOUR), 0, 1), "");
}

static void many_kinds_of_totals_fit_into_one_batch(void **state)
{
	enum { KINDS = 150, TIMES = 3 };
	struct history_folder *folder = *state;
	struct slice packed[KINDS * TIMES];

	history_folder_reopen(folder);
	for (int i = 0; i < KINDS * TIMES; i++) {
		struct record *record = history_record(folder, 1);

		record->action =
			arena_printf(folder->arena, "action%d", i % KINDS);
		packed[i] = history_packed(folder, record);
	}
	assert_int_equal(history_add(folder->history, packed, KINDS * TIMES,
				     clock_mono_ms() + 10000, &folder->bad,
				     &folder->news, &folder->err),
			 0);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM total"
					     " WHERE messages = 3"),
			 2 * KINDS);
}

static void totals_outlive_records_for_their_time(void **state)
{
	struct history_folder *folder = *state;

	folder->conf.keep.ms = HOUR * 1000;
	history_must_add_some(folder, 0, 3);
	history_must_prune(folder, AT(2 * DAY - 1));
	assert_int_equal(history_ask(folder, RECORDS), 0);
	assert_string_equal(history_totals_of(folder, 0, 0, 1),
			    "0 in accept 4 4000\n");
	history_must_prune(folder, AT(2 * DAY + 1));
	assert_string_equal(history_totals_of(folder, 0, 0, 1), "");
	assert_string_equal(history_totals_of(folder, 0, 0, HOUR * 1000),
			    "-840 in accept 4 4000\n");
	history_must_prune(folder, AT(400 * DAY - HOUR));
	assert_string_equal(history_totals_of(folder, 0, 0, HOUR * 1000),
			    "-840 in accept 4 4000\n");
	history_must_prune(folder, AT(400 * DAY));
	assert_string_equal(history_totals_of(folder, 0, 0, HOUR * 1000), "");
}

static void the_commonest_values_come_first(void **state)
{
	struct history_folder *folder = *state;

	for (int i = 0; i < 6; i++) {
		struct record *record = history_record(folder, i);

		record->sender =
			i < 3 ? SLICE("A@x.example") : SLICE("b@x.example");
		if (i == 5)
			record->sender = SLICE("");
		record->action = i == 2 ? SLICE("tag") : SLICE("accept");
		history_must_add(folder, record);
	}
	assert_string_equal(history_top_of(folder, HISTORY_SENDER, 0, 0, 9),
			    "a@x.example 3, b@x.example 2,  1");
	assert_string_equal(history_top_of(folder, HISTORY_SENDER, 0, 0, 1),
			    "a@x.example 3");
	assert_string_equal(
		history_top_of(folder, HISTORY_SENDER, AT(2), AT(5), 9),
		"b@x.example 2, a@x.example 1");
	assert_string_equal(history_top_of(folder, HISTORY_SENDER, AT(9), 0, 9),
			    "");
	assert_string_equal(history_top_of(folder, HISTORY_ACTION, 0, 0, 9),
			    "accept 5, tag 1");
	assert_string_equal(history_top_of(folder, HISTORY_SYMBOL, 0, 0, 1),
			    "SPF_ALLOW 6");
	assert_string_equal(history_top_of(folder, HISTORY_CLIENT, 0, AT(1), 9),
			    "192.0.2.0 1");
}

static void counts_add_up_over_segments(void **state)
{
	struct history_folder *folder = *state;

	for (int i = 0; i < 36000; i += 6000)
		history_must_add_some(folder, i, i + 5999);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM segment"),
			 2);
	assert_string_equal(history_top_of(folder, HISTORY_DIRECTION, 0, 0, 9),
			    "in 36000");
	assert_string_equal(history_top_of(folder, HISTORY_DIRECTION, AT(17000),
					   AT(19000), 9),
			    "in 2000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(stories_of_deferred_messages_are_followed),
		HISTORY_FOLDER_TEST(who_never_returns_is_counted_once),
		HISTORY_FOLDER_TEST(totals_are_kept_by_minute_and_hour),
		HISTORY_FOLDER_TEST(many_kinds_of_totals_fit_into_one_batch),
		HISTORY_FOLDER_TEST(totals_outlive_records_for_their_time),
		HISTORY_FOLDER_TEST(the_commonest_values_come_first),
		HISTORY_FOLDER_TEST(counts_add_up_over_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
