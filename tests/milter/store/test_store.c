/*
 * The store itself, over SQLite: what happens to calls on their way, and
 * at the end.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_folder.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sqlite3 *lock(const struct store_folder *folder)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	return db;
}

static void unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct conf *configure(const char *url)
{
	static const struct settings_group *const groups[] = {
		&store_settings, &state_settings, NULL};
	const char *sets[] = {url, NULL};
	struct err err;
	struct conf *conf = conf_load(groups, NULL, sets, &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static void a_bad_url_is_found_without_opening_anything(void **state)
{
	static const struct {
		const char *set;
		bool good, local;
	} cases[] = {
		{"store=sqlite:/nowhere/at/all.db", true, true},
		{"store=redis://127.0.0.1:1", true, false},
		{"store=nothing:", false, false},
		{"store=redis://", false, false},
		{"store=sqlite:", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf = configure(cases[i].set);
		struct err err = {""};
		const struct store_options options = {.conf = conf};

		assert_int_equal(store_check(conf, NULL, &err) == 0,
				 cases[i].good);
		assert_int_equal(store_is_local(conf), cases[i].local);
		if (!cases[i].good) {
			assert_null(store_new(&options, &err));
			assert_memory_equal(err.text, "store: ", 7);
		}
		conf_free(&conf);
	}
}

static void the_default_is_a_file_below_the_state_dir(void **state)
{
	struct store_folder *folder = *state;
	struct conf *conf = configure(NULL);
	const struct store_options options = {
		.conf = conf, .state_dir = folder->path, .quiet = true};
	struct err err = {""};
	struct store *store = store_new(&options, &err);
	char name[100];

	assert_non_null(store);
	conf_free(&conf);
	snprintf(name, sizeof(name), "sqlite %s/store.db", folder->path);
	assert_string_equal(store_name(store), name);
	assert_in_range(store_deadline(store) - clock_mono_ms(), 90, 100);
	store_free(&store);
	assert_null(store);
	assert_int_equal(access(folder->file, F_OK), 0);
}

static void quiet_says_nothing(void **state)
{
	struct store_folder *folder = *state;
	struct conf *conf = configure("store=sqlite:/nowhere/at/all.db");
	const struct store_options options = {.conf = conf, .quiet = true};
	struct err err = {""};
	struct store *store = store_new(&options, &err);

	assert_non_null(store);
	assert_true(store_waits_until(store, false));
	assert_int_equal(store_allow(store, SLICE("a.example"), &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/at/all.db"));
	store_free(&store);
	conf_free(&conf);
	store_folder_must_log(folder, "nowhere", 0);
}

struct asker {
	struct store *store;
	enum store_status status;
	int64_t ms;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->status = store_try_once(a->store, "a@example.org", NULL, &a->ms);
	return NULL;
}

/* One batch runs, and fails late; the rest finds two places. */
static void no_more_wait_than_the_queue_holds(void **state)
{
	struct store_folder *folder = *state;
	struct asker askers[8];
	pthread_t threads[8];
	struct store_stats stats;
	struct store *store;
	sqlite3 *db;
	int at_once = 0;

	folder->sets[0] = "state.queue=2";
	folder->sets[1] = "state.timeout=900ms";
	store = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_try_once(store, "b@example.org", NULL, NULL),
			 STORE_DONE);
	db = lock(folder);
	for (int i = 0; i < 8; i++) {
		askers[i] = (struct asker){.store = store};
		pthread_create(&threads[i], NULL, ask, &askers[i]);
		/* So that the first is taken alone. */
		usleep(i == 0 ? 100000 : 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(askers[i].status, STORE_LATE);
		at_once += askers[i].ms < 300;
	}
	assert_int_equal(at_once, 5);
	store_stats(store, &stats);
	assert_int_equal(stats.asked, 4);
	assert_int_equal(stats.late, 8);
	assert_int_equal(stats.done, 1);
	unlock(db);
	store_free(&store);
}

/* Late calls that nobody waits for any more are not run at all. */
static void what_waited_past_its_deadline_is_not_run(void **state)
{
	struct store_folder *folder = *state;
	struct slice name = SLICE("never.example");
	struct rate rate = {name, 10, 1, 3600000};
	struct rate_answer answer;
	struct greylist_list list;
	struct arena *arena = arena_new(0);
	struct store *store;
	struct err err = {""};
	sqlite3 *db;

	folder->sets[0] = "state.timeout=300ms";
	store = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_try_once(store, "b@example.org", NULL, NULL),
			 STORE_DONE);
	db = lock(folder);
	/* It keeps the thread busy past the deadline of the next one. */
	store_note(store, name, false, 1000);
	usleep(50000);
	assert_int_equal(store_rate(store,
				    &(struct rate_ask){name, &rate, 1, true},
				    clock_mono_ms() + 50, &answer),
			 STORE_LATE);
	unlock(db);
	assert_int_equal(
		store_greylist_list(store, arena,
				    &(struct greylist_filter){.waiting = true},
				    10, &list, &err),
		0);
	assert_int_equal(list.count, 1);
	rate.amount = 10;
	assert_int_equal(store_rate(store,
				    &(struct rate_ask){name, &rate, 1, false},
				    store_deadline(store) + 5000, &answer),
			 STORE_DONE);
	assert_false(answer.over);
	store_free(&store);
	arena_free(&arena);
}

static void calls_and_answers_are_counted(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = store_cases_open(&folder->place, NULL);
	struct store_stats stats;
	int64_t good;
	int index;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
			store_try_once(store, "a@example.org", NULL, NULL),
			STORE_DONE);
	assert_int_equal(
		store_trust(store, SLICE("d"), store_deadline(store), &good),
		STORE_DONE);
	assert_int_equal(store_allowed(store, &(struct slice)SLICE("d"), 1,
				       store_deadline(store), &index),
			 STORE_DONE);
	store_note(store, SLICE("d"), true, 1000);
	store_flush(store, store_deadline(store));
	store_stats(store, &stats);
	assert_int_equal(stats.asked, 7);
	assert_int_equal(stats.done, 7);
	assert_int_equal(stats.late + stats.failed + stats.skipped, 0);
	assert_int_equal(stats.downs, 0);
	store_free(&store);
}

/* What the manual allows a configuration to say, and a little more. */
static void rates_without_sense_do_no_harm(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = store_cases_open(&folder->place, NULL);
	const struct rate rates[] = {
		{SLICE("a"), 0, 0, 0},
		{SLICE("b"), -1, 5, -7},
		{SLICE("c"), 3, 100, 1000},
		{SLICE("d"), INT64_MAX, INT64_MAX, INT64_MAX / 4},
	};
	struct rate_answer answer;

	for (size_t i = 0; i < 8; i++) {
		memset(&answer, 0x55, sizeof(answer));
		assert_int_equal(
			store_rate(store,
				   &(struct rate_ask){SLICE("s"), &rates[i % 4],
						      1, true},
				   store_deadline(store), &answer),
			STORE_DONE);
		if (answer.over)
			assert_true(answer.wait_ms > 0);
	}
	store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_url_is_found_without_opening_anything),
		STORE_FOLDER_TEST(the_default_is_a_file_below_the_state_dir),
		STORE_FOLDER_TEST(quiet_says_nothing),
		STORE_FOLDER_TEST(no_more_wait_than_the_queue_holds),
		STORE_FOLDER_TEST(what_waited_past_its_deadline_is_not_run),
		STORE_FOLDER_TEST(calls_and_answers_are_counted),
		STORE_FOLDER_TEST(rates_without_sense_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
