/* Many threads at two stores of one place at once: what must be exact. */
#ifndef GATEPOST_TESTS_STORE_CROWD_H
#define GATEPOST_TESTS_STORE_CROWD_H

#include "tests/support/store_cases.h"

/*
 * A thousand first tries, each twice, once at each store: each is recorded
 * once. `word`: what no other run has.
 */
void store_crowd_tries(const struct store_place *place, const char *word);
/* Two hundred want of a limit of one hundred: no more get it. */
void store_crowd_takes(const struct store_place *place, const char *word);

#endif
