/*
 * The store in one file: what every store does, and what becomes of it
 * when processes are killed, when many use it at once, and in time.
 */
#include "common/base/clock.h"
#include "milter/store/store_backend.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_folder.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One number from the file itself. */
static int64_t ask(const struct store_folder *folder, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int64_t number;

	assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

/* What a child does that is killed: each number goes out once confirmed. */
struct writer {
	struct store *store;
	int fd;
	int from;
};

static void *write_until_killed(void *arg)
{
	struct writer *w = arg;

	for (int i = w->from;; i++) {
		char sender[40];

		snprintf(sender, sizeof(sender), "s%d@example.org", i);
		if (store_try_once(w->store, sender, NULL, NULL) == STORE_DONE)
			(void)!write(w->fd, &i, sizeof(i));
	}
	return NULL;
}

static _Noreturn void be_killed(const struct store_folder *folder, int round,
				int fd)
{
	struct store *store = store_cases_open(&folder->place, NULL);
	struct writer writers[4];
	pthread_t thread;

	for (int i = 0; i < 4; i++) {
		writers[i] =
			(struct writer){store, fd, (round * 4 + i) * 1000000};
		pthread_create(&thread, NULL, write_until_killed, &writers[i]);
	}
	for (;;)
		pause();
}

/* Adds what the child says, `least` numbers or more, to the list. */
static size_t kill_in_the_middle(const struct store_folder *folder, int round,
				 size_t least, int *confirmed, size_t room)
{
	int fds[2], number;
	size_t n = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_killed(folder, round, fds[1]);
	close(fds[1]);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number)) {
		assert_true(n < room);
		confirmed[n++] = number;
		if (n == least)
			kill(pid, SIGKILL);
	}
	close(fds[0]);
	waitpid(pid, NULL, 0);
	assert_true(n >= least);
	return n;
}

#define ROUNDS 6
#define CONFIRMED_MAX 40000

static void what_was_confirmed_survives_kill_9(void **state)
{
	static int confirmed[CONFIRMED_MAX];
	struct store_folder *folder = *state;
	struct store *store;
	size_t n = 0;

	folder->sets[0] = "state.timeout=5s";
	for (int round = 0; round < ROUNDS; round++)
		n += kill_in_the_middle(folder, round, 150 + (size_t)round * 37,
					confirmed + n, CONFIRMED_MAX - n);
	store = store_cases_open(&folder->place, NULL);
	for (size_t i = 0; i < n; i++) {
		struct greylist_answer answer;
		char sender[40];

		snprintf(sender, sizeof(sender), "s%d@example.org",
			 confirmed[i]);
		assert_int_equal(store_try_once(store, sender, &answer, NULL),
				 STORE_DONE);
		assert_true(answer.pass);
	}
	store_free(&store);
	assert_int_equal(ask(folder,
			     "SELECT count(*) FROM pragma_integrity_check"
			     " WHERE integrity_check <> 'ok'"),
			 0);
	store_folder_must_log(folder, "does not work", 0);
}

/* Ends with 0 if the try was answered so. */
static _Noreturn void try_and_exit(const struct store_folder *folder,
				   const char *sender, bool first)
{
	struct store *store = store_cases_open(&folder->place, NULL);
	struct greylist_answer answer = {.first = !first};
	enum store_status status = store_try_once(store, sender, &answer, NULL);

	store_free(&store);
	_exit(status == STORE_DONE && answer.first == first ? 0 : 1);
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static void processes_agree(void **state)
{
	struct store_folder *folder = *state;
	struct greylist_answer answer;
	struct store *store;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		try_and_exit(folder, "a@example.org", true);
	assert_int_equal(wait_for(pid), 0);
	store = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_try_once(store, "a@example.org", &answer, NULL),
			 STORE_DONE);
	assert_true(answer.pass && !answer.known);
	store_free(&store);
	pid = fork();
	if (pid == 0)
		try_and_exit(folder, "a@example.org", false);
	assert_int_equal(wait_for(pid), 0);
}

