/* The sections on one record, and the pieces that all of explain writes. */
#include "milter/cli/explain.h"

#include "common/base/utf8.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include <math.h>
#include <string.h>

#define LABEL 14 /* columns of a label and what is left of it */
#define TEXT_MAX 1000
#define RCPTS_MAX 20

struct slice explain_number(struct arena *arena, double number)
{
	struct slice text;

	if (!isfinite(number))
		return SLICE("off");
	text = arena_printf(arena, "%.3f", number);
	while (text.p[text.n - 1] == '0')
		text.n--;
	if (text.p[text.n - 1] == '.')
		text.n--;
	return slice_eq(text, SLICE("-0")) ? SLICE("0") : text;
}

struct slice explain_points(struct arena *arena, double points)
{
	struct slice text = explain_number(arena, points);

	return points > 0 ? arena_printf(arena, "+%.*s", SLICE_FMT(text))
			  : text;
}

struct slice explain_text(struct arena *arena, struct slice text)
{
	struct buf out = BUF(arena);
	struct slice part = utf8_cut(text, TEXT_MAX);

	utf8_add_shown(&out, part);
	if (part.n < text.n)
		buf_add_text(&out, "…");
	return buf_slice(&out);
}

struct slice explain_sentence(struct arena *arena, struct slice text)
{
	char *copy;

	if (text.n == 0 || text.p[0] < 'a' || text.p[0] > 'z')
		return text;
	copy = arena_cstr(arena, text);
	copy[0] = (char)(copy[0] - 32);
	return (struct slice){copy, text.n};
}

const char *explain_point_word(double points)
{
	return points == 1 ? "point" : "points";
}

struct slice explain_times(struct arena *arena, size_t count)
{
	if (count == 1)
		return SLICE("once");
	return count == 2 ? SLICE("twice")
			  : arena_printf(arena, "%zu times", count);
}

struct slice explain_list(struct arena *arena, const struct slice *items,
			  size_t count)
{
	struct buf out = BUF(arena);

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_text(&out, i + 1 == count ? " and " : ", ");
		buf_add(&out, items[i]);
	}
	return buf_slice(&out);
}

static void wrapped(const struct explain *e, struct slice text, size_t column,
		    size_t indent)
{
	const struct terminal_wrap wrap = {EXPLAIN_WIDTH, column, indent};

	terminal_wrap(e->out, explain_text(e->arena, text), &wrap);
}

void explain_line(const struct explain *e, const char *label, struct slice text)
{
	if (text.n == 0)
		return;
	fprintf(e->out, "  %-*s ", LABEL - 3, label);
	wrapped(e, text, strlen(label) > LABEL - 3 ? strlen(label) + 3 : LABEL,
		LABEL);
}

void explain_item(const struct explain *e, struct slice text)
{
	fputs("  - ", e->out);
	wrapped(e, text, 4, 4);
}

void explain_paragraph(const struct explain *e, struct slice text)
{
	const struct terminal_wrap wrap = {EXPLAIN_WIDTH, 0, 0};

	/* Harmless already; a sentence may be longer than a field. */
	terminal_wrap(e->out, text, &wrap);
}

static struct slice named(struct arena *a, struct slice text, struct slice name)
{
	return name.n > 0 ? arena_printf(a, "%.*s (%.*s)", SLICE_FMT(text),
					 SLICE_FMT(name))
			  : text;
}

static struct slice recipients(const struct explain *e, const struct record *r)
{
	struct buf out = BUF(e->arena);

	for (size_t i = 0; i < r->rcpt_count && i < RCPTS_MAX; i++) {
		if (i > 0)
			buf_add_text(&out, ", ");
		buf_add(&out, r->rcpts[i]);
	}
	if (r->rcpt_total > r->rcpt_count || r->rcpt_count > RCPTS_MAX)
		buf_printf(&out, " and %zu more",
			   r->rcpt_total - (r->rcpt_count < RCPTS_MAX
						    ? r->rcpt_count
						    : RCPTS_MAX));
	return buf_slice(&out);
}

static struct slice size_text(struct arena *a, uint64_t size)
{
	if (size < 1000)
		return arena_printf(a, "%u bytes", (unsigned)size);
	if (size < 1000000)
		return arena_printf(a, "%.1f kB", (double)size / 1e3);
	return arena_printf(a, "%.1f MB", (double)size / 1e6);
}

