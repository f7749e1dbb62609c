/* What came of the messages: actions by class, and how long each took. */
#ifndef GATEPOST_TESTS_BENCH_TALLY_H
#define GATEPOST_TESTS_BENCH_TALLY_H

#include "tests/bench/mailset.h"

#include <stdio.h>

enum result {
	RESULT_ACCEPT,
	RESULT_TAG,		/* accepted, and X-Spam was added */
	RESULT_QUARANTINE,
	RESULT_DISCARD,
	RESULT_REJECT,
	RESULT_TEMPFAIL,
	RESULT_LOST,		/* no filter, or no sensible answer */
	RESULT_COUNT
};

/* "spf=pass" …: what Authentication-Results fields said, as bits. */
#define AUTH_WORDS 9
uint32_t auth_words_in(struct slice text);

struct outcome {
	enum result result;
	uint32_t auth;
	int64_t whole_us;	/* connect or MAIL to the final reply */
	int64_t eom_us;		/* end-of-message to the final reply */
};

/* One per client thread; never shared. */
struct tally {
	uint32_t *whole_us, *eom_us;
	size_t count, room;
	uint64_t results[CLASSES_MAX][RESULT_COUNT];
	uint64_t auth[CLASSES_MAX][AUTH_WORDS];
};

void tally_add(struct tally *t, const struct message *m,
	       const struct outcome *o);
/* Adds `from` to `to`. */
void tally_merge(struct tally *to, const struct tally *from);
void tally_free(struct tally *t);
/* Sorts, then prints "name value" lines: latencies and counts. */
void tally_print(struct tally *t, const struct mailset *set, FILE *out);
const char *result_word(enum result result);

#endif
