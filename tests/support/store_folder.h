/*
 * A private folder with an SQLite store in it, and what is logged
 * meanwhile: for tests of what can go wrong with a file.
 */
#ifndef GATEPOST_TESTS_STORE_FOLDER_H
#define GATEPOST_TESTS_STORE_FOLDER_H

#include "tests/support/store_cases.h"

struct store_folder {
	char path[64];
	char file[80];		/* store.db in it */
	struct store_place place;
	const char *sets[4];	/* room for the test's own settings */
	int log_fd, stderr_fd;
};

/*
 * For cmocka_unit_test_setup_teardown(): *state is a folder, and stderr is
 * caught, until the test ends; then all is removed, and a failed test's
 * stderr is shown.
 */
int store_folder_setup(void **state);
int store_folder_teardown(void **state);
#define STORE_FOLDER_TEST(test)                                                \
	cmocka_unit_test_setup_teardown(test, store_folder_setup,              \
					store_folder_teardown)
/* A folder of files, with all in it. */
void store_folder_remove(const char *path);
/* How often the log has the text so far. */
int store_folder_logged(const struct store_folder *folder, const char *text);
/* Fails the test unless it is that often, ten seconds from now at most. */
void store_folder_must_log(const struct store_folder *folder, const char *text,
			   int times);
/* Waits, ten seconds at most, until the store works or does not. */
bool store_waits_until(const struct store *store, bool up);
/*
 * One try of "SENDER" to "rcpt@example.net", delay 0: the status. The
 * answer, and the milliseconds it took, if not NULL.
 */
enum store_status store_try_once(struct store *store, const char *sender,
				 struct greylist_answer *answer_r,
				 int64_t *ms_r);

#endif
