/* Several tries of one message as one story. */
#include "milter/cli/explain.h"

#include "common/base/utf8.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include <string.h>

static bool is_let_through(const struct record *r)
{
	return explain_is(r->action, "accept") || explain_is(r->action, "tag");
}

static bool is_refused(const struct record *r)
{
	return explain_is(r->action, "reject") ||
	       (r->reply.n > 0 && r->reply.p[0] == '5');
}

static bool all_greylisted(const struct record *rs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!explain_is(rs[i].action, "greylist"))
			return false;
	return true;
}

static struct slice story_headline(struct arena *a, const struct record *rs,
				   size_t count)
{
	const struct record *last = &rs[count - 1];
	struct slice span = since_span(a, last->time_ms - rs[0].time_ms);
	struct slice all = count == 2 ? SLICE("both tries")
				      : arena_printf(a, "all %zu tries", count);
	const char *what = explain_happened(last, last->action);
	bool comma = strchr(what, ',');
	size_t deferred = 0;

	while (deferred < count && !is_let_through(&rs[deferred]) &&
	       !is_refused(&rs[deferred]))
		deferred++;
	if (deferred == count)
		return arena_printf(a,
				    "Deferred at %.*s so far, the last of them "
				    "%.*s after the first; it has not come "
				    "back since.",
				    SLICE_FMT(all), SLICE_FMT(span));
	if (deferred + 1 == count)
		return arena_printf(
			a,
			"%s%s at try %zu, %.*s after the first; before, it was "
			"deferred %.*s%s.",
			what, comma ? "," : "", count, SLICE_FMT(span),
			SLICE_FMT(explain_count(a, deferred)),
			all_greylisted(rs, deferred) ? " by greylisting" : "");
	return arena_printf(a,
			    "%zu tries of one message within %.*s. The last: "
			    "%s.",
			    count, SLICE_FMT(span), what);
}

static const struct record_symbol *find(const struct record *r,
					struct slice name)
{
	for (size_t i = 0; i < r->symbol_count; i++)
		if (slice_eq(r->symbols[i].name, name))
			return &r->symbols[i];
	return NULL;
}

/* What is different between two tries: items, each a sentence. */
struct difference {
	struct arena *arena;
	struct buf text;
};

static void add(struct difference *d, struct slice sentence)
{
	if (d->text.n > 0)
		buf_add_char(&d->text, ' ');
	buf_add(&d->text, sentence);
}

/* "Client: 192.0.2.1, now 192.0.2.2." */
static void changed(struct difference *d, const char *what, struct slice before,
		    struct slice after)
{
	if (!slice_eq(before, after))
		add(d, arena_printf(
			       d->arena, "%s: %.*s, now %.*s.", what,
			       SLICE_FMT(before.n > 0 ? before : SLICE("none")),
			       SLICE_FMT(after.n > 0 ? after : SLICE("none"))));
}

static struct slice with_points(struct arena *a, const struct record_symbol *s)
{
	return s->score == 0
		       ? s->name
		       : arena_printf(a, "%.*s (%.*s)", SLICE_FMT(s->name),
				      SLICE_FMT(explain_points(a, s->score)));
}

/* Findings of `of` that `other` lacks. */
static void only(struct difference *d, const char *title,
		 const struct record *of, const struct record *other)
{
	struct slice *names =
		ARENA_ARRAY(d->arena, struct slice, of->symbol_count + 1);
	size_t count = 0;

	for (size_t i = 0; i < of->symbol_count; i++)
		if (!find(other, of->symbols[i].name))
			names[count++] = with_points(d->arena, &of->symbols[i]);
	if (count > 0)
		add(d, arena_printf(d->arena, "%s: %.*s.", title,
				    SLICE_FMT(explain_list(d->arena, names,
							   count))));
}

static void weighed(struct difference *d, const struct record *before,
		    const struct record *after)
{
	for (size_t i = 0; i < after->symbol_count; i++) {
		const struct record_symbol *s = &after->symbols[i];
		const struct record_symbol *was = find(before, s->name);

		if (was && was->score != s->score)
			changed(d, arena_cstr(d->arena, s->name),
				explain_points(d->arena, was->score),
				explain_points(d->arena, s->score));
	}
}

static struct slice rcpts_of(struct arena *a, const struct record *r)
{
	return explain_list(a, r->rcpts, r->rcpt_count < 5 ? r->rcpt_count : 5);
}

static struct slice differences(struct arena *a, const struct record *before,
				const struct record *after)
{
	struct difference d = {a, BUF(a)};

	changed(&d, "Client", before->client, after->client);
	changed(&d, "HELO", before->helo, after->helo);
	changed(&d, "Recipients", rcpts_of(a, before), rcpts_of(a, after));
	changed(&d, "Score", explain_number(a, before->score),
		explain_number(a, after->score));
	only(&d, "No longer found", before, after);
	only(&d, "Newly found", after, before);
	weighed(&d, before, after);
	if (before->generation != after->generation)
		add(&d, SLICE("The configuration was read anew in between."));
	return d.text.n > 0 ? utf8_shown(a, buf_slice(&d.text))
			    : SLICE("nothing but the time.");
}

static void try(const struct explain *e, const struct record *rs, size_t i)
{
	const struct terminal_wrap wrap = {EXPLAIN_WIDTH, 3, 3};
	struct slice when = since_text(e->arena, rs[i].time_ms);
	struct slice after =
		i == 0 ? SLICE("")
		       : arena_printf(
				 e->arena, ", %.*s later",
				 SLICE_FMT(since_span(
					 e->arena,
					 rs[i].time_ms - rs[i - 1].time_ms)));

	fprintf(e->out, "\n%zu. %.*s%.*s (record %.*s)\n   ", i + 1,
		SLICE_FMT(when), SLICE_FMT(after),
		SLICE_FMT(explain_text(e->arena, rs[i].id)));
	terminal_wrap(e->out, explain_headline(e->arena, &rs[i]), &wrap);
	if (rs[i].reply.n > 0) {
		fputs("   Reply: ", e->out);
		explain_wrapped(e, rs[i].reply, 10, 10);
	}
	if (i == 0)
		return;
	fputs("   Changed since try ", e->out);
	terminal_wrap(e->out,
		      arena_printf(e->arena, "%zu: %.*s", i,
				   SLICE_FMT(differences(e->arena, &rs[i - 1],
							 &rs[i]))),
		      &(struct terminal_wrap){EXPLAIN_WIDTH, 21, 3});
}

void explain_story(FILE *out, const struct record *records, size_t count,
		   size_t detail)
{
	struct explain e = {out, arena_new(0)};

	if (count == 1) {
		arena_free(&e.arena);
		explain_record(out, records);
		return;
	}
	explain_paragraph(&e, story_headline(e.arena, records, count));
	for (size_t i = 0; i < count; i++)
		try(&e, records, i);
	fprintf(out, "\n---- Try %zu in detail ----\n", detail + 1);
	explain_details(&e, &records[detail]);
	arena_free(&e.arena);
}
