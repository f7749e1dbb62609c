/*
 * What becomes of calls, and what the log says, when SQLite's file cannot
 * be used: nobody waits longer than the deadline, the log says it once, and
 * all is well again once the cause is gone.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_folder.h"

#include <sched.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* On a busy machine a thread may come to run that much later. */
#define SLACK_MS 400

#define DOWN_LINE "does not work: "
#define UP_LINE "works again after "

static sqlite3 *open_raw(const struct store_folder *folder)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static void run_raw(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void works(struct store *store)
{
	assert_true(store_waits_until(store, true));
	assert_int_equal(store_try_once(store, "after@example.org", NULL, NULL),
			 STORE_DONE);
}

static void logged_once_each(const struct store_folder *folder)
{
	store_folder_must_log(folder, DOWN_LINE, 1);
	store_folder_must_log(folder, UP_LINE, 1);
}

static void a_locked_file_makes_nobody_wait_past_the_deadline(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	struct store_stats stats;
	enum store_status status;
	sqlite3 *raw;
	int64_t ms, good;
	int late = 0;
	uint64_t skipped = 50; /* in the end */

	folder->sets[0] = "state.timeout=200ms";
	store = store_cases_open(&folder->place, NULL);
	works(store);
	raw = open_raw(folder);
	run_raw(raw, "BEGIN IMMEDIATE");
	while ((status = store_try_once(store, "a@example.org", NULL, &ms)) !=
	       STORE_DOWN) {
		/* Failed is who is there after the thread has given up. */
		assert_true(status == STORE_LATE || status == STORE_FAILED);
		assert_in_range(ms, 0, 200 + SLACK_MS);
		assert_true(late++ < 10);
		/* That reading goes on does not hide it. */
		skipped += store_trust(store, SLICE("example.org"),
				       store_deadline(store),
				       &good) == STORE_DOWN;
	}
	assert_true(late > 1);
	for (int i = 0; i < 49; i++) {
		assert_int_equal(
			store_try_once(store, "a@example.org", NULL, &ms),
			STORE_DOWN);
		assert_in_range(ms, 0, SLACK_MS);
	}
	store_stats(store, &stats);
	assert_int_equal(stats.skipped, skipped);
	assert_true(stats.late + stats.failed >= (uint64_t)late);
	assert_int_equal(stats.downs, 1);
	run_raw(raw, "ROLLBACK");
	sqlite3_close(raw);
	works(store);
	logged_once_each(folder);
	store_folder_must_log(folder, "locked by another", 1);
	store_free(&store);
}

static void a_lock_for_a_moment_is_no_news(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	enum store_status status;
	sqlite3 *raw;

	folder->sets[0] = "state.timeout=200ms";
	store = store_cases_open(&folder->place, NULL);
	works(store);
	raw = open_raw(folder);
	run_raw(raw, "BEGIN IMMEDIATE");
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			store_try_once(store, "a@example.org", NULL, NULL),
			STORE_LATE);
	run_raw(raw, "ROLLBACK");
	sqlite3_close(raw);
	do
		status = store_try_once(store, "a@example.org", NULL, NULL);
	while (status == STORE_LATE);
	assert_int_equal(status, STORE_DONE);
	store_free(&store);
	store_folder_must_log(folder, DOWN_LINE, 0);
}

/* The second note's batch is the one that finds that it is too much. */
static void who_waits_when_the_store_goes_down_leaves_at_once(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	sqlite3 *raw;
	int64_t start_ms, good;

	folder->sets[0] = "state.timeout=700ms";
	store = store_cases_open(&folder->place, NULL);
	works(store);
	raw = open_raw(folder);
	run_raw(raw, "BEGIN IMMEDIATE");
	store_note(store, SLICE("a.example"), false, 1000);
	usleep(100000);
	store_note(store, SLICE("b.example"), false, 1000);
	usleep(750000);
	start_ms = clock_mono_ms();
	assert_int_equal(
		store_trust(store, SLICE("a.example"), start_ms + 20000, &good),
		STORE_DOWN);
	assert_in_range(clock_mono_ms() - start_ms, 0, 3000);
	run_raw(raw, "ROLLBACK");
	sqlite3_close(raw);
	works(store);
	logged_once_each(folder);
	store_free(&store);
}

static void a_short_lock_is_waited_for(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	sqlite3 *raw;
	pid_t pid;

	folder->sets[0] = "state.timeout=5s";
	store = store_cases_open(&folder->place, NULL);
	works(store);
	store_free(&store);
	pid = fork();
	if (pid == 0) {
		raw = open_raw(folder);
		run_raw(raw, "BEGIN IMMEDIATE");
		usleep(300000);
		_exit(0);
	}
	usleep(100000);
	store = store_cases_open(&folder->place, NULL);
	works(store);
	store_free(&store);
	waitpid(pid, NULL, 0);
	store_folder_must_log(folder, DOWN_LINE, 0);
}

