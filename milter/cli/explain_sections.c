/*
 * What follows the findings: the results of SPF, DKIM and DMARC, what checks
 * said of themselves, what was done to the header, and the times.
 */
#include "milter/cli/explain_private.h"

#include "milter/cli/since.h"

/* What a finding's fact says already need not be said again. */
static struct slice unless_told(const struct explain *e, const struct record *r,
				struct slice reason)
{
	for (size_t i = 0; i < r->symbol_count; i++)
		if (slice_search_nocase(r->symbols[i].detail, reason) <
		    r->symbols[i].detail.n)
			return SLICE("");
	return reason.n > 0
		       ? arena_printf(e->arena, ": %.*s", SLICE_FMT(reason))
		       : SLICE("");
}

static void spf(const struct explain *e, const struct record *r)
{
	struct buf text = BUF(e->arena);
	const struct record_auth *auth = &r->auth;

	buf_add(&text, auth->spf_result);
	if (auth->spf_domain.n > 0)
		buf_printf(&text, " for %.*s (%s)", SLICE_FMT(auth->spf_domain),
			   slice_eq(auth->spf_scope, SLICE("helo"))
				   ? "HELO"
				   : "envelope sender");
	buf_add(&text, unless_told(e, r, auth->spf_explanation));
	explain_line(e, "SPF", buf_slice(&text));
}

static void dkim(const struct explain *e, const struct record *r)
{
	const struct record_auth *auth = &r->auth;

	if (auth->dkim_count == 0)
		explain_line(e, "DKIM", SLICE("none"));
	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct record_dkim *d = &auth->dkim[i];
		struct buf text = BUF(e->arena);

		buf_printf(&text, "%.*s for %.*s, selector %.*s, %.*s",
			   SLICE_FMT(d->result), SLICE_FMT(d->domain),
			   SLICE_FMT(d->selector), SLICE_FMT(d->algorithm));
		buf_add(&text, unless_told(e, r, d->reason));
		explain_line(e, "DKIM", buf_slice(&text));
	}
}

static void dmarc(const struct explain *e, const struct record *r)
{
	const struct record_auth *auth = &r->auth;
	struct buf text = BUF(e->arena);

	buf_add(&text, auth->dmarc_result);
	if (auth->dmarc_domain.n > 0)
		buf_printf(&text, " for %.*s", SLICE_FMT(auth->dmarc_domain));
	if (auth->dmarc_policy.n > 0)
		buf_printf(&text, ", policy %.*s of %.*s",
			   SLICE_FMT(auth->dmarc_policy),
			   SLICE_FMT(auth->dmarc_policy_domain));
	buf_add(&text, unless_told(e, r, auth->dmarc_reason));
	explain_line(e, "DMARC", buf_slice(&text));
}

void explain_authentication(const struct explain *e, const struct record *r)
{
	fputs("\nAuthentication\n", e->out);
	spf(e, r);
	dkim(e, r);
	dmarc(e, r);
}

/* Whether a check belongs below that outcome's title; NULL: it ran. */
static bool belongs(const struct record_check *c, const char *outcome)
{
	bool decided = explain_is(c->outcome, "pass") ||
		       explain_is(c->outcome, "fail");

	return outcome ? explain_is(c->outcome, outcome)
		       : decided && c->reason.n > 0;
}

/* The names of all that belong there for that reason. */
static struct slice checks_of(const struct explain *e, const struct record *r,
			      const char *outcome, struct slice reason)
{
	struct slice *names =
		ARENA_ARRAY(e->arena, struct slice, r->check_count + 1);
	size_t count = 0;

	for (size_t i = 0; i < r->check_count; i++)
		if (belongs(&r->checks[i], outcome) &&
		    slice_eq(r->checks[i].reason, reason))
			names[count++] = r->checks[i].name;
	return explain_list(e->arena, names, count);
}

static bool was_told(const struct record *r, size_t index, const char *outcome)
{
	for (size_t i = 0; i < index; i++)
		if (belongs(&r->checks[i], outcome) &&
		    slice_eq(r->checks[i].reason, r->checks[index].reason))
			return true;
	return false;
}

/* The checks that ended so below one title, those of one reason together. */
static void checks(const struct explain *e, const struct record *r,
		   const char *title, const char *outcome)
{
	bool first = true;

	for (size_t i = 0; i < r->check_count; i++) {
		struct slice reason = r->checks[i].reason;
		struct slice names;

		if (!belongs(&r->checks[i], outcome) || was_told(r, i, outcome))
			continue;
		names = checks_of(e, r, outcome, reason);
		if (first)
			fprintf(e->out, "\n%s\n", title);
		first = false;
		if (reason.n == 0)
			reason = explain_is(r->cause, "limit")
					 ? SLICE("the message could not be "
						 "judged")
					 : SLICE("no reason was recorded");
		explain_item(e,
			     arena_printf(e->arena, "%.*s: %.*s",
					  SLICE_FMT(names), SLICE_FMT(reason)));
	}
}