static void envelope(const struct explain *e, const struct record *r)
{
	struct slice client = r->client.n > 0 ? r->client : SLICE("this host");

	fputs("\nThe message\n", e->out);
	explain_line(e, "Received", since_text_zone(e->arena, r->time_ms));
	explain_line(e, "Sender",
		     r->sender.n > 0 ? r->sender : SLICE("<> (a bounce)"));
	explain_line(e, r->rcpt_total == 1 ? "Recipient" : "Recipients",
		     recipients(e, r));
	explain_line(e, "Client", named(e->arena, client, r->client_name));
	explain_line(e, "HELO", r->helo);
	explain_line(e, "Login", r->user);
	explain_line(e, "From", r->from);
	explain_line(e, "Subject", r->subject);
	explain_line(e, "Message-ID", r->message_id);
	explain_line(e, "Size", size_text(e->arena, r->size));
	explain_line(e, "Queue id", r->queue_id);
	explain_line(e, "Record", r->id);
}

static const char *threshold_words(struct slice name)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{"greylist", " (unproven senders wait)"},
		{"add_header", " (tagged as spam)"},
		{"quarantine", " (as certain spam)"},
		{"reject", " (refused)"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (explain_is(name, rows[i].name))
			return rows[i].words;
	return "";
}

static void outcome(const struct explain *e, const struct record *r)
{
	struct buf text = BUF(e->arena);

	fputs("\nThe outcome\n", e->out);
	buf_add(&text, r->action);
	if (!slice_eq(r->action, r->would))
		buf_printf(&text, " (without shadow mode: %.*s)",
			   SLICE_FMT(r->would));
	explain_line(e, "Action", buf_slice(&text));
	explain_line(e, "Reply", r->reply);
	explain_line(e, "Score", explain_number(e->arena, r->score));
	text = BUF(e->arena);
	for (size_t i = 0; i < r->threshold_count; i++)
		buf_printf(&text, "%s%.*s %.*s%s", i > 0 ? ", " : "",
			   SLICE_FMT(r->thresholds[i].name),
			   SLICE_FMT(explain_number(e->arena,
						    r->thresholds[i].value)),
			   threshold_words(r->thresholds[i].name));
	explain_line(e, "Thresholds", buf_slice(&text));
}

static void finding(const struct explain *e, const struct record_symbol *s)
{
	struct slice points = explain_points(e->arena, s->score);
	bool told = slice_search_nocase(s->detail, s->doc) < s->detail.n;
	/* Where the fact has the meaning in it, once is enough. */
	struct slice meaning = told || s->doc.n == 0 ? s->detail : s->doc;

	fprintf(e->out, "%7.*s  ", SLICE_FMT(points));
	wrapped(e, s->name, 9, 9);
	if (meaning.n > 0) {
		fputs("         ", e->out);
		wrapped(e, explain_sentence(e->arena, meaning), 9, 9);
	}
	if (!told && s->doc.n > 0 && s->detail.n > 0) {
		fputs("         Fact: ", e->out);
		wrapped(e, s->detail, 15, 15);
	}
	if (s->uncapped <= s->score || s->group.n == 0)
		return;
	fputs("         ", e->out);
	wrapped(e,
		arena_printf(e->arena,
			     "Instead of %.*s points: those of the group %.*s "
			     "are capped",
			     SLICE_FMT(explain_number(e->arena, s->uncapped)),
			     SLICE_FMT(s->group)),
		9, 9);
}

static void findings(const struct explain *e, const struct record *r)
{
	size_t without = 0;

	if (r->symbol_count == 0) {
		fputs("\nNothing was found that adds or takes points.\n",
		      e->out);
		return;
	}
	fputs("\nPoints   Finding\n", e->out);
	for (size_t i = 0; i < r->symbol_count; i++) {
		without += r->symbols[i].score == 0;
		if (r->symbols[i].score != 0)
			finding(e, &r->symbols[i]);
	}
	for (size_t i = 0; without > 0 && i < r->symbol_count; i++)
		if (r->symbols[i].score == 0)
			finding(e, &r->symbols[i]);
}

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

static void edits(const struct explain *e, const struct record *r)
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
		wrapped(e,
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

static void times(const struct explain *e, const struct record *r)
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

void explain_details(const struct explain *e, const struct record *r)
{
	envelope(e, r);
	outcome(e, r);
	findings(e, r);
	explain_what_if(e, r);
	fputs("\nAuthentication\n", e->out);
	spf(e, r);
	dkim(e, r);
	dmarc(e, r);
	checks(e, r, "Could not be completed", "temperror");
	checks(e, r, "Not run, and why", "not run");
	checks(e, r, "What checks remarked", NULL);
	edits(e, r);
	times(e, r);
}

void explain_record(FILE *out, const struct record *r)
{
	struct explain e = {out, arena_new(0)};

	explain_paragraph(&e, explain_headline(e.arena, r));
	explain_details(&e, r);
	arena_free(&e.arena);
}
