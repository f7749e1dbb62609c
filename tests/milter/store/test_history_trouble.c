/*
 * What becomes of the history when its file cannot be used, is full, is
 * used by others, or its writer is killed: nothing is half written, the
 * error is a sentence, and all is well again once the cause is gone.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/history_folder.h"
#include "tests/support/store_folder.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOUND                                               \
	"SELECT count(*) FROM pragma_integrity_check WHERE" \
	" integrity_check <> 'ok'"
/* Records that are incomplete in one way or another. */
#define HALF_WRITTEN                                                      \
	"SELECT (SELECT count(*) FROM record WHERE number NOT IN (SELECT" \
	" number FROM term WHERE kind = 1)) + (SELECT count(*) FROM term" \
	" WHERE number NOT IN (SELECT number FROM record)) + abs((SELECT" \
	" count(*) FROM record) - (SELECT sum(records) FROM segment))"    \
	" + abs((SELECT count(*) FROM record) - (SELECT sum(messages)"    \
	" FROM total WHERE span = 60000))"

static void write_over(const char *path, int64_t from, int64_t to)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	for (int64_t i = from; i < to; i += 8)
		assert_int_equal(pwrite(fd, "rubbish!", 8, i), 8);
	close(fd);
}

static int try_to_add(struct history_folder *folder, int from, int to)
{
	size_t count = (size_t)(to - from) + 1;
	struct slice *packed = calloc(count, sizeof(*packed));
	int rc;

	for (size_t i = 0; i < count; i++)
		packed[i] = history_packed(
			folder, history_record(folder, from + (int)i));
	rc = history_add(folder->history, packed, count, clock_mono_ms() + 300,
			 &folder->bad, &folder->news, &folder->err);
	free(packed);
	return rc;
}

static void without_a_file_there_is_nothing_to_read(void **state)
{
	struct history_folder *folder = *state;

	assert_null(history_read(folder->file, &folder->err));
	assert_non_null(strstr(folder->err.text, "no history yet"));
	assert_int_equal(access(folder->file, F_OK), -1);
	assert_null(history_open("/no/such/folder/history.db", &folder->conf,
				 &folder->err));
	assert_non_null(strstr(folder->err.text, "No such file"));
}