void explain_checks(const struct explain *e, const struct record *r)
{
	checks(e, r, "Could not be completed", "temperror");
	checks(e, r, "Not run, and why", "not run");
	checks(e, r, "What checks remarked", NULL);
}

/* "b@example.org took it out of quarantine: no spam" */
static struct slice opinion_text(struct arena *a,
				 const struct record_opinion *said)
{
	bool ham = slice_eq(said->said, SLICE("ham"));
	const char *did =
		slice_eq(said->how, SLICE("release"))
			? "took it out of quarantine: no spam"
		: slice_eq(said->how, SLICE("flag"))
			? (ham ? "marked it as no junk" : "marked it as junk")
		: slice_eq(said->how, SLICE("copy"))
			? (ham ? "copied it out of Junk: no spam"
			       : "copied it to Junk: spam")
			: (ham ? "moved it out of Junk: no spam"
			       : "moved it to Junk: spam");

	return arena_printf(a, "%.*s %s", SLICE_FMT(explain_text(a, said->user)),
			    did);
}

void explain_opinions(const struct explain *e, const struct record *r)
{
	if (r->opinion_count == 0)
		return;
	fputs("\nWhat users said\n", e->out);
	for (size_t i = 0; i < r->opinion_count; i++) {
		struct slice when = since_text(e->arena,
					       r->opinions[i].time_ms);

		fprintf(e->out, "  %.*s  ", SLICE_FMT(when));
		explain_wrapped(e, opinion_text(e->arena, &r->opinions[i]),
				4 + when.n, 6);
	}
}

void explain_edits(const struct explain *e, const struct record *r)
{
	if (r->edit_count == 0)
		return;
	fputs(explain_is(r->action, "accept") || explain_is(r->action, "tag")
		      ? "\nHeader fields\n"
		      : "\nHeader fields, had it been let through\n",
	      e->out);
	for (size_t i = 0; i < r->edit_count; i++) {
		const struct record_edit *edit = &r->edits[i];
		bool added = explain_is(edit->op, "insert");
		struct buf text = BUF(e->arena);

		for (size_t k = 0; k < edit->value.n; k++)
			if (edit->value.p[k] == '\n')
				buf_add_char(&text, ' ');
			else if (edit->value.p[k] != '\t')
				buf_add_char(&text, edit->value.p[k]);
		fprintf(e->out, "  %s ", added ? "added  " : "removed");
		explain_wrapped(
			e,
			added ? arena_printf(e->arena, "%.*s: %.*s",
					     SLICE_FMT(edit->name),
					     SLICE_FMT(buf_slice(&text)))
			      : arena_printf(e->arena,
					     "%.*s, number %u from the top",
					     SLICE_FMT(edit->name),
					     edit->index),
			10, 14);
	}
}

static struct slice ms_text(struct arena *a, double ms)
{
	if (ms >= 950)
		return since_span(a, (int64_t)ms);
	return ms >= 9.95 ? arena_printf(a, "%.0f ms", ms)
			  : arena_printf(a, "%.1f ms", ms);
}

void explain_times(const struct explain *e, const struct record *r)
{
	const struct record_check *slowest = NULL;
	struct buf text = BUF(e->arena);

	if (r->stage_count == 0)
		return;
	fputs("\nWhere the time went\n", e->out);
	for (size_t i = 0; i < r->stage_count; i++)
		buf_printf(&text, "%s%.*s %.*s", i > 0 ? ", " : "",
			   SLICE_FMT(r->stages[i].name),
			   SLICE_FMT(ms_text(e->arena, r->stages[i].value)));
	buf_add_text(&text, " (up to body, the client's own time is in it)");
	explain_line(e, "Stages", buf_slice(&text));
	for (size_t i = 0; i < r->check_count; i++) {
		const struct record_check *c = &r->checks[i];

		if (c->took_ms > (slowest ? slowest->took_ms : 0))
			slowest = c;
	}
	if (slowest)
		explain_line(
			e, "Slowest",
			arena_printf(e->arena,
				     "the check %.*s, %.*s, waiting "
				     "included",
				     SLICE_FMT(slowest->name),
				     SLICE_FMT(ms_text(e->arena,
						       slowest->took_ms))));
	explain_line(e, "DNS",
		     arena_printf(e->arena,
				  "%u questions, %u of them known already, %u "
				  "without an answer",
				  r->dns_asked, r->dns_cached, r->dns_failed));
}
