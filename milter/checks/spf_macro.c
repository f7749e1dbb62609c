/*
 * Macro strings of SPF (RFC 7208 section 7). One reader of pieces serves
 * the grammar check and both expansions, so they cannot disagree. Output
 * goes to fixed rooms: a name needs only its last 253 bytes, and a text
 * that outgrows its room is given up, so no record can make us copy much.
 */
#include "milter/checks/spf_macro.h"
#include "common/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A run of literal bytes (letter is 0), or one expansion. */
struct piece {
	struct slice literal;
	char letter;   /* as written: upper case wants escaping */
	unsigned keep; /* right-hand parts to keep; 0: all */
	bool reverse;
	struct slice delimiters;
};

#define KEEP_MOST 1000000

/* "%%", "%_" and "%-". */
static bool read_escape(struct slice rest, struct piece *piece_r)
{
	if (rest.n < 2)
		return false;
	switch (rest.p[1]) {
	case '%':
		piece_r->literal = SLICE("%");
		return true;
	case '_':
		piece_r->literal = SLICE(" ");
		return true;
	case '-':
		piece_r->literal = SLICE("%20");
		return true;
	}
	return false;
}

static bool is_one_of(struct slice set, char c)
{
	return slice_find(set, 0, c) < set.n;
}

/* What stands between "%{" and "}". */
static bool read_expansion(struct slice body, struct piece *piece_r)
{
	bool digits = false;
	size_t i = 1;

	if (body.n == 0 ||
	    !is_one_of(SLICE("slodiphcrtv"), ascii_lower(body.p[0])))
		return false;
	piece_r->letter = body.p[0];
	for (; i < body.n && ascii_is_digit(body.p[i]); i++) {
		digits = true;
		piece_r->keep =
			piece_r->keep * 10 + (unsigned)(body.p[i] - '0');
		if (piece_r->keep > KEEP_MOST)
			piece_r->keep = KEEP_MOST;
	}
	if (digits && piece_r->keep == 0)
		return false;
	if (i < body.n && ascii_lower(body.p[i]) == 'r') {
		piece_r->reverse = true;
		i++;
	}
	piece_r->delimiters = slice_sub(body, i, body.n);
	for (; i < body.n; i++)
		if (!is_one_of(SLICE(".-+,/_="), body.p[i]))
			return false;
	return true;
}

/* 1: a piece was read; 0: the end; -1: the grammar does not hold. */
static int next_piece(struct slice *rest, struct piece *piece_r)
{
	size_t end;

	*piece_r = (struct piece){0};
	if (rest->n == 0)
		return 0;
	if (rest->p[0] != '%') {
		end = slice_find(*rest, 0, '%');
		piece_r->literal = slice_sub(*rest, 0, end);
		*rest = slice_sub(*rest, end, rest->n);
		return 1;
	}
	if (read_escape(*rest, piece_r)) {
		*rest = slice_sub(*rest, 2, rest->n);
		return 1;
	}
	end = slice_find(*rest, 0, '}');
	if (rest->n < 2 || rest->p[1] != '{' || end == rest->n ||
	    !read_expansion(slice_sub(*rest, 2, end), piece_r))
		return -1;
	*rest = slice_sub(*rest, end + 1, rest->n);
	return 1;
}

/* c, r and t are for explanations only (7.2). */
static bool is_for_text(const struct piece *piece)
{
	char letter = ascii_lower(piece->letter);

	return letter == 'c' || letter == 'r' || letter == 't';
}

const char *spf_macro_check_string(struct slice text)
{
	struct piece piece;
	int rc;

	while ((rc = next_piece(&text, &piece)) == 1)
		if (is_for_text(&piece))
			return "uses a macro that is for explanations only";
	return rc == 0 ? NULL : "holds a macro that cannot be read";
}

/* toplabel: letters, digits, inner hyphens; not of digits alone. */
static bool is_toplabel(struct slice label)
{
	bool digits = true;

	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
		digits = digits && ascii_is_digit(label.p[i]);
	}
	return !digits;
}

