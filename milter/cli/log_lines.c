/*
 * On a terminal, texts are shortened in their middle until a line fits; where
 * too little of them would be left, a message takes two lines. In a pipe
 * nothing is left out.
 */
#include "milter/cli/log_lines.h"

#include "common/base/utf8.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include <math.h>

enum column { TIME, ACTION, SCORE, FROM, TO, CLIENT, SYMBOLS, ID };

#define GAP TERMINAL_GAP
#define ARROW "-> "
#define ARROW_WIDTH 3
/* Less room than this for the four texts: two lines a message. */
#define TEXTS_MIN 80
#define SYMBOLS_SHOWN 3
#define RCPTS_SHOWN 3

struct row {
	struct slice cell[LOG_LINES_COLUMNS];
};

static struct slice rcpts_of(struct arena *a, const struct record *r,
			     size_t most)
{
	struct buf out = BUF(a);
	size_t shown = r->rcpt_count < most ? r->rcpt_count : most;

	for (size_t i = 0; i < shown; i++)
		buf_printf(&out, "%s%.*s", i > 0 ? "," : "",
			   SLICE_FMT(explain_text(a, r->rcpts[i])));
	if (r->rcpt_total > shown)
		buf_printf(&out, "%s%zu more", shown > 0 ? ",and " : "",
			   r->rcpt_total - shown);
	return buf_slice(&out);
}

/* Who gave it to us: the name he logged in with, his host's, its address. */
static struct slice client_of(struct arena *a, const struct record *r)
{
	struct slice name = r->user.n > 0 ? r->user : r->client_name;
	struct slice client = r->client.n > 0 ? r->client : SLICE("local");

	if (name.n == 0)
		return explain_text(a, client);
	return arena_printf(a, "%.*s[%.*s]", SLICE_FMT(explain_text(a, name)),
			    SLICE_FMT(explain_text(a, client)));
}

/* Of the findings with points the `most` that weigh most, of any sign. */
static struct slice symbols_of(struct arena *a, const struct record *r,
			       size_t most)
{
	bool *told = ARENA_ARRAY(a, bool, r->symbol_count + 1);
	struct buf out = BUF(a);
	size_t left = 0;

	for (size_t i = 0; i < r->symbol_count; i++)
		left += r->symbols[i].score != 0;
	for (; most > 0 && left > 0; most--, left--) {
		size_t best = r->symbol_count;

		for (size_t i = 0; i < r->symbol_count; i++)
			if (!told[i] && r->symbols[i].score != 0 &&
			    (best == r->symbol_count ||
			     fabs(r->symbols[i].score) >
				     fabs(r->symbols[best].score)))
				best = i;
		told[best] = true;
		buf_printf(
			&out, "%s%.*s(%.*s)", out.n > 0 ? "," : "",
			SLICE_FMT(explain_text(a, r->symbols[best].name)),
			SLICE_FMT(explain_points(a, r->symbols[best].score)));
	}
	if (left > 0)
		buf_printf(&out, ",and %zu more", left);
	return out.n > 0 ? buf_slice(&out) : SLICE("-");
}

static struct slice action_of(struct arena *a, const struct record *r)
{
	if (slice_eq(r->action, r->would))
		return explain_text(a, r->action);
	return arena_printf(a, "%.*s(%.*s)",
			    SLICE_FMT(explain_text(a, r->action)),
			    SLICE_FMT(explain_text(a, r->would)));
}

static struct row row_of(struct arena *a, const struct record *r, bool cut)
{
	struct row row = {{
		[TIME] = since_text(a, record_decided_ms(r)),
		[ACTION] = action_of(a, r),
		[SCORE] = arena_printf(a, "%.2f", r->score),
		[FROM] = r->sender.n > 0 ? explain_text(a, r->sender)
					 : SLICE("<>"),
		[TO] = rcpts_of(a, r, cut ? RCPTS_SHOWN : SIZE_MAX),
		[CLIENT] = client_of(a, r),
		[SYMBOLS] = symbols_of(a, r, cut ? SYMBOLS_SHOWN : SIZE_MAX),
		[ID] = explain_text(a, r->id),
	}};

	return row;
}

/* No column is wider, whatever somebody writes into one of its cells. */
static const size_t widest[LOG_LINES_COLUMNS] = {
	[TIME] = 19, [ACTION] = 20, [SCORE] = 8,    [FROM] = 40,
	[TO] = 40,   [CLIENT] = 45, [SYMBOLS] = 70, [ID] = 16};