static void nobody_else_can_read_it(void **state)
{
	struct history_folder *folder = *state;
	struct stat found;
	char wal[100];

	history_must_add_some(folder, 1, 1);
	snprintf(wal, sizeof(wal), "%s-wal", folder->file);
	assert_int_equal(stat(folder->file, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	assert_int_equal(stat(wal, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
}

static void a_damaged_file_is_named(void **state)
{
	struct history_folder *folder = *state;

	write_over(folder->file, 0, 20000);
	assert_null(history_open(folder->file, &folder->conf, &folder->err));
	assert_non_null(strstr(folder->err.text, "is damaged"));
	assert_non_null(strstr(folder->err.text, folder->file));
	assert_null(history_read(folder->file, &folder->err));
	assert_non_null(strstr(folder->err.text, "is damaged"));
	assert_int_equal(unlink(folder->file), 0);
	history_folder_reopen(folder);
}

static void damage_that_comes_later_is_told(void **state)
{
	struct history_folder *folder = *state;
	struct stat found;

	history_must_add_some(folder, 1, 2000);
	history_close(&folder->history);
	assert_int_equal(stat(folder->file, &found), 0);
	write_over(folder->file, 8192, found.st_size);
	folder->history =
		history_open(folder->file, &folder->conf, &folder->err);
	if (folder->history)
		assert_int_equal(try_to_add(folder, 3000, 3001), -1);
	assert_non_null(strstr(folder->err.text, "is damaged"));
}

static void a_later_version_is_left_alone(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 3);
	history_close(&folder->history);
	history_sql(folder, "PRAGMA user_version = 1000");
	assert_null(history_open(folder->file, &folder->conf, &folder->err));
	assert_non_null(strstr(folder->err.text, "later Gatepost"));
	assert_null(history_read(folder->file, &folder->err));
	assert_non_null(strstr(folder->err.text, "later Gatepost"));
	assert_int_equal(history_ask(folder, "PRAGMA user_version"), 1000);
}

static void another_programs_file_is_left_alone(void **state)
{
	static const char *const files[] = {
		"CREATE TABLE record (mine TEXT)",
		"CREATE TABLE record (mine TEXT); PRAGMA user_version = 1",
		"CREATE TABLE record (mine TEXT); PRAGMA user_version = 9"};
	struct history_folder *folder = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		history_sql(folder, files[i]);
		assert_null(history_open(folder->file, &folder->conf,
					 &folder->err));
		assert_non_null(strstr(folder->err.text, "something else"));
		history_sql(folder, "INSERT INTO record VALUES ('precious')");
		assert_int_equal(unlink(folder->file), 0);
	}
}

static void a_file_that_was_removed_is_made_anew(void **state)
{
	struct history_folder *folder = *state;
	struct history *reader;
	struct history_size size;

	history_must_add_some(folder, 1, 3);
	reader = history_read(folder->file, &folder->err);
	assert_non_null(reader);
	assert_int_equal(unlink(folder->file), 0);
	assert_int_equal(history_size(reader, &size, &folder->err), -1);
	history_must_add_some(folder, 4, 4);
	assert_string_equal(
		history_found_by(folder, HISTORY_SYMBOL, SLICE("SPF_ALLOW")),
		"r4");
	assert_int_equal(history_size(reader, &size, &folder->err), 0);
	assert_int_equal(size.records, 1);
	history_close(&reader);
}

/* ---- as another user: root may write anywhere ---- */

static int in_child(void (*act)(struct history_folder *),
		    struct history_folder *folder)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		act(folder);
	waitpid(pid, &status, 0);
	return status;
}

static void be_nobody(void)
{
	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		_exit(9);
}

static _Noreturn void make_in_read_only(struct history_folder *folder)
{
	be_nobody();
	folder->history =
		history_open(folder->file, &folder->conf, &folder->err);
	_exit(folder->history ||
	      !strstr(folder->err.text, "belong to the user that runs"));
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
	struct history_folder *folder = *state;

	assert_int_equal(chmod(folder->path, 0555), 0);
	assert_int_equal(in_child(make_in_read_only, folder), 0);
	assert_int_equal(chmod(folder->path, 0755), 0);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 1);
	history_close(&folder->history);
	assert_int_equal(chmod(folder->file, 0444), 0);
	assert_int_equal(chmod(folder->path, 0555), 0);
	assert_int_equal(in_child(make_in_read_only, folder), 0);
	assert_int_equal(chmod(folder->path, 0755), 0);
}

static _Noreturn void read_what_is_others(struct history_folder *folder)
{
	be_nobody();
	_exit(history_read(folder->file, &folder->err) != NULL ||
	      !strstr(folder->err.text, "cannot be read"));
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct history_folder *folder = *state;

	history_must_add_some(folder, 1, 1);
	assert_int_equal(chmod(folder->file, 0600), 0);
	assert_int_equal(chmod(folder->path, 0755), 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(read_what_is_others, folder), 0);
}

/* ---- others ---- */

/* Reads until it is killed; each row must be whole and in order. */
static _Noreturn void read_on(struct history_folder *folder, int fd)
{
	static const struct history_filter filter = {HISTORY_ACTION,
						     SLICE("accept")};
	struct history_query query = history_for(&filter, 1);
	struct history *h = history_read(folder->file, &folder->err);
	size_t count = 0, before = 0;

	if (!h)
		_exit(1);
	query.limit = 100000;
	query.deadline_ms += 600000;
	while (count < 20000) {
		struct arena *arena = arena_new(0);
		struct history_row *rows;

		if (history_search(h, arena, &query, &rows, &count,
				   &folder->err) != 0 ||
		    count < before || count % 100 != 0)
			_exit(2);
		for (size_t i = 1; i < count; i++)
			if (rows[i].number >= rows[i - 1].number)
				_exit(3);
		if (before == 0)
			(void)!write(fd, "r", 1);
		before = count;
		arena_free(&arena);
	}
	history_close(&h);
	_exit(0);
}

