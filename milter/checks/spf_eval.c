/*
 * check_host() (RFC 7208 section 4), include (5.2), redirect (6.1) and exp
 * (6.2). Recursion is bounded by the limit on terms that ask DNS, which
 * counts over all records of one evaluation.
 */
#include "milter/checks/spf_eval.h"
#include "common/base/buf.h"
#include "common/mail/domain.h"
#include "milter/checks/spf_match.h"

#include <string.h>

/* Prefixes that no single sender can own: an eighth of IPv4, a /8 of IPv6. */
#define WIDE4 3
#define WIDE6 8

#define DETAIL_MAX 80
#define DETAIL_FMT(s) ((int)((s).n < DETAIL_MAX ? (s).n : DETAIL_MAX)), (s).p

static enum auth_result check_host(struct spf_run *run, struct slice domain,
				   bool explain);

static enum auth_result stop_result(enum spf_match match)
{
	return match == SPF_TEMPERROR ? AUTH_TEMPERROR : AUTH_PERMERROR;
}

static enum spf_match stop_record(struct spf_run *run, struct slice domain,
				  const struct spf_fault *fault)
{
	/* Only printable records have a term to show. */
	if (fault->term.n == 0)
		return spf_stop(run, SPF_PERMERROR,
				"the record of %.*s is bad: %s",
				SLICE_FMT(domain), fault->what);
	return spf_stop(
		run, SPF_PERMERROR, "the record of %.*s is bad: '%.*s' %s",
		SLICE_FMT(domain), DETAIL_FMT(fault->term), fault->what);
}

/* SPF_MATCH: there is one record and its grammar holds. */
static enum spf_match find_record(struct spf_run *run, struct slice domain,
				  struct spf_record *record_r)
{
	const struct dns_answer *answer;
	const struct slice *found = NULL;
	struct spf_fault fault;

	if (domain_labels(domain) < 2 || domain.p[0] == '[')
		return SPF_NO_MATCH;
	answer = spf_ask(run, DNS_TXT, domain);
	if (!answer)
		return SPF_NO_MATCH;
	if (answer->status == DNS_TEMPFAIL)
		return spf_stop(run, SPF_TEMPERROR, "DNS for %.*s (TXT): %s",
				SLICE_FMT(domain),
				answer->why ? answer->why : "no answer");
	for (size_t i = 0; i < answer->count; i++) {
		if (!spf_record_is(answer->records[i].data))
			continue;
		if (found)
			return spf_stop(run, SPF_PERMERROR,
					"%.*s has more than one SPF record",
					SLICE_FMT(domain));
		found = &answer->records[i].data;
	}
	if (!found)
		return SPF_NO_MATCH;
	if (!spf_record_parse(*found, record_r, &fault))
		return stop_record(run, domain, &fault);
	return SPF_MATCH;
}

/* The table of 5.2. */
static enum spf_match match_include(struct spf_run *run, struct slice domain,
				    const struct spf_directive *directive)
{
	struct spf_values values = spf_run_values(run, domain);
	char room[SPF_NAME_MAX];
	bool before = run->pending, missing;
	enum auth_result result = AUTH_NONE;
	enum spf_match match = spf_count_term(run);
	struct slice name;

	if (match != SPF_MATCH)
		return match;
	if (spf_macro_matches_nothing(directive->target, &values))
		return SPF_NO_MATCH;
	run->pending = false;
	match = spf_expand(run, domain, directive->target, room, &name);
	if (match == SPF_MATCH)
		result = check_host(run, name, false);
	missing = run->pending;
	run->pending = before || missing;
	if (missing)
		return SPF_NO_MATCH;
	if (match == SPF_PERMERROR)
		return match;
	switch (result) {
	case AUTH_PASS:
		return SPF_MATCH;
	case AUTH_TEMPERROR:
		return SPF_TEMPERROR;
	case AUTH_PERMERROR:
		return SPF_PERMERROR;
	case AUTH_NONE:
		return spf_stop(run, SPF_PERMERROR,
				"'%.*s' leads to no SPF record",
				DETAIL_FMT(directive->text));
	default:
		return SPF_NO_MATCH;
	}
}

/* Any failure here means: no explanation (6.2). */
static void explain_fail(struct spf_run *run, struct slice domain,
			 struct slice spec)
{
	struct spf_values values = spf_run_values(run, domain);
	const struct dns_answer *answer;
	char room[SPF_NAME_MAX];
	struct slice name;

	if (spec.n == 0 || run->pending ||
	    spf_expand(run, domain, spec, room, &name) != SPF_MATCH)
		return;
	answer = spf_ask(run, DNS_TXT, name);
	if (!answer || answer->status != DNS_FOUND || answer->count != 1)
		return;
	if (spf_macro_wants_validated(answer->records[0].data))
		values.validated = spf_validated_name(run, domain);
	if (!run->pending)
		spf_macro_expand_text(run->query->arena,
				      answer->records[0].data, &values,
				      &run->explanation);
}

static void set_mark(struct spf_mark *mark, struct slice text,
		     struct slice domain)
{
	mark->text = text;
	mark->domain_size = domain.n;
	memcpy(mark->domain, domain.p, domain.n);
}

static bool is_wide(const struct spf_run *run,
		    const struct spf_directive *directive)
{
	switch (directive->mechanism) {
	case SPF_ALL:
		return true;
	case SPF_A:
	case SPF_MX:
	case SPF_IP4:
	case SPF_IP6:
		return run->query->client.family == IP_V6
			       ? directive->bits6 <= WIDE6
			       : directive->bits4 <= WIDE4;
	default:
		return false;
	}
}

