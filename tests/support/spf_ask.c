/* SPF questions against a zone in a text. */
#include "tests/support/spf_ask.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "tests/support/answers.h"
#include "tests/support/cmocka.h"

#define ROUNDS_MAX 60

static struct spf_query make_query(struct arena *a, struct lookups *lookups,
				   const struct spf_question *question)
{
	struct spf_query query = {.arena = a, .lookups = lookups};
	struct slice local, domain;

	if (!ip_parse(slice_cstr(question->ip), &query.client))
		fail_msg("bad address %s", question->ip);
	query.helo = slice_cstr(question->helo);
	query.receiver = SLICE("mx.receiver.example");
	query.lookup_limit =
		question->lookup_limit ? question->lookup_limit : 10;
	query.void_limit = question->void_limit ? question->void_limit : 2;
	if (question->sender && question->sender[0]) {
		address_split(slice_cstr(question->sender), &local, &domain);
	} else {
		local = SLICE_NONE;
		domain = query.helo;
	}
	if (local.n == 0)
		local = SLICE("postmaster");
	domain_normalise(a, domain, &query.domain);
	query.sender = arena_printf(a, "%.*s@%.*s", SLICE_FMT(local),
				    SLICE_FMT(query.domain));
	return query;
}

static unsigned run(struct arena *a, spf_evaluator *evaluate,
		    const struct spf_question *question, bool late,
		    struct spf_outcome *outcome_r, unsigned *asked_r)
{
	struct answers *answers = answers_new(question->zone);
	struct lookups *lookups =
		lookups_new(a, answers_resolver(answers), 300);
	struct spf_query query = make_query(a, lookups, question);
	unsigned rounds = 0;

	answers_set_late(answers, late);
	lookups_begin(lookups, 0, INT64_MAX, INT64_MAX);
	while (evaluate(&query, outcome_r) == STEP_WAIT) {
		if (answers_deliver(answers) == 0)
			fail_msg("waits though nothing is outstanding");
		if (++rounds == ROUNDS_MAX)
			fail_msg("does not come to an end");
	}
	*asked_r = answers_asked(answers);
	lookups_end(lookups);
	answers_free(&answers);
	return rounds;
}

void spf_ask_question(struct arena *a, spf_evaluator *evaluate,
		      const struct spf_question *question,
		      struct spf_run_result *result_r)
{
	struct spf_outcome late, *prompt = &result_r->outcome;

	run(a, evaluate, question, false, prompt, &result_r->asked);
	result_r->rounds =
		run(a, evaluate, question, true, &late, &result_r->asked_late);
	result_r->same = late.result == prompt->result &&
			 slice_eq(late.explanation, prompt->explanation) &&
			 slice_eq(late.reason, prompt->reason) &&
			 late.everyone == prompt->everyone;
}

static bool assert_case(struct arena *a, const char *zone,
			const struct spf_case *c)
{
	struct spf_question question = {.zone = zone,
					.ip = c->ip,
					.helo = c->helo,
					.sender = c->sender};
	struct spf_run_result run_result;
	const struct spf_outcome *outcome = &run_result.outcome;
	bool good;

	spf_ask_question(a, spf_evaluate, &question, &run_result);
	good = run_result.same && outcome->result == c->result &&
	       (!c->explanation ||
		slice_eq(outcome->explanation, slice_cstr(c->explanation)));
	if (!good)
		print_error(
			"%s: %s from %s <%s>: %s, not %s; '%.*s' (%.*s)%s\n",
			c->what, c->helo, c->ip, c->sender,
			auth_result_word(outcome->result),
			auth_result_word(c->result),
			SLICE_FMT(outcome->explanation),
			SLICE_FMT(outcome->reason),
			run_result.same ? "" : "; late answers differ");
	return good;
}

void spf_assert_cases(const char *zone, const struct spf_case *cases)
{
	struct arena *a = arena_new(65536);
	unsigned bad = 0;

	for (; cases->ip; cases++) {
		bad += !assert_case(a, zone, cases);
		arena_reset(a);
	}
	arena_free(&a);
	assert_int_equal(bad, 0);
}