static void workers_that_start_at_once_make_one_file(void **state)
{
	struct store_folder *folder = *state;
	pid_t pids[8];

	for (int i = 0; i < 8; i++) {
		char sender[40];

		pids[i] = fork();
		snprintf(sender, sizeof(sender), "s%d@example.org", i);
		if (pids[i] == 0)
			try_and_exit(folder, sender, true);
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(wait_for(pids[i]), 0);
	assert_int_equal(ask(folder, "SELECT count(*) FROM greylist"), 8);
	store_folder_must_log(folder, "does not work", 0);
}

static void nobody_else_can_read_it(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	char wal[100];
	struct stat found;
	mode_t before = umask(0);

	store = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_try_once(store, "a@example.org", NULL, NULL),
			 STORE_DONE);
	assert_int_equal(stat(folder->file, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	snprintf(wal, sizeof(wal), "%s-wal", folder->file);
	assert_int_equal(stat(wal, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	store_free(&store);
	umask(before);
}

static void the_end_waits_for_what_was_sent(void **state)
{
	struct store_folder *folder = *state;
	struct store *store;
	int64_t good = 0;

	store = store_cases_open(&folder->place, NULL);
	for (int i = 0; i < 900; i++)
		store_note(store, SLICE("example.org"), true, 60000);
	store_free(&store);
	store = store_cases_open(&folder->place, NULL);
	assert_int_equal(store_trust(store, SLICE("example.org"),
				     store_deadline(store), &good),
			 STORE_DONE);
	assert_int_equal(good, 900);
	store_free(&store);
}

static int64_t note_good(struct store *store, int times)
{
	int64_t good = -1;

	for (int i = 0; i < times; i++)
		store_note(store, SLICE("example.org"), true, 360000000);
	store_flush(store, store_deadline(store));
	assert_int_equal(store_trust(store, SLICE("example.org"),
				     store_deadline(store), &good),
			 STORE_DONE);
	return good;
}

/* Nothing is written for a message of a domain that is known for long. */
static void a_long_record_is_renewed_now_and_then(void **state)
{
	struct store_folder *folder = *state;
	struct store_test_clock clock;
	struct store *store;

	store_test_clock_set(&clock);
	store = store_cases_open(&folder->place, &clock);
	assert_int_equal(note_good(store, STORE_TRUST_MAX), STORE_TRUST_MAX);
	assert_int_equal(note_good(store, 100), STORE_TRUST_MAX);
	clock.uptime_ms += 3600000;
	assert_int_equal(note_good(store, 1), STORE_TRUST_MAX);
	clock.uptime_ms++;
	assert_int_equal(note_good(store, 3), STORE_TRUST_MAX + 1);
	clock.uptime_ms += 360000000;
	assert_int_equal(note_good(store, 0), STORE_TRUST_MAX + 1);
	clock.uptime_ms++;
	assert_int_equal(note_good(store, 0), 0);
	assert_int_equal(note_good(store, 1), 1);
	store_free(&store);
}

/* A sweep at that time, by a back end of its own; what it returned. */
static int sweep_at(const struct store_folder *folder,
		    const struct store_time *now)
{
	const struct store_url url = {.kind = STORE_KIND_SQLITE,
				      .path = folder->file,
				      .name = "sqlite"};
	const struct state_conf conf = {.timeout = {1000}};
	struct err err = {""};
	struct store_backend *backend = store_sqlite.make(&url, &conf, &err);
	int64_t until_ms = clock_mono_ms() + 10000;
	int rc;

	assert_int_equal(store_sqlite.connect(backend, until_ms, &err), 0);
	rc = store_sqlite.sweep(backend, now, until_ms, &err);
	store_sqlite.free(backend);
	return rc;
}

/* One entry, one record and one rate of each of three boots. */
static void fill_over_boots(struct store *store, struct store_test_clock *clock)
{
	const struct rate rate = {SLICE("m"), 10, 1, 43200000};
	struct rate_answer answer;

	for (int i = 0; i < 3; i++) {
		char name[40];

		clock->boot = 7 + (uint64_t)i;
		/* Uptimes of other boots must not be taken for this one's. */
		if (i == 2)
			clock->uptime_ms += 200000000;
		snprintf(name, sizeof(name), "s%d@example.org", i);
		assert_int_equal(store_try_once(store, name, NULL, NULL),
				 STORE_DONE);
		store_note(store, slice_cstr(name), true, 86400000);
		assert_int_equal(store_rate(store,
					    &(struct rate_ask){slice_cstr(name),
							       &rate, 1, true},
					    store_deadline(store), &answer),
				 STORE_DONE);
	}
}

static int64_t rows(const struct store_folder *folder)
{
	return ask(folder, "SELECT (SELECT count(*) FROM greylist) * 100 +"
			   " (SELECT count(*) FROM trust) * 10 +"
			   " (SELECT count(*) FROM rate)");
}

static void a_sweep_takes_what_is_over_by_the_clock_that_counts(void **state)
{
	struct store_folder *folder = *state;
	struct store_test_clock clock;
	struct store_time now;
	struct store *store;

	store_test_clock_set(&clock);
	store = store_cases_open(&folder->place, &clock);
	fill_over_boots(store, &clock);
	store_free(&store);
	assert_int_equal(rows(folder), 333);
	now = (struct store_time){9, clock.uptime_ms, clock.wall_ms};
	assert_int_equal(sweep_at(folder, &now), 0);
	assert_int_equal(rows(folder), 333);
	/* Set forward: of other boots it says that all is over. */
	now.wall_ms += 90000000;
	assert_int_equal(sweep_at(folder, &now), 0);
	assert_int_equal(rows(folder), 111);
	/* Set back; by uptime all is just not over, then it is. */
	now.wall_ms -= 900000000;
	now.uptime_ms += 86400000;
	assert_int_equal(sweep_at(folder, &now), 0);
	assert_int_equal(rows(folder), 111);
	now.uptime_ms++;
	assert_int_equal(sweep_at(folder, &now), 0);
	assert_int_equal(rows(folder), 0);
}

static void a_sweep_is_short_and_says_that_there_is_more(void **state)
{
	struct store_folder *folder = *state;
	struct store_test_clock clock;
	struct store_time now;
	struct store *store;

	store_test_clock_set(&clock);
	store = store_cases_open(&folder->place, &clock);
	for (int i = 0; i < 1100; i++) {
		char name[40];

		clock.boot = 7 + (uint64_t)(i & 1);
		snprintf(name, sizeof(name), "s%d@example.org", i);
		assert_int_equal(store_try_once(store, name, NULL, NULL),
				 STORE_DONE);
	}
	store_free(&store);
	now = (struct store_time){7, clock.uptime_ms + 90000000,
				  clock.wall_ms + 90000000};
	assert_int_equal(sweep_at(folder, &now), 1);
	assert_int_equal(rows(folder), 10000);
	assert_int_equal(sweep_at(folder, &now), 0);
	assert_int_equal(rows(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_FOLDER_TEST(what_was_confirmed_survives_kill_9),
		STORE_FOLDER_TEST(processes_agree),
		STORE_FOLDER_TEST(workers_that_start_at_once_make_one_file),
		STORE_FOLDER_TEST(nobody_else_can_read_it),
		STORE_FOLDER_TEST(the_end_waits_for_what_was_sent),
		STORE_FOLDER_TEST(a_long_record_is_renewed_now_and_then),
		STORE_FOLDER_TEST(
			a_sweep_takes_what_is_over_by_the_clock_that_counts),
		STORE_FOLDER_TEST(a_sweep_is_short_and_says_that_there_is_more),
	};
	struct store_place place = {.url = "sqlite:store.db",
				    .wall_is_ours = true};
	char path[] = "/tmp/gatepost-store-XXXXXX";
	int failed;

	place.state_dir = mkdtemp(path);
	if (!place.state_dir)
		return 99;
	failed = store_cases_run(&place);
	store_folder_remove(path);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