static void a_missing_folder_is_told_and_used_when_it_comes(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	struct greylist_list list;
	struct greylist_filter filter = {.waiting = false};
	struct err err = {""};
	char inner[100];

	snprintf(inner, sizeof(inner), "%s/deep", folder->path);
	folder->place.state_dir = inner;
	store = store_cases_open(&folder->place, NULL);
	assert_true(store_waits_until(store, false));
	assert_int_equal(store_try_once(store, "a@example.org", NULL, NULL),
			 STORE_DOWN);
	assert_int_equal(
		store_greylist_list(store, NULL, &filter, 1, &list, &err), -1);
	assert_non_null(strstr(err.text, inner));
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(mkdir(inner, 0700), 0);
	works(store);
	logged_once_each(folder);
	store_free(&store);
	store_folder_remove(inner);
}

/* As the user "nobody": root may write anywhere. */
static _Noreturn void use_read_only(struct store_folder *folder)
{
	struct store *store;
	int failed = 0;

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		_exit(9);
	store = store_cases_open(&folder->place, NULL);
	failed |= !store_waits_until(store, false);
	store_folder_must_log(folder, "belong to the user that runs", 1);
	failed |= store_try_once(store, "a@example.org", NULL, NULL) !=
		  STORE_DOWN;
	store_free(&store);
	_exit(failed);
}

static int in_child(void (*act)(struct store_folder *),
		    struct store_folder *folder)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		act(folder);
	waitpid(pid, &status, 0);
	return status;
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
	struct store_folder *folder = *state;

	assert_int_equal(chmod(folder->path, 0555), 0);
	assert_int_equal(in_child(use_read_only, folder), 0);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = store_cases_open(&folder->place, NULL);

	works(store);
	store_free(&store);
	assert_int_equal(chmod(folder->file, 0444), 0);
	assert_int_equal(chmod(folder->path, 0555), 0);
	assert_int_equal(in_child(use_read_only, folder), 0);
	assert_int_equal(chmod(folder->path, 0755), 0);
}

