/*
 * Evaluation of DMARC for one author domain.
 *
 * Temporary errors: a mechanism that could not finish may only excuse a
 * message if its identifier would have aligned (RFC 7489 6.6.2, RFC 9989
 * 5.3.6: questions "required" for the result). Otherwise a forger could add
 * a signature of a domain with broken DNS and so escape any policy.
 */
#include "milter/checks/dmarc_evaluate.h"

#include "common/base/buf.h"
#include "common/mail/domain.h"

#define WORDS_MAX 3 /* domains that a reason names */

enum alignment {
	ALIGNED_NO,
	ALIGNED_YES,
	ALIGNED_OPEN, /* DNS failed: it might */
};

/* What speaks for the message, by index of the identifier, or count. */
struct findings {
	size_t passed;	   /* passed and aligned */
	size_t unfinished; /* might have passed and aligned */
	bool policy_open;  /* nobody knows whether sp or np applies */
};

static enum step align(const struct dmarc_query *query,
		       const struct dmarc_found *found,
		       const struct dmarc_identifier *id,
		       enum alignment *alignment_r)
{
	bool strict = id->method == DMARC_SPF ? found->record.strict_spf
					      : found->record.strict_dkim;
	struct slice org;
	bool known;

	*alignment_r = ALIGNED_NO;
	if (slice_eq(id->domain, query->author)) {
		*alignment_r = ALIGNED_YES;
		return STEP_DONE;
	}
	/* An organization is the name itself or above it: elsewhere there
	 * is nothing to ask for. */
	if (strict || !domain_is_within(id->domain, found->org))
		return STEP_DONE;
	if (dmarc_organization(&query->source, id->domain, &org, &known) ==
	    STEP_WAIT)
		return STEP_WAIT;
	if (!known || !found->org_known)
		*alignment_r = ALIGNED_OPEN;
	else if (slice_eq(org, found->org))
		*alignment_r = ALIGNED_YES;
	return STEP_DONE;
}

/* All identifiers, so that all questions are asked at once. */
static enum step align_all(const struct dmarc_query *query,
			   const struct dmarc_found *found,
			   struct findings *findings)
{
	enum step step = STEP_DONE;

	for (size_t i = 0; i < query->identifier_count; i++) {
		const struct dmarc_identifier *id = &query->identifiers[i];
		bool passed = id->result == AUTH_PASS;
		enum alignment alignment;

		if (!passed && id->result != AUTH_TEMPERROR)
			continue;
		if (align(query, found, id, &alignment) == STEP_WAIT)
			step = STEP_WAIT;
		else if (alignment == ALIGNED_NO)
			continue;
		else if (!passed || alignment == ALIGNED_OPEN)
			findings->unfinished = i;
		else if (findings->passed == query->identifier_count)
			findings->passed = i;
	}
	return step;
}

/*
 * p, sp or np (RFC 9989 4.10.1). A name does not exist if DNS says
 * NXDOMAIN for any type (RFC 8020); asked only where it matters.
 */
static enum step apply_policy(const struct dmarc_query *query,
			      const struct dmarc_found *found,
			      struct findings *findings,
			      enum dmarc_policy *policy_r)
{
	const struct dmarc_record *record = &found->record;
	const struct dns_answer *answer;

	*policy_r = record->sp;
	if (slice_eq(found->record_domain, query->author))
		*policy_r = record->p;
	if (slice_eq(found->record_domain, query->author) ||
	    record->np == record->sp)
		return STEP_DONE;
	answer = lookup(query->source.lookups, DNS_A, query->author);
	if (!answer)
		return STEP_WAIT;
	if (answer->status == DNS_TEMPFAIL) {
		findings->policy_open = true;
		if (record->np < record->sp)
			*policy_r = record->np;
	} else if (answer->status == DNS_NXDOMAIN) {
		*policy_r = record->np;
	}
	return STEP_DONE;
}

static enum dmarc_policy one_lower(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE
					     : DMARC_POLICY_NONE;
}

/* t=y (RFC 9989 4.7) and pct (RFC 7489 6.6.4) both soften by one level. */
static enum dmarc_policy soften(const struct dmarc_query *query,
				const struct dmarc_record *record,
				enum dmarc_policy policy)
{
	if (record->testing || query->sample >= record->percent)
		return one_lower(policy);
	return policy;
}

static void settle(const struct dmarc_query *query,
		   const struct dmarc_found *found,
		   const struct findings *findings, struct auth_dmarc *dmarc)
{
	dmarc->disposition = DMARC_POLICY_NONE;
	if (findings->passed < query->identifier_count) {
		dmarc->result = AUTH_PASS;
	} else if (findings->unfinished < query->identifier_count ||
		   findings->policy_open) {
		dmarc->result = AUTH_TEMPERROR;
	} else {
		dmarc->result = AUTH_FAIL;
		dmarc->disposition =
			soften(query, &found->record, dmarc->policy);
	}
}

static const char *method_word(const struct dmarc_identifier *id)
{
	return id->method == DMARC_SPF ? "SPF" : "DKIM";
}