/* domain-end: "." toplabel [ "." ], or an expansion. */
const char *spf_macro_check_domain(struct slice spec)
{
	const char *what = spf_macro_check_string(spec);
	struct slice rest = spec;
	struct piece piece, last = {0};
	bool literal = false;
	size_t dot;

	if (what)
		return what;
	if (spec.n == 0)
		return "lacks its domain name";
	while (rest.n > 0) {
		literal = rest.p[0] != '%';
		if (next_piece(&rest, &piece) == 1)
			last = piece;
	}
	if (!literal || last.literal.n == 0)
		return NULL;
	if (last.literal.p[last.literal.n - 1] == '.')
		last.literal.n--;
	dot = slice_rfind(last.literal, '.');
	if (dot == last.literal.n ||
	    !is_toplabel(slice_sub(last.literal, dot + 1, last.literal.n)))
		return "does not end in a domain name";
	return NULL;
}

bool spf_macro_wants_validated(struct slice text)
{
	struct piece piece;

	while (next_piece(&text, &piece) == 1)
		if (ascii_lower(piece.letter) == 'p')
			return true;
	return false;
}

/* ---- expansion ---- */

struct sink {
	char *p;
	size_t n, room;
	bool tail; /* full: forget what is farthest left */
	bool overflow;
};

static void sink_add(struct sink *sink, char c)
{
	if (sink->n == sink->room) {
		sink->overflow = true;
		if (!sink->tail)
			return;
		sink->n /= 2;
		memmove(sink->p, sink->p + sink->room - sink->n, sink->n);
	}
	sink->p[sink->n++] = c;
}

/* Unreserved characters (RFC 3986 2.3) stay as they are. */
static void sink_escape(struct sink *sink, char c)
{
	static const char hex[] = "0123456789ABCDEF";

	if (ascii_is_alnum(c) || is_one_of(SLICE("-._~"), c)) {
		sink_add(sink, c);
		return;
	}
	sink_add(sink, '%');
	sink_add(sink, hex[(unsigned char)c >> 4]);
	sink_add(sink, hex[(unsigned char)c & 15]);
}

static void sink_part(struct sink *sink, struct slice part, bool escape)
{
	for (size_t i = 0; i < part.n; i++) {
		if (escape)
			sink_escape(sink, part.p[i]);
		else
			sink_add(sink, part.p[i]);
	}
}

static bool splits(const struct piece *piece, char c)
{
	struct slice set = piece->delimiters;

	return set.n == 0 ? c == '.' : is_one_of(set, c);
}

/* The offset at which the last `keep` parts begin. */
static size_t tail_start(struct slice value, const struct piece *piece)
{
	unsigned seen = 0;
	size_t i = value.n;

	while (piece->keep > 0 && i > 0) {
		if (splits(piece, value.p[i - 1]) && ++seen == piece->keep)
			return i;
		i--;
	}
	return 0;
}

/* The offset at which the first `keep` parts end. */
static size_t head_end(struct slice value, const struct piece *piece)
{
	unsigned seen = 0;
	size_t i = 0;

	for (; piece->keep > 0 && i < value.n; i++)
		if (splits(piece, value.p[i]) && ++seen == piece->keep)
			return i;
	return value.n;
}

/* Reversal comes first, so the right-hand parts are then the first ones. */
static void transform(struct sink *sink, struct slice value,
		      const struct piece *piece)
{
	bool escape = piece->letter >= 'A' && piece->letter <= 'Z';
	size_t end;

	if (!piece->reverse) {
		value = slice_sub(value, tail_start(value, piece), value.n);
		for (size_t i = 0; i < value.n; i++) {
			char c = splits(piece, value.p[i]) ? '.' : value.p[i];

			sink_part(sink, (struct slice){&c, 1}, escape);
		}
		return;
	}
	end = head_end(value, piece);
	for (size_t i = end; i > 0; i--) {
		if (!splits(piece, value.p[i - 1]))
			continue;
		sink_part(sink, slice_sub(value, i, end), escape);
		sink_add(sink, '.');
		end = i - 1;
	}
	sink_part(sink, slice_sub(value, 0, end), escape);
}

#define ADDRESS_ROOM 64

/* %{i}: dotted quad, or dotted nibbles. */
static struct slice address_parts(const struct ip *ip, char room[ADDRESS_ROOM])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (ip->family != IP_V6) {
		n = (size_t)snprintf(room, ADDRESS_ROOM, "%u.%u.%u.%u",
				     ip->b[0], ip->b[1], ip->b[2], ip->b[3]);
		return (struct slice){room, n};
	}
	for (size_t i = 0; i < 16; i++) {
		room[n++] = hex[ip->b[i] >> 4];
		room[n++] = '.';
		room[n++] = hex[ip->b[i] & 15];
		room[n++] = '.';
	}
	return (struct slice){room, n - 1};
}

