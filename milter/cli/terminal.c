/* Widths are counted in characters; each takes one column for us. */
#include "milter/cli/terminal.h"

#include "common/base/utf8.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MAX 10000

size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t wanted;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		return size.ws_col > 0 ? size.ws_col : 80;
	if (columns && slice_to_u64(slice_cstr(columns), &wanted) &&
	    wanted < WIDTH_MAX)
		return (size_t)wanted;
	return 0;
}

/* Whether a character begins at s[i] (UTF-8). */
static bool is_begin(struct slice s, size_t i)
{
	return ((unsigned char)s.p[i] & 0xc0) != 0x80;
}

static size_t characters(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += is_begin(s, i);
	return n;
}

/* Where character `n` begins, or the end. */
static size_t offset_of(struct slice s, size_t n)
{
	size_t i = 0;

	for (; i < s.n; i++)
		if (is_begin(s, i) && n-- == 0)
			break;
	return i;
}

static void put(FILE *out, struct slice text)
{
	fwrite(text.p ? text.p : "", 1, text.n, out);
}

void terminal_cell(FILE *out, struct slice text, size_t width, bool last)
{
	size_t n = characters(text), head, tail;

	if (n > width && width > 0) {
		head = (width - 1) / 2;
		tail = width - 1 - head;
		put(out, slice_sub(text, 0, offset_of(text, head)));
		fputs("…", out);
		put(out, slice_sub(text, offset_of(text, n - tail), text.n));
		n = width;
	} else {
		put(out, text);
	}
	if (last)
		fputc('\n', out);
	else
		fprintf(out, "%*s",
			(int)((width > n ? width - n : 0) + TERMINAL_GAP), "");
}

static void new_line(FILE *out, const struct terminal_wrap *wrap)
{
	fprintf(out, "\n%*s", (int)wrap->indent, "");
}

/* Writes a word that fits on no line, piece by piece; returns the column. */
static size_t break_word(FILE *out, struct slice word, size_t column,
			 const struct terminal_wrap *wrap)
{
	size_t room = wrap->width > column ? wrap->width - column : 1;

	while (characters(word) > room) {
		size_t at = offset_of(word, room);

		put(out, slice_sub(word, 0, at));
		word = slice_sub(word, at, word.n);
		new_line(out, wrap);
		room = wrap->width > wrap->indent + 1
			       ? wrap->width - wrap->indent
			       : 1;
		column = wrap->indent;
	}
	put(out, word);
	return column + characters(word);
}

void terminal_wrap(FILE *out, struct slice text,
		   const struct terminal_wrap *wrap)
{
	struct slice rest = text, word;
	size_t column = wrap->column;
	bool first = true;

	while (slice_next(&rest, ' ', &word)) {
		size_t n = characters(word);

		if (word.n == 0)
			continue;
		if (!first && column + 1 + n > wrap->width) {
			new_line(out, wrap);
			column = wrap->indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		column = break_word(out, word, column, wrap);
		first = false;
	}
	fputc('\n', out);
}