/* "SPF passed for a.example and DKIM for b.example, which do not align" */
static void add_strangers(struct buf *b, const struct dmarc_query *query)
{
	size_t named = 0, more = 0;

	for (size_t i = 0; i < query->identifier_count; i++) {
		const struct dmarc_identifier *id = &query->identifiers[i];

		if (id->result != AUTH_PASS)
			continue;
		if (named == WORDS_MAX) {
			more++;
			continue;
		}
		buf_printf(b, "%s%s passed for %.*s", named++ ? ", " : "",
			   method_word(id), SLICE_FMT(id->domain));
	}
	if (more > 0)
		buf_printf(b, " and %zu more", more);
	if (named > 0)
		buf_printf(b, ", which does not align with %.*s",
			   SLICE_FMT(query->author));
	else
		buf_printf(b, "neither SPF nor DKIM passed for %.*s",
			   SLICE_FMT(query->author));
}

static void add_policy(struct buf *b, const struct dmarc_found *found,
		       const struct auth_dmarc *dmarc)
{
	static const char *const words[] = {
		[DMARC_POLICY_NONE] = "asks for nothing to be done",
		[DMARC_POLICY_QUARANTINE] = "asks to quarantine such mail",
		[DMARC_POLICY_REJECT] = "asks to reject such mail",
	};

	buf_printf(b, "; %.*s %s", SLICE_FMT(found->record_domain),
		   words[dmarc->policy]);
	if (dmarc->disposition == dmarc->policy)
		return;
	if (found->record.testing)
		buf_add_text(b, ", but is testing that policy (t=y)");
	else
		buf_printf(b, ", but only %u %% of it (pct)",
			   found->record.percent);
}

static struct slice explain(const struct dmarc_query *query,
			    const struct dmarc_found *found,
			    const struct findings *findings,
			    const struct auth_dmarc *dmarc)
{
	const struct dmarc_identifier *ids = query->identifiers;
	struct buf b = BUF(query->source.arena);
	size_t i = findings->passed;

	if (dmarc->result == AUTH_PASS) {
		buf_printf(&b, "%s passed for %.*s, which aligns with %.*s",
			   method_word(&ids[i]), SLICE_FMT(ids[i].domain),
			   SLICE_FMT(query->author));
		return buf_slice(&b);
	}
	i = findings->unfinished;
	if (dmarc->result == AUTH_FAIL) {
		add_strangers(&b, query);
		add_policy(&b, found, dmarc);
	} else if (i < query->identifier_count) {
		buf_printf(&b,
			   "DNS failed, so nobody knows whether %s passes "
			   "for %.*s and aligns with %.*s",
			   method_word(&ids[i]), SLICE_FMT(ids[i].domain),
			   SLICE_FMT(query->author));
	} else {
		buf_printf(&b,
			   "DNS failed, so nobody knows whether %.*s "
			   "exists and which policy applies",
			   SLICE_FMT(query->author));
	}
	return buf_slice(&b);
}

/* Where there is no record to go by. */
static void conclude_without(const struct dmarc_query *query,
			     const struct dmarc_found *found,
			     struct auth_dmarc *dmarc)
{
	struct arena *a = query->source.arena;

	if (found->state == DMARC_STATE_FAILED) {
		dmarc->result = AUTH_TEMPERROR;
		dmarc->reason =
			arena_printf(a, "DNS did not answer for _dmarc.%.*s",
				     SLICE_FMT(found->failed_name));
	} else if (found->state == DMARC_STATE_SEVERAL) {
		dmarc->reason = arena_printf(
			a,
			"%.*s has more than one DMARC record, so none "
			"counts",
			SLICE_FMT(query->author));
	} else if (found->state == DMARC_STATE_FOUND) {
		dmarc->reason = arena_printf(
			a, "the DMARC record of %.*s has no valid policy",
			SLICE_FMT(found->record_domain));
	} else {
		dmarc->reason = arena_printf(a, "no DMARC record covers %.*s",
					     SLICE_FMT(query->author));
	}
}

enum step dmarc_evaluate(const struct dmarc_query *query,
			 struct auth_dmarc *dmarc_r)
{
	struct findings findings = {query->identifier_count,
				    query->identifier_count, false};
	struct dmarc_found found;
	enum step aligned, applied;

	*dmarc_r = (struct auth_dmarc){.domain = query->author};
	if (dmarc_discover(&query->source, query->author, &found) == STEP_WAIT)
		return STEP_WAIT;
	dmarc_r->org_domain = found.org;
	dmarc_r->policy_domain = found.record_domain;
	if (found.state != DMARC_STATE_FOUND || !found.record.usable) {
		conclude_without(query, &found, dmarc_r);
		return STEP_DONE;
	}
	dmarc_r->has_policy = true;
	aligned = align_all(query, &found, &findings);
	applied = apply_policy(query, &found, &findings, &dmarc_r->policy);
	if (aligned == STEP_WAIT || applied == STEP_WAIT)
		return STEP_WAIT;
	settle(query, &found, &findings, dmarc_r);
	dmarc_r->reason = explain(query, &found, &findings, dmarc_r);
	return STEP_DONE;
}
