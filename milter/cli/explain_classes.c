/*
 * What concerns the classes of a message: the virus found, the attachment
 * not allowed, where it is held; and the parts it consists of.
 */
#include "milter/cli/explain_private.h"

#define PARTS_SHOWN 20

/* Where it is now, if we have it. */
static void add_place(struct buf *out, const struct record *r)
{
	if (explain_is(r->vault, "held"))
		buf_printf(out,
			   " It is in the vault and was not delivered: see "
			   "gatepost quarantine show %.*s.",
			   SLICE_FMT(explain_text(out->arena, r->id)));
	else if (explain_is(r->vault, "copy"))
		buf_printf(out,
			   " The vault keeps a copy: see gatepost quarantine "
			   "show %.*s.",
			   SLICE_FMT(explain_text(out->arena, r->id)));
}

void explain_why_virus(struct buf *out, const struct record *r)
{
	struct slice name = r->class_reason.n > 0 ? r->class_reason
						  : r->antivirus.names;

	buf_printf(out, " A virus was found in it: %.*s",
		   SLICE_FMT(explain_text(out->arena, name)));
	if (r->antivirus.engine.n > 0)
		buf_printf(out, " (%.*s)",
			   SLICE_FMT(explain_text(out->arena,
						  r->antivirus.engine)));
	buf_printf(out, ". What follows is antivirus.action, whatever the "
			"score (%.*s).",
		   SLICE_FMT(explain_number(out->arena, r->score)));
	add_place(out, r);
}

void explain_why_attachment(struct buf *out, const struct record *r)
{
	buf_printf(out,
		   " An attachment is not allowed: %.*s. What follows is the "
		   "action of that rule, whatever the score (%.*s).",
		   SLICE_FMT(explain_text(out->arena, r->class_reason)),
		   SLICE_FMT(explain_number(out->arena, r->score)));
	add_place(out, r);
}

void explain_why_unscanned(struct buf *out, const struct record *r)
{
	buf_printf(out, " It could not be scanned for viruses: %.*s.",
		   SLICE_FMT(explain_text(out->arena,
					  r->antivirus.reason.n > 0
						  ? r->antivirus.reason
						  : r->class_reason)));
	if (explain_is(r->would, "tempfail"))
		buf_add_text(out, " The client was told to try again later "
				  "(antivirus.unscanned = tempfail).");
	else if (explain_is(r->would, "quarantine"))
		buf_add_text(out, " It would not be better the next time, so "
				  "it is held.");
	add_place(out, r);
}

void explain_why_vault(struct buf *out, const struct record *r)
{
	if (r->class_reason.n > 0)
		buf_printf(out, " It was to be held (%.*s: %.*s)",
			   SLICE_FMT(explain_text(out->arena, r->class)),
			   SLICE_FMT(explain_text(out->arena,
						  r->class_reason)));
	else
		buf_add_text(out, " It was to be held");
	buf_add_text(out, ", but the vault could not take it; the log of "
			  "that moment says why. The client was told to try "
			  "again later.");
}

void explain_kept(struct buf *out, const struct record *r)
{
	add_place(out, r);
}

static struct slice part_text(struct arena *a, const struct record_part *p)
{
	struct buf text = BUF(a);

	buf_add(&text, p->name.n > 0 ? explain_text(a, p->name)
				     : SLICE("(no name)"));
	if (p->type.n > 0)
		buf_printf(&text, ", %.*s", SLICE_FMT(explain_text(a, p->type)));
	if (p->kind.n > 0)
		buf_printf(&text, ", content: %.*s",
			   SLICE_FMT(explain_text(a, p->kind)));
	buf_printf(&text, ", %.*s%s", SLICE_FMT(explain_size(a, p->size)),
		   p->encrypted ? ", encrypted" : "");
	return buf_slice(&text);
}

/* A message of one text has nothing to list. */
static bool is_worth_it(const struct record *r)
{
	return r->part_count > 1 ||
	       (r->part_count == 1 && r->parts[0].name.n > 0);
}

void explain_parts(const struct explain *e, const struct record *r)
{
	if (!is_worth_it(r))
		return;
	fputs("\nParts\n", e->out);
	for (size_t i = 0; i < r->part_count && i < PARTS_SHOWN; i++) {
		const struct record_part *p = &r->parts[i];
		int depth = p->depth < 8 ? (int)p->depth : 8;

		fprintf(e->out, "  %*s", 2 * depth, "");
		explain_wrapped(e, part_text(e->arena, p),
				2 + 2 * (size_t)depth, 6 + 2 * (size_t)depth);
	}
	if (r->part_count > PARTS_SHOWN)
		fprintf(e->out, "  and %zu more\n",
			r->part_count - PARTS_SHOWN);
}