static void another_reads_while_it_is_written(void **state)
{
	struct history_folder *folder = *state;
	int fds[2], status = -1;
	char byte;
	pid_t pid;

	history_must_add_some(folder, 1, 100);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		read_on(folder, fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	for (int i = 101; i < 20000; i += 100)
		assert_int_equal(try_to_add(folder, i, i + 99), 0);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
}

static sqlite3 *lock(const struct history_folder *folder)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(folder->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	return db;
}

/* Nothing but a read lock: what was not written back stays in the log. */
static void who_reads_writes_nothing(void **state)
{
	struct history_folder *folder = *state;
	struct history *reader;
	struct history_size size;
	char log[100];
	pid_t pid = fork();

	if (pid == 0) {
		history_must_add_some(folder, 1, 3);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	snprintf(log, sizeof(log), "%s-wal", folder->file);
	assert_int_equal(access(log, F_OK), 0);
	reader = history_read(folder->file, &folder->err);
	assert_non_null(reader);
	assert_int_equal(history_size(reader, &size, &folder->err), 0);
	assert_int_equal(size.records, 3);
	history_close(&reader);
	assert_int_equal(access(log, F_OK), 0);
}

static void a_lock_is_waited_for_until_the_deadline(void **state)
{
	struct history_folder *folder = *state;
	struct history_news news;
	int64_t begun_ms;
	sqlite3 *db;

	history_must_add_some(folder, 1, 1);
	db = lock(folder);
	begun_ms = clock_mono_ms();
	assert_int_equal(try_to_add(folder, 2, 2), -1);
	assert_in_range(clock_mono_ms() - begun_ms, 290, 2000);
	assert_non_null(strstr(folder->err.text, "locked by another"));
	assert_int_equal(history_prune(folder->history, HISTORY_T0,
				       clock_mono_ms() + 10, &news,
				       &folder->err),
			 -1);
	/* Who reads does not wait. */
	assert_string_equal(history_found_by(folder, HISTORY_ID, SLICE("r1")),
			    "r1");
	sqlite3_close(db);
	assert_int_equal(try_to_add(folder, 2, 2), 0);
	assert_string_equal(history_found_by(folder, HISTORY_ID, SLICE("r2")),
			    "r2");
}

/* A failure in the middle: before it comes the record, after it the rest. */
static void what_fails_in_the_middle_leaves_nothing(void **state)
{
	struct history_folder *folder = *state;
	struct history_news news;

	history_must_add_some(folder, 1, 700);
	history_sql(folder, "CREATE TRIGGER no BEFORE INSERT ON total BEGIN"
			    " SELECT RAISE(FAIL, 'not that'); END");
	assert_int_equal(try_to_add(folder, 701, 710), -1);
	assert_non_null(strstr(folder->err.text, "not that"));
	assert_int_equal(folder->bad, 0);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM record"),
			 700);
	assert_int_equal(history_ask(folder, HALF_WRITTEN), 0);
	history_sql(folder, "DROP TRIGGER no; CREATE TRIGGER no BEFORE UPDATE"
			    " ON segment BEGIN SELECT RAISE(FAIL, 'nor that');"
			    " END");
	folder->conf.records = 100;
	history_close(&folder->history);
	folder->history =
		history_open(folder->file, &folder->conf, &folder->err);
	assert_int_equal(history_prune(folder->history, HISTORY_T0,
				       clock_mono_ms() + 1000, &news,
				       &folder->err),
			 -1);
	assert_non_null(strstr(folder->err.text, "nor that"));
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM record"),
			 700);
	history_sql(folder, "DROP TRIGGER no");
	assert_int_equal(try_to_add(folder, 701, 710), 0);
	history_must_prune(folder, HISTORY_T0);
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM record"),
			 100);
}

/* ---- a writer that is killed ---- */

enum { BATCH = 50 };

static _Noreturn void write_until_killed(struct history_folder *folder,
					 int from, int fd)
{
	history_close(&folder->history);
	folder->history =
		history_open(folder->file, &folder->conf, &folder->err);
	if (!folder->history)
		_exit(1);
	for (int i = from;; i += BATCH) {
		if (try_to_add(folder, i, i + BATCH - 1) < 0)
			_exit(2);
		(void)!write(fd, &i, sizeof(i));
		arena_reset(folder->arena);
	}
}

