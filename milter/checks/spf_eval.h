/*
 * check_host() of RFC 7208: what a domain's SPF record says about one
 * client. Restartable: it runs on the answers in hand and returns STEP_WAIT
 * when some are missing. It then has not stopped at the first gap but gone
 * on as if nothing had matched there, so every question that can be named
 * is already asked. All it keeps between runs is what the lookups remember.
 */
#ifndef GATEPOST_CHECKS_SPF_EVAL_H
#define GATEPOST_CHECKS_SPF_EVAL_H

#include "milter/engine/check.h"

struct spf_query {
	struct arena *arena;
	struct lookups *lookups;
	struct ip client;
	struct slice domain; /* whose record; normal form, or empty */
	struct slice sender; /* local@domain; never without local part */
	struct slice helo;
	struct slice receiver; /* our name, for explanations */
	unsigned lookup_limit; /* terms that may ask DNS (10) */
	unsigned void_limit;   /* lookups that may find nothing (2) */
};

struct spf_outcome {
	enum auth_result result;
	struct slice reason;	  /* one plain sentence */
	struct slice explanation; /* what exp= says; empty if nothing */
	bool everyone;		  /* pass, as nearly every address would */
};

enum step spf_evaluate(const struct spf_query *query,
		       struct spf_outcome *outcome_r);

/*
 * The sentence for people. `detail` is the term that decided, or what went
 * wrong; it may be empty.
 */
struct slice spf_reason(const struct spf_query *query, enum auth_result result,
			struct slice detail);

#endif
