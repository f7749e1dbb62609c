/* What there is on one record, and the pieces that all of explain writes. */
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

struct slice explain_count(struct arena *arena, size_t count)
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

void explain_wrapped(const struct explain *e, struct slice text, size_t column,
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
	explain_wrapped(e, text,
			strlen(label) > LABEL - 3 ? strlen(label) + 3 : LABEL,
			LABEL);
}

void explain_item(const struct explain *e, struct slice text)
{
	fputs("  - ", e->out);
	explain_wrapped(e, text, 4, 4);
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

struct slice explain_size(struct arena *a, uint64_t size)
{
	if (size < 1000)
		return arena_printf(a, "%u bytes", (unsigned)size);
	if (size < 1000000)
		return arena_printf(a, "%.1f kB", (double)size / 1e3);
	if (size < 1000000000)
		return arena_printf(a, "%.1f MB", (double)size / 1e6);
	return arena_printf(a, "%.1f GB", (double)size / 1e9);
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
	explain_line(e, "Size", explain_size(e->arena, r->size));
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
	explain_wrapped(e, s->name, 9, 9);
	if (meaning.n > 0) {
		fputs("         ", e->out);
		explain_wrapped(e, explain_sentence(e->arena, meaning), 9, 9);
	}
	if (!told && s->doc.n > 0 && s->detail.n > 0) {
		fputs("         Fact: ", e->out);
		explain_wrapped(e, s->detail, 15, 15);
	}
	if (s->uncapped <= s->score || s->group.n == 0)
		return;
	fputs("         ", e->out);
	explain_wrapped(
		e,
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

void explain_details(const struct explain *e, const struct record *r)
{
	envelope(e, r);
	outcome(e, r);
	explain_opinions(e, r);
	findings(e, r);
	explain_what_if(e, r);
	explain_authentication(e, r);
	explain_parts(e, r);
	explain_checks(e, r);
	explain_edits(e, r);
	explain_times(e, r);
}

void explain_record(FILE *out, const struct record *r)
{
	struct explain e = {out, arena_new(0)};

	explain_paragraph(&e, explain_headline(e.arena, r));
	explain_details(&e, r);
	arena_free(&e.arena);
}
