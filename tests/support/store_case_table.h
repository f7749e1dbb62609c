/* The table of tests/support/store_cases.c: cases of steps. */
#ifndef GATEPOST_TESTS_STORE_CASE_TABLE_H
#define GATEPOST_TESTS_STORE_CASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum store_step_op {
	STEP_TRY,	/* sender; recipients; origins */
	STEP_PASS,	/* the same */
	STEP_WALL,	/* sets the wall clock on by so many seconds */
	STEP_BOOT,	/* another boot of the host, up for ten seconds */
	STEP_TRUST,	/* domain */
	STEP_GOOD, STEP_BAD,	/* notes a message of: domain */
	STEP_ALLOWED,	/* names */
	STEP_ALLOW,	/* name */
	STEP_ALLOW_LIST,
	STEP_LIST,	/* match; "waiting", "passed", or both; limit */
	/* match; NULL, or "key": by the key of the one it matches */
	STEP_RELEASE, STEP_FORGET,
	STEP_TAKE, STEP_LOOK,	/* subject; NAME/LIMIT/AMOUNT/SECONDS,… */
};

struct store_step {
	int64_t at_s;	/* since the case began */
	enum store_step_op op;
	const char *a, *b, *c;
	const char *want;	/* NULL: the end */
};

#define STORE_STEPS_MAX 24
struct store_case {
	const char *name;
	struct store_step steps[STORE_STEPS_MAX + 1];
	bool by_wall;	/* needs our own wall clock */
};
/* Delay 300 s, window 1 day, lifetime 36 days. Ends with a NULL name. */
extern const struct store_case store_case_table[];

#endif
