/*
 * DMARC cases as text, for the tests of discovery and evaluation. Zones
 * hold one record a line: "example.org v=DMARC1; p=reject" stands at
 * _dmarc.example.org, "example.org TEMPFAIL" makes that name fail, and a
 * line with a second word in capitals is one of tests/support/answers.h.
 */
#ifndef GATEPOST_TESTS_DMARC_CASES_H
#define GATEPOST_TESTS_DMARC_CASES_H

#include "milter/checks/dmarc_evaluate.h"
#include "tests/support/answers.h"

/* The zone as answers.h wants it; lives in the arena. */
const char *dmarc_zone(struct arena *a, const char *zone);

/* Look-ups over such a zone, with all they stand on. */
struct dmarc_bench {
	struct arena *arena;
	struct answers *answers;
	struct dmarc_source source;
};

void dmarc_bench_open(struct dmarc_bench *bench, const char *zone,
		      enum dmarc_rfc rfc, bool late);
void dmarc_bench_close(struct dmarc_bench *bench);

#endif
