/* One pass over the bytes, and no copy but that of the result. */
#include "milter/scan/decode.h"

/* Shorter ones hide nothing that a signature knows. */
#define RUN_MIN 32
#define LINE_MIN 4

/* Values of the alphabet, and one added: 0 is what does not belong to it. */
static const unsigned char base64_digits[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,	['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

static int base64_value(char c)
{
	return base64_digits[(unsigned char)c] - 1;
}

/* Writes what `have` values of a group make. */
static size_t flush_group(uint32_t group, int have, char *to)
{
	if (have < 2)
		return 0;
	group <<= 6 * (4 - have);
	to[0] = (char)(group >> 16);
	to[1] = (char)(group >> 8);
	to[2] = (char)group;
	return (size_t)have - 1;
}

struct slice decode_base64(struct arena *arena, struct slice text,
			   struct slice *padded_r)
{
	char *to = arena_alloc(arena, text.n / 4 * 3 + text.n % 4 + 4);
	size_t n = 0, padded = SIZE_MAX;
	uint32_t group = 0;
	int have = 0;

	for (size_t i = 0; i < text.n; i++) {
		int value = base64_value(text.p[i]);

		if (value >= 0) {
			group = group << 6 | (uint32_t)value;
			if (++have < 4)
				continue;
		} else if (text.p[i] != '=' || have == 0) {
			continue;
		}
		n += flush_group(group, have, to + n);
		group = 0;
		have = 0;
		if (value < 0 && padded == SIZE_MAX)
			padded = n;
	}
	n += flush_group(group, have, to + n);
	*padded_r = (struct slice){to, padded < n ? padded : n};
	return (struct slice){to, n};
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c)      ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* The byte of "=41" at that place, or -1. */
static int quoted_byte(struct slice text, size_t at)
{
	int high, low;

	if (text.n - at < 3)
		return -1;
	high = hex_value(text.p[at + 1]);
	low = hex_value(text.p[at + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool decode_looks_quoted(struct slice text)
{
	size_t quoted = 0, other = 0;

	for (size_t at = slice_find(text, 0, '='); at < text.n;
	     at = slice_find(text, at + 1, '=')) {
		struct slice rest =
			slice_sub(text, at + 1,
				  slice_find(text, at, '\n'));

		if (slice_trim(rest).n == 0 || quoted_byte(text, at) >= 0)
			quoted++;
		else
			other++;
	}
	return quoted > other;
}

struct slice decode_quoted(struct arena *arena, struct slice text)
{
	char *to = arena_alloc(arena, text.n + 1);
	size_t n = 0, i = 0;

	while (i < text.n) {
		if (text.p[i] != '=') {
			to[n++] = text.p[i++];
		} else if (quoted_byte(text, i) >= 0) {
			to[n++] = (char)quoted_byte(text, i);
			i += 3;
		} else {
			size_t end = slice_find(text, i, '\n');
			struct slice gap = slice_sub(text, i + 1, end);

			/* A soft line break, or a sign that stands alone. */
			if (slice_trim(gap).n > 0 || end == text.n)
				to[n++] = text.p[i++];
			else
				i = end + 1;
		}
	}
	return (struct slice){to, n};
}

/* How many bytes a line claims to hold. */
static size_t uu_length(struct slice line)
{
	return line.n > 0 ? (size_t)((line.p[0] - ' ') & 0x3f) : 0;
}

static size_t decode_uu_line(struct slice line, char *to)
{
	size_t want = uu_length(line);
	size_t n = 0;

	for (size_t i = 1; n < want; i += 4) {
		uint32_t group = 0;

		for (size_t k = 0; k < 4; k++)
			group = group << 6 |
				(i + k < line.n
					 ? (uint32_t)(line.p[i + k] - ' ') &
						   0x3f
					 : 0);
		for (int shift = 16; shift >= 0 && n < want; shift -= 8)
			to[n++] = (char)(group >> shift);
	}
	return n;
}

/* "begin 644 name" */
static bool is_uu_begin(struct slice line, struct slice *name_r)
{
	size_t at;

	if (!slice_starts_nocase(line, SLICE("begin ")) || line.n < 9 ||
	    !ascii_is_digit(line.p[6]))
		return false;
	at = slice_find(line, 6, ' ');
	*name_r = slice_trim(slice_sub(line, at, line.n));
	return name_r->n > 0;
}

/*
 * The next line of a file, without its line end; false after the last. No
 * line of data looks like the beginning of another file.
 */
static bool next_uu_line(struct slice *rest, struct slice *line_r)
{
	struct slice ahead = *rest, name;

	if (!slice_next(&ahead, '\n', line_r) || is_uu_begin(*line_r, &name))
		return false;
	*rest = ahead;
	if (line_r->n > 0 && line_r->p[line_r->n - 1] == '\r')
		line_r->n--;
	return !slice_eq(*line_r, SLICE("end"));
}

bool decode_uu(struct arena *arena, struct slice *rest, struct slice *name_r,
	       struct slice *bytes_r)
{
	struct slice line, ahead;
	size_t n = 0, room = 0;
	char *to;

	do {
		if (!slice_next(rest, '\n', &line))
			return false;
	} while (!is_uu_begin(line, name_r));
	/* A short line may claim a whole one, so the text is no measure. */
	ahead = *rest;
	while (next_uu_line(&ahead, &line))
		room += uu_length(line);
	to = arena_alloc(arena, room + 1);
	while (next_uu_line(rest, &line))
		n += decode_uu_line(line, to + n);
	*bytes_r = (struct slice){to, n};
	return true;
}

bool decode_looks_base64(struct slice text)
{
	struct slice head = slice_sub(text, 0, 4096);
	size_t good = 0, blanks = 0;

	for (size_t i = 0; i < head.n; i++) {
		char c = head.p[i];

		if (c == '\r' || c == '\n')
			blanks++;
		else if (base64_value(c) >= 0 || c == '=')
			good++;
	}
	/* Words have blanks between them. */
	return good >= RUN_MIN && (head.n - good - blanks) * 20 <= good;
}

static bool is_run_line(struct slice line)
{
	size_t good = 0;

	line = slice_trim(line);
	/* A boundary of a multipart is none. */
	if (slice_starts_nocase(line, SLICE("--")))
		return false;
	for (size_t i = 0; i < line.n; i++) {
		if (base64_value(line.p[i]) >= 0 || line.p[i] == '=')
			good++;
		else if (line.p[i] == ' ')
			return false;
	}
	return good >= LINE_MIN && (line.n - good) * 8 <= good;
}

bool decode_next_run(struct slice *rest, struct slice *run_r)
{
	const char *begin = NULL;
	struct slice line;

	while (slice_next(rest, '\n', &line)) {
		if (is_run_line(line)) {
			if (!begin)
				begin = line.p;
			*run_r = (struct slice){
				begin, (size_t)(line.p + line.n - begin)};
			continue;
		}
		if (slice_trim(line).n == 0 && begin)
			continue;
		if (begin && run_r->n >= RUN_MIN)
			return true;
		begin = NULL;
	}
	return begin && run_r->n >= RUN_MIN;
}