static void write_text(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	while (n-- > 0)
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void a_damaged_file_is_named_and_a_new_one_made(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	char aside[100];

	write_text(folder->file, "this is no database; ", 1000);
	store = store_cases_open(&folder->place, NULL);
	assert_true(store_waits_until(store, false));
	store_folder_must_log(folder, "is damaged", 1);
	store_folder_must_log(folder, "move it away", 1);
	assert_true(store_folder_logged(folder, folder->file) > 0);
	snprintf(aside, sizeof(aside), "%s.aside", folder->file);
	assert_int_equal(rename(folder->file, aside), 0);
	works(store);
	logged_once_each(folder);
	store_free(&store);
}

static void damage_that_comes_later_is_noticed(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = store_cases_open(&folder->place, NULL);
	struct greylist_list list;
	struct greylist_filter filter = {.waiting = false};
	struct err err = {""};
	struct arena *arena = arena_new(0);
	sqlite3 *raw;
	char path[100];

	for (int i = 0; i < 300; i++) {
		char sender[40];

		snprintf(sender, sizeof(sender), "s%d@example.org", i);
		assert_int_equal(store_try_once(store, sender, NULL, NULL),
				 STORE_DONE);
	}
	store_free(&store);
	/* All but the first page becomes rubbish. */
	raw = open_raw(folder);
	run_raw(raw, "PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(raw);
	snprintf(path, sizeof(path), "%s", folder->file);
	for (int fd = open(path, O_WRONLY), i = 4096; i < 90000; i += 8)
		assert_int_equal(pwrite(fd, "rubbish!", 8, i), 8);
	store = store_cases_open(&folder->place, NULL);
	store_greylist_list(store, arena, &filter, 10, &list, &err);
	assert_true(store_waits_until(store, false));
	store_folder_must_log(folder, "is damaged", 1);
	store_free(&store);
	arena_free(&arena);
}

static void another_programs_file_is_left_alone(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	sqlite3 *raw = open_raw(folder);

	run_raw(raw, "CREATE TABLE greylist (mine TEXT);"
		     "INSERT INTO greylist VALUES ('precious')");
	store = store_cases_open(&folder->place, NULL);
	assert_true(store_waits_until(store, false));
	store_folder_must_log(folder, "something else", 1);
	store_free(&store);
	run_raw(raw, "INSERT INTO greylist SELECT mine FROM greylist");
	assert_int_equal(sqlite3_changes(raw), 1);
	sqlite3_close(raw);
}

static void a_later_versions_file_is_left_alone(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = store_cases_open(&folder->place, NULL);
	sqlite3 *raw;

	works(store);
	store_free(&store);
	raw = open_raw(folder);
	run_raw(raw, "PRAGMA user_version = 1000");
	sqlite3_close(raw);
	store = store_cases_open(&folder->place, NULL);
	assert_true(store_waits_until(store, false));
	store_folder_must_log(folder, "later Gatepost", 1);
	store_free(&store);
}

/* What is left of it (-wal, -shm) must not be taken for the new one's. */
static void a_file_that_was_removed_is_made_anew(void **state)
{
	struct store_folder *folder = *state;
	struct store *one = store_cases_open(&folder->place, NULL);
	struct store *two = store_cases_open(&folder->place, NULL);
	struct greylist_answer answer;

	works(one);
	works(two);
	assert_int_equal(unlink(folder->file), 0);
	assert_int_equal(store_try_once(one, "a@example.org", &answer, NULL),
			 STORE_DONE);
	assert_true(answer.first);
	assert_int_equal(store_try_once(two, "a@example.org", &answer, NULL),
			 STORE_DONE);
	assert_true(answer.pass);
	assert_int_equal(store_try_once(two, "b@example.org", &answer, NULL),
			 STORE_DONE);
	assert_int_equal(store_try_once(one, "b@example.org", &answer, NULL),
			 STORE_DONE);
	assert_true(answer.pass);
	store_free(&one);
	store_free(&two);
	one = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_try_once(one, "b@example.org", &answer, NULL),
			 STORE_DONE);
	assert_true(answer.pass && answer.known);
	store_free(&one);
	store_folder_must_log(folder, "opened anew", 2);
	store_folder_must_log(folder, DOWN_LINE, 0);
}

struct pusher {
	struct store *store;
	int number;
	int done, failed, down, late;
	int64_t longest_ms;
};

static void *push(void *arg)
{
	struct pusher *p = arg;

	for (int i = 0; i < 6000; i++) {
		char sender[300];
		int64_t ms;

		memset(sender, 'x', sizeof(sender));
		snprintf(sender + 200, 90, "%d.%d@example.org", p->number, i);
		switch (store_try_once(p->store, sender, NULL, &ms)) {
		case STORE_DONE:
			p->done++;
			break;
		case STORE_FAILED:
			p->failed++;
			break;
		case STORE_DOWN:
			p->down++;
			break;
		case STORE_LATE:
			p->late++;
			break;
		}
		if (p->longest_ms < ms)
			p->longest_ms = ms;
	}
	return NULL;
}

/* Some threads until there is no room; then there is again. */
static void fill_up(struct store_folder *folder)
{
	struct store *store = store_cases_open(&folder->place, NULL);
	struct pusher pushers[4], sum = {.done = 0};
	pthread_t threads[4];
	char ballast[100];

	snprintf(ballast, sizeof(ballast), "%s/ballast", folder->path);
	works(store);
	for (int i = 0; i < 4; i++) {
		pushers[i] = (struct pusher){.store = store, .number = i};
		pthread_create(&threads[i], NULL, push, &pushers[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum.done += pushers[i].done;
		sum.failed += pushers[i].failed;
		sum.down += pushers[i].down;
		assert_in_range(pushers[i].longest_ms, 0, 500 + SLACK_MS);
	}
	assert_true(sum.done > 100);
	assert_true(sum.failed > 0);
	assert_true(sum.down > 10000);
	assert_false(store_is_up(store));
	store_folder_must_log(folder, "there is no room", 1);
	store_folder_must_log(folder, DOWN_LINE, 1);
	assert_int_equal(unlink(ballast), 0);
	works(store);
	logged_once_each(folder);
	store_free(&store);
}

/* On a small file system of this process's own. */
static _Noreturn void use_small_disk(struct store_folder *folder)
{
	char ballast[100];

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder->path, "tmpfs", 0, "size=6m") != 0)
		_exit(77);
	snprintf(ballast, sizeof(ballast), "%s/ballast", folder->path);
	write_text(ballast, "0123456789abcdef", 4 << 16);
	folder->sets[0] = "state.timeout=500ms";
	fill_up(folder);
	_exit(0);
}

static void a_full_disk_stops_no_mail(void **state)
{
	int status = in_child(use_small_disk, *state);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_FOLDER_TEST(
			a_locked_file_makes_nobody_wait_past_the_deadline),
		STORE_FOLDER_TEST(a_lock_for_a_moment_is_no_news),
		STORE_FOLDER_TEST(
			who_waits_when_the_store_goes_down_leaves_at_once),
		STORE_FOLDER_TEST(a_short_lock_is_waited_for),
		STORE_FOLDER_TEST(
			a_missing_folder_is_told_and_used_when_it_comes),
		STORE_FOLDER_TEST(a_folder_that_cannot_be_written_is_told),
		STORE_FOLDER_TEST(a_file_that_cannot_be_written_is_told),
		STORE_FOLDER_TEST(a_damaged_file_is_named_and_a_new_one_made),
		STORE_FOLDER_TEST(damage_that_comes_later_is_noticed),
		STORE_FOLDER_TEST(another_programs_file_is_left_alone),
		STORE_FOLDER_TEST(a_later_versions_file_is_left_alone),
		STORE_FOLDER_TEST(a_file_that_was_removed_is_made_anew),
		STORE_FOLDER_TEST(a_full_disk_stops_no_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
