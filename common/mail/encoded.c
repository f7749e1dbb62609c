/* Encoded words. One pass; a decoded word is never longer than its source. */
#include "common/mail/encoded.h"
#include "common/base/base64.h"

#include <string.h>

struct word {
	bool base64;
	struct slice text;
	size_t length; /* from "=?" to "?=" */
};

static bool is_charset_byte(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' ||
	       c == ':' || c == '+' || c == '*';
}

/* Whether an encoded word begins at that place. */
static bool read_word(struct slice text, size_t at, struct word *word_r)
{
	size_t i = at + 2, end;
	char encoding;

	if (i > text.n || text.p[at] != '=' || text.p[at + 1] != '?')
		return false;
	while (i < text.n && is_charset_byte(text.p[i]))
		i++;
	if (i == at + 2 || i + 3 > text.n || text.p[i] != '?' ||
	    text.p[i + 2] != '?')
		return false;
	encoding = ascii_lower(text.p[i + 1]);
	if (encoding != 'b' && encoding != 'q')
		return false;
	end = slice_find(text, i + 3, '?');
	if (end + 1 >= text.n || text.p[end + 1] != '=')
		return false;
	*word_r = (struct word){.base64 = encoding == 'b',
				.text = slice_sub(text, i + 3, end),
				.length = end + 2 - at};
	return true;
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode_q(struct slice text, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int high = -1, low = -1;

		if (text.p[i] == '=' && i + 2 < text.n) {
			high = hex_digit(text.p[i + 1]);
			low = hex_digit(text.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = text.p[i] == '_' ? ' ' : text.p[i];
		}
	}
	return n;
}

/* False where the base64 cannot be read. */
static bool decode_word(struct arena *a, const struct word *word, char *out,
			size_t *n)
{
	struct slice bytes;

	if (!word->base64) {
		*n += decode_q(word->text, out + *n);
		return true;
	}
	if (!base64_decode(a, word->text, &bytes))
		return false;
	if (bytes.n > 0)
		memcpy(out + *n, bytes.p, bytes.n);
	*n += bytes.n;
	return true;
}

static bool is_blank(char c)
{
	return ascii_is_wsp(c) || c == '\r' || c == '\n';
}

struct slice encoded_decode(struct arena *a, struct slice text)
{
	size_t n = 0, i = 0, blanks = 0;
	bool after_word = false; /* only blanks since the last one */
	char *out;

	if (slice_search_nocase(text, SLICE("=?")) == text.n)
		return text;
	out = arena_alloc(a, text.n);
	while (i < text.n) {
		struct word word;

		if (read_word(text, i, &word)) {
			if (after_word)
				n -= blanks;
			if (decode_word(a, &word, out, &n)) {
				i += word.length;
				after_word = true;
				blanks = 0;
				continue;
			}
			n += after_word ? blanks : 0;
		}
		if (is_blank(text.p[i])) {
			blanks++;
		} else {
			after_word = false;
			blanks = 0;
		}
		out[n++] = text.p[i++];
	}
	return (struct slice){out, n};
}
