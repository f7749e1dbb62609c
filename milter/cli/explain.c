/* Explains a record: what was done, each point and why, what did not run. */
#include "milter/cli/explain.h"

#include "common/base/utf8.h"

#include <math.h>

#define WIDTH 78

/* Words from `text`, wrapped, continued at column `indent`. */
static void wrap(FILE *out, struct slice text, size_t indent, size_t column)
{
	struct arena *arena = arena_new(0);
	struct slice rest = utf8_shown(arena, text), word;
	bool first = true;

	while (slice_next(&rest, ' ', &word)) {
		size_t n = utf8_count(word);

		if (!first && column + 1 + n > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", SLICE_FMT(word));
		column += n;
		first = false;
	}
	fputc('\n', out);
	arena_free(&arena);
}

static void line(FILE *out, const char *label, struct slice text)
{
	fprintf(out, "  %-10s", label);
	wrap(out, text, 12, 12);
}

static void outcome(FILE *out, const struct record *r, struct arena *a)
{
	struct buf text = BUF(a);
	const struct record_number *next = NULL, *reached = NULL;

	for (size_t i = 0; i < r->threshold_count; i++) {
		if (r->score >= r->thresholds[i].value)
			reached = &r->thresholds[i];
		else if (!next && isfinite(r->thresholds[i].value))
			next = &r->thresholds[i];
	}
	buf_printf(&text, "%.*s", SLICE_FMT(r->action));
	if (!slice_eq(r->action, r->would))
		buf_printf(&text, " (shadow mode; would be: %.*s)",
			   SLICE_FMT(r->would));
	line(out, "Action", buf_slice(&text));
	text = BUF(a);
	buf_printf(&text, "%.2f", r->score);
	if (reached)
		buf_printf(&text, ", %.*s begins at %g",
			   SLICE_FMT(reached->name), reached->value);
	if (next)
		buf_printf(&text, "; %.2f more would reach %.*s at %g",
			   next->value - r->score, SLICE_FMT(next->name),
			   next->value);
	line(out, "Score", buf_slice(&text));
	if (r->reply.n > 0)
		line(out, "Reply", r->reply);
	line(out, "Record", r->id);
}

static void symbols(FILE *out, const struct record *r)
{
	if (r->symbol_count == 0) {
		fputs("\nNothing was found that adds or takes points.\n", out);
		return;
	}
	fputs("\nPoints  Finding\n", out);
	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];

		fprintf(out, "%+6.2f  %.*s\n        ", s->score,
			SLICE_FMT(s->name));
		/* The fact says it all; without one, the symbol's meaning. */
		wrap(out, s->detail.n > 0 ? s->detail : s->doc, 8, 8);
	}
}

static void spf(FILE *out, const struct record_auth *auth, struct arena *a)
{
	struct buf text = BUF(a);

	buf_add(&text, auth->spf_result);
	if (auth->spf_domain.n > 0)
		buf_printf(&text, " for %.*s (%s)", SLICE_FMT(auth->spf_domain),
			   slice_eq(auth->spf_scope, SLICE("helo"))
				   ? "HELO"
				   : "envelope sender");
	if (auth->spf_explanation.n > 0)
		buf_printf(&text, ": %.*s", SLICE_FMT(auth->spf_explanation));
	line(out, "SPF", buf_slice(&text));
}

static void dkim(FILE *out, const struct record_auth *auth, struct arena *a)
{
	if (auth->dkim_count == 0)
		line(out, "DKIM", SLICE("none"));
	for (size_t i = 0; i < auth->dkim_count; i++) {
		const struct record_dkim *d = &auth->dkim[i];
		struct buf text = BUF(a);

		buf_printf(&text, "%.*s for %.*s, selector %.*s, %.*s",
			   SLICE_FMT(d->result), SLICE_FMT(d->domain),
			   SLICE_FMT(d->selector), SLICE_FMT(d->algorithm));
		if (d->reason.n > 0)
			buf_printf(&text, ": %.*s", SLICE_FMT(d->reason));
		line(out, "DKIM", buf_slice(&text));
	}
}

static void dmarc(FILE *out, const struct record_auth *auth, struct arena *a)
{
	struct buf text = BUF(a);

	buf_add(&text, auth->dmarc_result);
	if (auth->dmarc_domain.n > 0)
		buf_printf(&text, " for %.*s", SLICE_FMT(auth->dmarc_domain));
	if (auth->dmarc_policy.n > 0)
		buf_printf(&text, ", policy %.*s of %.*s",
			   SLICE_FMT(auth->dmarc_policy),
			   SLICE_FMT(auth->dmarc_policy_domain));
	if (auth->dmarc_reason.n > 0)
		buf_printf(&text, ": %.*s", SLICE_FMT(auth->dmarc_reason));
	line(out, "DMARC", buf_slice(&text));
}

/* What checks say besides their findings, above all why one did not run. */
static void remarks(FILE *out, const struct record *r, struct arena *a)
{
	bool first = true;

	for (size_t i = 0; i < r->check_count; i++) {
		const struct record_check *c = &r->checks[i];
		bool decided = slice_eq(c->outcome, SLICE("pass")) ||
			       slice_eq(c->outcome, SLICE("fail"));

		if (decided && c->reason.n == 0)
			continue;
		if (first)
			fputs("\nRemarks\n", out);
		first = false;
		if (decided)
			line(out, arena_cstr(a, c->name), c->reason);
		else
			line(out, arena_cstr(a, c->name),
			     arena_printf(a, "%.*s%s%.*s",
					  SLICE_FMT(c->outcome),
					  c->reason.n > 0 ? ": " : "",
					  SLICE_FMT(c->reason)));
	}
}

static void edits(FILE *out, const struct record *r, struct arena *a)
{
	if (r->edit_count == 0)
		return;
	fputs("\nHeader fields\n", out);
	for (size_t i = 0; i < r->edit_count; i++) {
		const struct record_edit *e = &r->edits[i];
		bool added = slice_eq(e->op, SLICE("insert"));
		struct buf text = BUF(a);

		for (size_t k = 0; k < e->value.n; k++)
			if (e->value.p[k] == '\n')
				buf_add_char(&text, ' ');
			else if (e->value.p[k] != '\t')
				buf_add_char(&text, e->value.p[k]);
		fprintf(out, "  %s ", added ? "added  " : "removed");
		wrap(out,
		     added ? arena_printf(a, "%.*s: %.*s", SLICE_FMT(e->name),
					  SLICE_FMT(buf_slice(&text)))
			   : arena_printf(a, "%.*s, number %u from the top",
					  SLICE_FMT(e->name), e->index),
		     14, 10);
	}
}

void explain_record(FILE *out, const struct record *r)
{
	struct arena *a = arena_new(0);

	outcome(out, r, a);
	symbols(out, r);
	fputs("\nAuthentication\n", out);
	spf(out, &r->auth, a);
	dkim(out, &r->auth, a);
	dmarc(out, &r->auth, a);
	remarks(out, r, a);
	edits(out, r, a);
	arena_free(&a);
}