static void note_match(struct spf_run *run, struct slice domain,
		       const struct spf_directive *directive, bool restricted)
{
	set_mark(&run->top, directive->text, domain);
	if (directive->mechanism == SPF_INCLUDE) {
		run->everyone = run->everyone && !restricted;
		return;
	}
	run->leaf = run->top;
	run->everyone = !restricted && directive->result == AUTH_PASS &&
			is_wide(run, directive);
}

static enum auth_result follow_redirect(struct spf_run *run,
					struct slice domain,
					const struct spf_record *record,
					bool explain)
{
	char room[SPF_NAME_MAX];
	enum auth_result result = AUTH_NONE;
	enum spf_match match = spf_count_term(run);
	struct slice name;

	if (match != SPF_MATCH)
		return stop_result(match);
	match = spf_expand(run, domain, record->redirect, room, &name);
	if (match == SPF_MATCH)
		result = check_host(run, name, explain);
	else if (match == SPF_PERMERROR)
		return AUTH_PERMERROR;
	if (result != AUTH_NONE)
		return result;
	spf_stop(run, SPF_PERMERROR, "'redirect=%.*s' leads to no SPF record",
		 DETAIL_FMT(record->redirect));
	return AUTH_PERMERROR;
}

static enum auth_result check_host(struct spf_run *run, struct slice domain,
				   bool explain)
{
	struct spf_record record;
	struct spf_directive directive;
	enum spf_match match = find_record(run, domain, &record);
	bool restricted = false;

	if (match != SPF_MATCH)
		return match == SPF_NO_MATCH ? AUTH_NONE : stop_result(match);
	while (spf_record_next(&record.terms, &directive)) {
		if (directive.mechanism == SPF_ALL)
			match = SPF_MATCH;
		else if (directive.mechanism == SPF_INCLUDE)
			match = match_include(run, domain, &directive);
		else
			match = spf_match(run, domain, &directive);
		if (match == SPF_NO_MATCH) {
			restricted |= directive.result != AUTH_PASS;
			continue;
		}
		if (match != SPF_MATCH)
			return stop_result(match);
		note_match(run, domain, &directive, restricted);
		if (explain && directive.result == AUTH_FAIL)
			explain_fail(run, domain, record.exp);
		return directive.result;
	}
	if (record.redirect.n > 0)
		return follow_redirect(run, domain, &record, explain);
	run->top.text = SLICE_NONE;
	run->leaf.text = SLICE_NONE;
	return AUTH_NEUTRAL;
}

/* "-all", "ip4:… in the record of …", or "include:…, there ip4:… of …". */
static struct slice describe_match(const struct spf_run *run)
{
	const struct spf_mark *top = &run->top, *leaf = &run->leaf;
	struct slice where = {leaf->domain, leaf->domain_size};
	struct arena *a = run->query->arena;

	if (top->text.n == 0)
		return SLICE_NONE;
	if (top->text.p != leaf->text.p)
		return arena_printf(a, "%.*s, by %.*s of %.*s",
				    DETAIL_FMT(top->text),
				    DETAIL_FMT(leaf->text), SLICE_FMT(where));
	if (slice_eq_nocase(where, run->query->domain))
		return top->text;
	return arena_printf(a, "%.*s of %.*s", DETAIL_FMT(top->text),
			    SLICE_FMT(where));
}

struct slice spf_reason(const struct spf_query *query, enum auth_result result,
			struct slice detail)
{
	static const char *const texts[] = {
		[AUTH_NONE] = "there is no SPF record for",
		[AUTH_NEUTRAL] = "SPF does not say whether %s may send for",
		[AUTH_PASS] = "SPF says %s may send for",
		[AUTH_FAIL] = "SPF says %s may not send for",
		[AUTH_SOFTFAIL] = "SPF says %s should not send for",
		[AUTH_POLICY] = "",
		[AUTH_TEMPERROR] = "SPF could not be checked now for",
		[AUTH_PERMERROR] = "SPF cannot be used for",
	};
	struct slice text = slice_cstr(texts[result]);
	size_t hole = slice_find(text, 0, '%');
	struct slice ip = ip_text(query->arena, &query->client);
	struct buf b = BUF(query->arena);

	buf_add(&b, slice_sub(text, 0, hole));
	if (hole < text.n) {
		buf_add(&b, ip);
		buf_add(&b, slice_sub(text, hole + 2, text.n));
	}
	buf_printf(&b, " %.*s", SLICE_FMT(query->domain));
	if (detail.n > 0)
		buf_printf(&b, " (%.*s)", SLICE_FMT(detail));
	return buf_slice(&b);
}

enum step spf_evaluate(const struct spf_query *query,
		       struct spf_outcome *outcome_r)
{
	struct spf_run run = {.query = query};
	enum auth_result result = check_host(&run, query->domain, true);
	bool stopped = result == AUTH_TEMPERROR || result == AUTH_PERMERROR;

	*outcome_r = (struct spf_outcome){0};
	if (run.pending)
		return STEP_WAIT;
	outcome_r->result = result;
	outcome_r->explanation = run.explanation;
	outcome_r->everyone = result == AUTH_PASS && run.everyone;
	outcome_r->reason = spf_reason(
		query, result, stopped ? run.fault : describe_match(&run));
	return STEP_DONE;
}
