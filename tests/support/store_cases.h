/*
 * What every store must do, whatever is behind it: the cases of store.h,
 * run against a store of the caller's through a clock that the test sets.
 */
#ifndef GATEPOST_TESTS_STORE_CASES_H
#define GATEPOST_TESTS_STORE_CASES_H

#include "milter/store/store.h"

struct store_place {
	const char *url;	/* the setting `store` */
	const char *state_dir;	/* may be NULL */
	/* Further settings, "key=value", NULL-ended; may be NULL. */
	const char *const *sets;
	/*
	 * Whether ages go by our wall clock where another boot wrote; if
	 * not (the server's clock counts), those cases are left out.
	 */
	bool wall_is_ours;
};

/* A clock that stands still until it is moved; any thread may read it. */
struct store_test_clock {
	_Atomic uint64_t boot;
	_Atomic int64_t uptime_ms, wall_ms;
};
void store_test_clock_set(struct store_test_clock *clock);

/*
 * A store at that place, with five seconds for each call (`sets` may say
 * another state.timeout); NULL: the host's clocks. Ends the test when it
 * cannot be made. Free it with store_free().
 */
struct store *store_cases_open(const struct store_place *place,
			       struct store_test_clock *clock);

/*
 * Runs all cases as a group of cmocka tests; how many failed. Each uses
 * names of its own, so the store need not be empty.
 */
int store_cases_run(const struct store_place *place);

#endif
