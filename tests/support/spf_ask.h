/*
 * One SPF question against a zone, for tests. Every question is asked
 * twice, with all answers at once and with every answer late, and both must
 * come out the same.
 */
#ifndef GATEPOST_TESTS_SPF_ASK_H
#define GATEPOST_TESTS_SPF_ASK_H

#include "milter/checks/spf_eval.h"

typedef enum step spf_evaluator(const struct spf_query *query,
				struct spf_outcome *outcome_r);

struct spf_question {
	const char *zone; /* as tests/support/answers.h describes */
	const char *ip;
	const char *helo;
	/* Path without <>; NULL or "": the HELO identity is asked about. */
	const char *sender;
	/* 0: 10 and 2. */
	unsigned lookup_limit, void_limit;
};

struct spf_run_result {
	struct spf_outcome outcome; /* with texts in the arena */
	bool same;		    /* the late run had the same outcome */
	unsigned rounds;	    /* of late answers */
	unsigned asked;		    /* questions of the prompt run */
	unsigned asked_late;	    /* and of the late one */
};

void spf_ask_question(struct arena *a, spf_evaluator *evaluate,
		      const struct spf_question *question,
		      struct spf_run_result *result_r);

/* A row of a table of cases; the table ends with ip == NULL. */
struct spf_case {
	const char *what;
	const char *ip, *helo, *sender;
	enum auth_result result;
	/* NULL: not looked at; "": there must be none. */
	const char *explanation;
};

/* Fails the running cmocka test where a case does not hold. */
void spf_assert_cases(const char *zone, const struct spf_case *cases);

#endif
