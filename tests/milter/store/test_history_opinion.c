/* What users said of messages: kept with the record, once for each. */
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"

#include <string.h>

#define ROWS "SELECT count(*) FROM opinion"

static struct history_noted say(struct history_folder *folder, const char *id,
				const char *user, enum feedback_said said,
				enum feedback_how how)
{
	const struct feedback f = {slice_cstr(id), slice_cstr(user), said,
				   how, false};
	struct history_noted noted;

	assert_int_equal(history_note_opinion(folder->history, folder->arena,
					      &f, f.ids, HISTORY_T0 + 5000,
					      &noted, &folder->err),
			 0);
	return noted;
}

static void it_is_kept_with_the_record(void **state)
{
	struct history_folder *folder = *state;
	struct history_noted noted;
	struct record record;

	history_must_add_some(folder, 1, 3);
	noted = say(folder, "r2", "b@example.org", FEEDBACK_HAM,
		    FEEDBACK_RELEASE);
	assert_true(noted.known && noted.changed);
	assert_true(slice_eq(noted.record.id, SLICE("r2")));
	say(folder, "r2", "a@example.org", FEEDBACK_SPAM, FEEDBACK_FLAG);
	record = noted.record;
	assert_int_equal(history_opinions(folder->history, folder->arena,
					  &record, &folder->err),
			 0);
	assert_int_equal(record.opinion_count, 2);
	assert_true(slice_eq(record.opinions[0].user, SLICE("a@example.org")));
	assert_true(slice_eq(record.opinions[0].said, SLICE("spam")));
	assert_true(slice_eq(record.opinions[0].how, SLICE("flag")));
	assert_true(slice_eq(record.opinions[1].said, SLICE("ham")));
	assert_int_equal(record.opinions[1].time_ms, HISTORY_T0 + 5000);
	record.id = SLICE("r3");
	assert_int_equal(history_opinions(folder->history, folder->arena,
					  &record, &folder->err),
			 0);
	assert_int_equal(record.opinion_count, 0);
}

static void who_says_it_twice_says_nothing_new(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 1);
	assert_true(say(folder, "r1", "b", FEEDBACK_HAM, FEEDBACK_MOVE)
			    .changed);
	assert_false(say(folder, "r1", "b", FEEDBACK_HAM, FEEDBACK_FLAG)
			     .changed);
	assert_true(say(folder, "r1", "b", FEEDBACK_SPAM, FEEDBACK_MOVE)
			    .changed);
	assert_true(say(folder, "r1", "c", FEEDBACK_SPAM, FEEDBACK_MOVE)
			    .changed);
	assert_int_equal(history_ask(folder, ROWS), 2);
}

static void of_what_is_unknown_nothing_is_kept(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 1);
	assert_false(say(folder, "r9", "b", FEEDBACK_HAM, FEEDBACK_MOVE)
			     .known);
	assert_int_equal(history_ask(folder, ROWS), 0);
}

static void it_goes_with_its_record(void **state)
{
	struct history_folder *folder = *state;

	folder->conf.records = 100;
	history_folder_reopen(folder);
	history_must_add_some(folder, 1, 100);
	say(folder, "r1", "b", FEEDBACK_HAM, FEEDBACK_MOVE);
	say(folder, "r100", "b", FEEDBACK_HAM, FEEDBACK_MOVE);
	history_must_add_some(folder, 101, 150);
	history_must_prune(folder, HISTORY_T0 + 200000);
	assert_int_equal(history_ask(folder, ROWS), 1);
	assert_int_equal(history_ask(folder,
				     ROWS " WHERE id = CAST('r100' AS BLOB)"),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(it_is_kept_with_the_record),
		HISTORY_FOLDER_TEST(who_says_it_twice_says_nothing_new),
		HISTORY_FOLDER_TEST(of_what_is_unknown_nothing_is_kept),
		HISTORY_FOLDER_TEST(it_goes_with_its_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
