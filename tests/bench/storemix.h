/*
 * What one thread asks of the greylist, and what the answer must be. Of ten
 * tries four are first ones of new senders (three of which never come
 * back), one comes back too early, one comes back in time, and four are of
 * senders that have passed before. Each names two origins, as mail does
 * whose sender's domain is authenticated, or one.
 */
#ifndef GATEPOST_TESTS_BENCH_STOREMIX_H
#define GATEPOST_TESTS_BENCH_STOREMIX_H

#include "milter/store/store.h"
#include "tests/bench/histogram.h"

#define STATUS_COUNT (STORE_FAILED + 1)

enum mix_kind { MIX_FIRST, MIX_EARLY, MIX_RETRY, MIX_KNOWN, MIX_KINDS };

/* What came of the tries; one per thread, added up at the end. */
struct mix_result {
	uint64_t status[STATUS_COUNT];
	uint64_t kind[MIX_KINDS];
	uint64_t wrong;			/* not what the answer must be */
	struct histogram took;
};

struct mix {
	uint64_t run, thread;	/* make the names unique */
	size_t origins;		/* of each try: 1 or 2 */
	unsigned step;		/* in the round of ten */
	uint64_t round;		/* rounds ended: so many have passed */
	uint64_t firsts;	/* senders made so far */
};

/*
 * Makes one try, waits for the answer, and counts it where `result` is not
 * NULL.
 */
void mix_step(struct mix *mix, struct store *store, struct mix_result *result);
void mix_merge(struct mix_result *to, const struct mix_result *from);
const char *mix_kind_word(enum mix_kind kind);

#endif
