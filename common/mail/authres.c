/*
 * Authentication-Results, RFC 8601 2.2. Reading stops at the authserv-id,
 * all that the removal of forged fields needs. Building never trusts a
 * value: what is no token and no plain address is written as a
 * quoted-string, and control characters are replaced.
 */
#include "common/mail/authres.h"

#include "common/base/buf.h"
#include "common/mail/domain.h"

/* Even when every byte is escaped, a line stays below 998 (RFC 5322). */
#define VALUE_MAX 400
#define LINE_MAX_WANTED 78

/* ---- Reading ---- */

struct reader {
	struct slice s;
	size_t at;
};

static bool reader_more(const struct reader *r)
{
	return r->at < r->s.n;
}

static char reader_peek(const struct reader *r)
{
	return r->s.p[r->at];
}

/* Skips a comment; nesting costs no stack. False when it never ends. */
static bool skip_comment(struct reader *r)
{
	size_t depth = 0;

	while (reader_more(r)) {
		char c = r->s.p[r->at++];

		if (c == '\\') {
			if (!reader_more(r))
				return false;
			r->at++;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			return true;
		}
	}
	return false;
}

static bool skip_cfws(struct reader *r)
{
	while (reader_more(r)) {
		char c = reader_peek(r);

		if (c == '(') {
			if (!skip_comment(r))
				return false;
		} else if (ascii_is_wsp(c) || c == '\r' || c == '\n') {
			r->at++;
		} else {
			break;
		}
	}
	return true;
}

/* token of RFC 2045 5.1, with UTF-8 as RFC 6532 adds it. */
static bool is_token_byte(char c)
{
	static const struct slice specials = {"()<>@,;:\\\"/[]?=", 15};
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != 0x7f &&
	       slice_find(specials, 0, c) == specials.n;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool read_token(struct reader *r, struct slice *token_r)
{
	size_t from = r->at;

	while (reader_more(r) && is_token_byte(reader_peek(r)))
		r->at++;
	*token_r = slice_sub(r->s, from, r->at);
	return token_r->n > 0;
}

static bool read_quoted(struct arena *a, struct reader *r, struct slice *text_r)
{
	struct buf text = BUF(a);

	r->at++;
	while (reader_more(r)) {
		char c = r->s.p[r->at++];

		if (c == '"') {
			*text_r = buf_slice(&text);
			return text_r->n > 0;
		}
		if (c == '\\') {
			if (!reader_more(r))
				return false;
			c = r->s.p[r->at++];
		} else if (c == '\r' || c == '\n') {
			continue; /* a fold; the blank after it stays */
		}
		if (is_control(c) && c != '\t')
			return false;
		buf_add_char(&text, c);
	}
	return false;
}

/* [CFWS 1*DIGIT] [CFWS] and then ";" or the end. */
static bool ends_as_it_should(struct reader *r)
{
	size_t before = r->at;

	if (!skip_cfws(r))
		return false;
	if (reader_more(r) && ascii_is_digit(reader_peek(r)) &&
	    r->at > before) {
		while (reader_more(r) && ascii_is_digit(reader_peek(r)))
			r->at++;
		if (!skip_cfws(r))
			return false;
	}
	return !reader_more(r) || reader_peek(r) == ';';
}

bool authres_parse_id(struct arena *a, struct slice value, struct slice *id_r)
{
	struct reader r = {value, 0};
	struct slice id;
	bool ok;

	*id_r = SLICE_NONE;
	if (!skip_cfws(&r) || !reader_more(&r))
		return false;
	ok = reader_peek(&r) == '"' ? read_quoted(a, &r, &id)
				    : read_token(&r, &id);
	if (!ok || !ends_as_it_should(&r))
		return false;
	*id_r = id;
	return true;
}

bool authres_is_forged(struct arena *a, struct slice value, struct slice ours)
{
	struct slice id, id_name, our_name;

	if (!authres_parse_id(a, value, &id) || slice_eq_nocase(id, ours))
		return true;
	return domain_normalise(a, id, &id_name) &&
	       domain_normalise(a, ours, &our_name) &&
	       slice_eq(id_name, our_name);
}

/* ---- Building ---- */

/* Length of the UTF-8 sequence at s.p[at], or 0 where it is none. */
static size_t utf8_length(struct slice s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;
	size_t n = p[0] < 0xc2	 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (n == 0 || at + n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/*
 * What of a value can stand in a header field: at most VALUE_MAX bytes of
 * whole characters; controls and broken UTF-8 become '?'.
 */
static struct slice printable(struct arena *a, struct slice value)
{
	struct buf out = BUF(a);
	size_t i = 0;

	while (i < value.n && out.n < VALUE_MAX) {
		size_t n = 1;

		if ((unsigned char)value.p[i] >= 0x80)
			n = utf8_length(value, i);
		if (n == 0 || is_control(value.p[i])) {
			buf_add_char(&out, '?');
			i++;
			continue;
		}
		if (out.n + n > VALUE_MAX)
			break;
		buf_add(&out, slice_sub(value, i, i + n));
		i += n;
	}
	return buf_slice(&out);
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_byte(s.p[i]))
			return false;
	return s.n > 0;
}

/* [dot-atom] "@" domain: the one form a pvalue may take besides `value`. */
static bool is_plain_address(struct slice s)
{
	size_t at = slice_rfind(s, '@');

	if (at == s.n || !is_token(slice_sub(s, at + 1, s.n)))
		return false;
	for (size_t i = 0; i < at; i++)
		if (!is_token_byte(s.p[i]) && s.p[i] != '/' && s.p[i] != '=' &&
		    s.p[i] != '?')
			return false;
	return true;
}

static void add_value(struct buf *out, struct slice value)
{
	struct slice text = printable(out->arena, value);

	if (is_token(text) || is_plain_address(text))
		buf_add(out, text);
	else
		buf_add_quoted(out, text);
}

static void add_comment(struct buf *out, struct slice comment)
{
	struct slice text = printable(out->arena, comment);

	buf_add_char(out, '(');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '(' || text.p[i] == ')' || text.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, text.p[i]);
	}
	buf_add_char(out, ')');
}