/* The last batch that was confirmed. */
static int kill_after(struct history_folder *folder, int from, int batches)
{
	int fds[2], number, last = -1, n = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_until_killed(folder, from, fds[1]);
	close(fds[1]);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number)) {
		last = number;
		if (++n == batches)
			kill(pid, SIGKILL);
	}
	close(fds[0]);
	waitpid(pid, NULL, 0);
	assert_true(n >= batches);
	return last;
}

static void what_was_committed_survives_kill_9(void **state)
{
	struct history_folder *folder = *state;
	int from = 1;

	for (int round = 0; round < 8; round++) {
		int last = kill_after(folder, from, 7 + 5 * round);
		int64_t there;

		history_folder_reopen(folder);
		there = history_ask(folder, "SELECT count(*) FROM record");
		/* At most one more was committed but not yet confirmed. */
		assert_true(there >= last + BATCH - 1);
		assert_int_equal(there % BATCH, 0);
		assert_int_equal(history_ask(folder, SOUND), 0);
		assert_int_equal(history_ask(folder, HALF_WRITTEN), 0);
		history_close(&folder->history);
		from = (int)there + 1;
	}
}

/* ---- a full disk ---- */

static void fill_up(struct history_folder *folder, const char *ballast)
{
	int added = 0, failed = 0;
	int64_t before;

	history_folder_reopen(folder);
	while (failed == 0 && added < 100000) {
		if (try_to_add(folder, added + 1, added + 200) == 0)
			added += 200;
		else
			failed++;
	}
	assert_true(added > 0);
	assert_non_null(strstr(folder->err.text, "there is no room"));
	assert_non_null(strstr(folder->err.text, folder->file));
	assert_int_equal(history_ask(folder, "SELECT count(*) FROM record"),
			 added);
	assert_int_equal(history_ask(folder, HALF_WRITTEN), 0);
	assert_int_equal(try_to_add(folder, added + 1, added + 200), -1);
	assert_int_equal(unlink(ballast), 0);
	assert_int_equal(try_to_add(folder, added + 1, added + 200), 0);
	before = history_ask(folder, "SELECT count(*) FROM record");
	assert_int_equal(before, added + 200);
	assert_int_equal(history_ask(folder, HALF_WRITTEN), 0);
	assert_int_equal(history_ask(folder, SOUND), 0);
}

/* On a small file system of this process's own. */
static _Noreturn void use_small_disk(struct history_folder *folder)
{
	char ballast[100];

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder->path, "tmpfs", 0, "size=12m") != 0)
		_exit(77);
	snprintf(ballast, sizeof(ballast), "%s/ballast", folder->path);
	write_over(ballast, 0, 6 << 20);
	fill_up(folder, ballast);
	_exit(0);
}

static void a_full_disk_leaves_nothing_half_written(void **state)
{
	int status = in_child(use_small_disk, *state);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HISTORY_FOLDER_TEST(without_a_file_there_is_nothing_to_read),
		HISTORY_FOLDER_TEST(nobody_else_can_read_it),
		HISTORY_FOLDER_TEST(a_damaged_file_is_named),
		HISTORY_FOLDER_TEST(damage_that_comes_later_is_told),
		HISTORY_FOLDER_TEST(a_later_version_is_left_alone),
		HISTORY_FOLDER_TEST(another_programs_file_is_left_alone),
		HISTORY_FOLDER_TEST(a_file_that_was_removed_is_made_anew),
		HISTORY_FOLDER_TEST(a_folder_that_cannot_be_written_is_told),
		HISTORY_FOLDER_TEST(a_file_that_cannot_be_written_is_told),
		HISTORY_FOLDER_TEST(a_file_that_cannot_be_read_is_told),
		HISTORY_FOLDER_TEST(another_reads_while_it_is_written),
		HISTORY_FOLDER_TEST(what_fails_in_the_middle_leaves_nothing),
		HISTORY_FOLDER_TEST(who_reads_writes_nothing),
		HISTORY_FOLDER_TEST(a_lock_is_waited_for_until_the_deadline),
		HISTORY_FOLDER_TEST(what_was_committed_survives_kill_9),
		HISTORY_FOLDER_TEST(a_full_disk_leaves_nothing_half_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