static struct slice value_of(char letter, const struct spf_values *values,
			     char room[ADDRESS_ROOM])
{
	size_t at = slice_rfind(values->sender, '@');

	switch (ascii_lower(letter)) {
	case 's':
		return values->sender;
	case 'l':
		return slice_sub(values->sender, 0, at);
	case 'o':
		return slice_sub(values->sender, at + 1, values->sender.n);
	case 'd':
		return values->domain;
	case 'p':
		return values->validated;
	case 'h':
		return values->helo;
	case 'r':
		return values->receiver;
	case 'v':
		return values->client->family == IP_V6 ? SLICE("ip6")
						       : SLICE("in-addr");
	case 'i':
		return address_parts(values->client, room);
	case 't':
		return (struct slice){room, (size_t)snprintf(room, ADDRESS_ROOM,
							     "%" PRId64,
							     clock_wall())};
	}
	return SLICE_NONE;
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

bool spf_macro_matches_nothing(struct slice spec,
			       const struct spf_values *values)
{
	size_t at = slice_rfind(values->sender, '@');
	struct piece piece;

	if (is_ascii(slice_sub(values->sender, 0, at)))
		return false;
	while (next_piece(&spec, &piece) == 1) {
		char letter = ascii_lower(piece.letter);

		if (letter == 'l' || letter == 's')
			return true;
	}
	return false;
}

/* Cuts labels off the left until the name fits; false if none is left. */
static bool cut_to_fit(struct slice *name)
{
	while (name->n > SPF_NAME_MAX) {
		size_t dot = slice_find(*name, 0, '.');

		if (dot == name->n)
			return false;
		*name = slice_sub(*name, dot + 1, name->n);
	}
	return true;
}

static bool can_be_asked(struct slice name)
{
	struct slice rest = name, label;

	if (name.n == 0 || slice_find(name, 0, ' ') < name.n ||
	    !slice_is_printable(name))
		return false;
	while (slice_next(&rest, '.', &label))
		if (label.n == 0 || label.n > 63)
			return false;
	return true;
}

bool spf_macro_expand_domain(struct slice spec, const struct spf_values *values,
			     char room[SPF_NAME_MAX], struct slice *name_r)
{
	char whole[4 * SPF_NAME_MAX], address[ADDRESS_ROOM];
	struct sink sink = {.p = whole, .room = sizeof(whole), .tail = true};
	struct piece piece;
	struct slice name;

	*name_r = SLICE_NONE;
	if (spf_macro_matches_nothing(spec, values))
		return false;
	while (next_piece(&spec, &piece) == 1) {
		if (piece.letter)
			transform(&sink,
				  value_of(piece.letter, values, address),
				  &piece);
		else
			sink_part(&sink, piece.literal, false);
	}
	name = (struct slice){whole, sink.n};
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (!cut_to_fit(&name) || !can_be_asked(name))
		return false;
	memcpy(room, name.p, name.n);
	*name_r = (struct slice){room, name.n};
	return true;
}

bool spf_macro_expand_text(struct arena *a, struct slice text,
			   const struct spf_values *values,
			   struct slice *text_r)
{
	char whole[SPF_TEXT_MAX], address[ADDRESS_ROOM];
	struct sink sink = {.p = whole, .room = sizeof(whole)};
	struct piece piece;
	int rc;

	*text_r = SLICE_NONE;
	while ((rc = next_piece(&text, &piece)) == 1) {
		struct slice value = piece.literal;

		if (ascii_lower(piece.letter) == 'c')
			value = ip_text(a, values->client);
		else if (piece.letter)
			value = value_of(piece.letter, values, address);
		if (piece.letter)
			transform(&sink, value, &piece);
		else
			sink_part(&sink, value, false);
	}
	if (rc != 0 || sink.overflow ||
	    !slice_is_printable((struct slice){whole, sink.n}))
		return false;
	*text_r = arena_dup(a, (struct slice){whole, sink.n});
	return true;
}