/* Adds a piece on the line that is open, or on a new one. */
static void add_piece(struct buf *out, size_t *column, struct slice piece)
{
	if (*column + 1 + piece.n > LINE_MAX_WANTED) {
		buf_add_text(out, "\n\t");
		*column = 8;
	} else {
		buf_add_char(out, ' ');
		(*column)++;
	}
	buf_add(out, piece);
	*column += piece.n;
}

static void add_result(struct buf *out, const struct authres_result *result)
{
	size_t before = out->n, column;
	struct buf piece = BUF(out->arena);

	buf_printf(out, ";\n\t%s=%s", result->method, result->word);
	column = 8 + out->n - before - 3;
	if (result->comment.n > 0) {
		add_comment(&piece, result->comment);
		add_piece(out, &column, buf_slice(&piece));
	}
	if (result->reason.n > 0) {
		piece = BUF(out->arena);
		buf_add_text(&piece, "reason=");
		buf_add_quoted(&piece, printable(out->arena, result->reason));
		add_piece(out, &column, buf_slice(&piece));
	}
	for (size_t i = 0; i < result->property_count; i++) {
		const struct authres_property *p = &result->properties[i];

		if (p->value.n == 0)
			continue;
		piece = BUF(out->arena);
		buf_printf(&piece, "%s.%s=", p->ptype, p->name);
		add_value(&piece, p->value);
		add_piece(out, &column, buf_slice(&piece));
	}
}

const char *authres_build(struct arena *a, struct slice authserv_id,
			  const struct authres_result *results, size_t count)
{
	struct buf out = BUF(a);
	struct slice id = printable(a, authserv_id);

	if (is_token(id))
		buf_add(&out, id);
	else
		buf_add_quoted(&out, id);
	if (count == 0)
		buf_add_text(&out, "; none");
	for (size_t i = 0; i < count; i++)
		add_result(&out, &results[i]);
	return arena_cstr(a, buf_slice(&out));
}
