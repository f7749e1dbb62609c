/*
 * A private folder with a history in it, and short ways to fill it and to
 * ask it: for tests.
 */
#ifndef GATEPOST_TESTS_HISTORY_FOLDER_H
#define GATEPOST_TESTS_HISTORY_FOLDER_H

#include "milter/store/history.h"

/* When the first record of a test was; long ago, so that no clock minds. */
#define HISTORY_T0 1700000040000

struct history_folder {
	char path[64];
	char file[80];		/* history.db in it */
	struct arena *arena;
	struct history_conf conf;
	struct history *history; /* open for writing */
	struct history_news news; /* of the last addition */
	unsigned bad;		 /* the same */
	struct err err;
};

/* For cmocka_unit_test_setup_teardown(): *state is a folder. */
int history_folder_setup(void **state);
int history_folder_teardown(void **state);
#define HISTORY_FOLDER_TEST(test)                                              \
	cmocka_unit_test_setup_teardown(test, history_folder_setup,            \
					history_folder_teardown)

/* Closes the history and opens it again. */
void history_folder_reopen(struct history_folder *folder);
/*
 * A record that says something in each field that is searched, all made
 * from `number`; decided `number` seconds after HISTORY_T0.
 */
struct record *history_record(struct history_folder *folder, int number);
struct slice history_packed(struct history_folder *folder,
			    const struct record *record);
/* Adds one; the test fails if that does. */
void history_must_add(struct history_folder *folder,
		      const struct record *record);
/* history_record(from) to history_record(to), in one batch. */
void history_must_add_some(struct history_folder *folder, int from, int to);
/* Until nothing is left to do; adds up the news in the folder. */
void history_must_prune(struct history_folder *folder, int64_t now_ms);

/* A query for one thing, newest first, without an end. */
struct history_query history_for(const struct history_filter *filters,
				 size_t count);
/*
 * What a search finds: the records' ids, in its order, with blanks between;
 * "failed" if it does.
 */
const char *history_found(struct history_folder *folder,
			  const struct history_query *query);
const char *history_found_by(struct history_folder *folder,
			     enum history_key key, struct slice value);
/*
 * What history_totals() says, a line each: seconds after HISTORY_T0,
 * direction, action, messages, bytes.
 */
const char *history_totals_of(struct history_folder *folder, int64_t since_ms,
			      int64_t until_ms, int step_ms);
/* What history_top() says: "VALUE COUNT, VALUE COUNT". */
const char *history_top_of(struct history_folder *folder,
			   enum history_key key, int64_t since_ms,
			   int64_t until_ms, size_t limit);
/* One number from the file itself. */
int64_t history_ask(const struct history_folder *folder, const char *sql);
/* SQL that must work, on a connection of its own. */
void history_sql(const struct history_folder *folder, const char *sql);

#endif