static void measure(struct log_lines *lines, const struct row *rows,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < LOG_LINES_COLUMNS; c++) {
			size_t n = utf8_count(rows[i].cell[c]);

			if (n > widest[c])
				n = widest[c];
			if (n > lines->widths[c])
				lines->widths[c] = n;
		}
}

/* Takes from the widest of the texts until they fit. */
static void shrink(size_t w[LOG_LINES_COLUMNS], size_t room)
{
	while (w[FROM] + w[TO] + w[CLIENT] + w[SYMBOLS] > room) {
		int most = FROM;

		for (int c = TO; c <= SYMBOLS; c++)
			if (w[c] > w[most])
				most = c;
		w[most]--;
	}
}

/* In a pipe, what is longer than its column stands out. */
static void put_cell(const struct log_lines *lines, const struct row *row,
		     enum column column, const size_t *w)
{
	size_t n = lines->width > 0 ? 0 : utf8_count(row->cell[column]);

	terminal_cell(lines->out, row->cell[column],
		      n > w[column] ? n : w[column], column == ID);
}

static void put_head(const struct log_lines *lines, const struct row *row,
		     const size_t *w)
{
	put_cell(lines, row, TIME, w);
	put_cell(lines, row, ACTION, w);
	fprintf(lines->out, "%*.*s%*s", (int)w[SCORE],
		SLICE_FMT(row->cell[SCORE]), GAP, "");
}

static void put_line(const struct log_lines *lines, const struct row *row,
		     const size_t *w)
{
	put_head(lines, row, w);
	put_cell(lines, row, FROM, w);
	fputs(ARROW, lines->out);
	for (int c = TO; c <= ID; c++)
		put_cell(lines, row, (enum column)c, w);
}

/* Two texts side by side in so much room: what one needs not, the other has. */
static void put_two(FILE *out, struct slice left, struct slice right,
		    const char *between, size_t room)
{
	size_t gap = GAP + utf8_count(slice_cstr(between));
	size_t a = utf8_count(left), b = utf8_count(right);
	size_t half = room > gap + 20 ? (room - gap) / 2 : 10;

	if (a > half && b > half)
		a = half;
	else if (a > half && a + b > 2 * half)
		a = 2 * half - b;
	b = 2 * half - (a < 2 * half ? a : 0);
	terminal_cell(out, left, a, false);
	fputs(between, out);
	terminal_cell(out, right, b > 0 ? b : 1, true);
}

/* Addresses behind the score; id, client and findings below. */
static void put_two_lines(const struct log_lines *lines, const struct row *row,
			  const size_t *w)
{
	size_t head = w[TIME] + w[ACTION] + w[SCORE] + 3 * GAP;
	size_t below = w[ID] + 2 * GAP;

	put_head(lines, row, w);
	put_two(lines->out, row->cell[FROM], row->cell[TO], ARROW,
		lines->width > head ? lines->width - head : 0);
	fprintf(lines->out, "%*s", GAP, "");
	terminal_cell(lines->out, row->cell[ID], w[ID], false);
	put_two(lines->out, row->cell[CLIENT], row->cell[SYMBOLS], "",
		lines->width > below ? lines->width - below : 0);
}

static void put_rows(struct log_lines *lines, const struct row *rows,
		     size_t count)
{
	size_t w[LOG_LINES_COLUMNS], fixed, texts;

	for (int c = 0; c < LOG_LINES_COLUMNS; c++)
		w[c] = lines->widths[c];
	fixed = w[TIME] + w[ACTION] + w[SCORE] + w[ID] + 7 * GAP + ARROW_WIDTH;
	texts = w[FROM] + w[TO] + w[CLIENT] + w[SYMBOLS];
	if (lines->width > 0 && fixed + texts > lines->width) {
		if (lines->width < fixed + TEXTS_MIN) {
			for (size_t i = 0; i < count; i++)
				put_two_lines(lines, &rows[i], w);
			return;
		}
		shrink(w, lines->width - fixed);
	}
	for (size_t i = 0; i < count; i++)
		put_line(lines, &rows[i], w);
}

void log_lines_put(struct log_lines *lines, const struct record *records,
		   size_t count)
{
	struct arena *arena = arena_new(0);
	struct row *rows = ARENA_ARRAY(arena, struct row, count + 1);

	for (size_t i = 0; i < count; i++)
		rows[i] = row_of(arena, &records[i], lines->width > 0);
	measure(lines, rows, count);
	put_rows(lines, rows, count);
	arena_free(&arena);
}
