/* UTF-8, by RFC 3629: no overlong forms, no surrogates, up to U+10FFFF. */
#include "common/base/utf8.h"

size_t utf8_length(struct slice s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	size_t n = c < 0x80   ? 1
		   : c < 0xc2 ? 0
		   : c < 0xe0 ? 2
		   : c < 0xf0 ? 3
		   : c < 0xf5 ? 4
			      : 0;
	unsigned char next;

	if (n == 0 || n > s.n - i)
		return 0;
	for (size_t k = 1; k < n; k++)
		if (((unsigned char)s.p[i + k] & 0xc0) != 0x80)
			return 0;
	if (n < 3)
		return n;
	next = (unsigned char)s.p[i + 1];
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f))
		return 0;
	return n;
}

static uint32_t code_point(struct slice s, size_t i, size_t n)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)s.p[i] & masks[n];

	for (size_t k = 1; k < n; k++)
		code = code << 6 | ((unsigned char)s.p[i + k] & 0x3f);
	return code;
}

static bool is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},	    {0x7f, 0x9f},     {0xad, 0xad},
		{0x061c, 0x061c},   {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f},   {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
		{0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

size_t utf8_shown_length(struct slice s, size_t i)
{
	size_t n = utf8_length(s, i);

	return n > 0 && is_hidden(code_point(s, i, n)) ? 0 : n;
}

void utf8_add_shown(struct buf *out, struct slice s)
{
	size_t from = 0, i = 0;

	while (i < s.n) {
		size_t n = utf8_shown_length(s, i);

		if (n == 0) {
			buf_add(out, slice_sub(s, from, i));
			buf_printf(out, "\\x%02x", (unsigned char)s.p[i]);
			from = i + 1;
		}
		i += n ? n : 1;
	}
	buf_add(out, slice_sub(s, from, s.n));
}

struct slice utf8_shown(struct arena *arena, struct slice s)
{
	struct buf out = BUF(arena);

	utf8_add_shown(&out, s);
	return buf_slice(&out);
}

void utf8_add_utf16(struct buf *out, struct slice s)
{
	for (size_t i = 0, n; i < s.n && (n = utf8_length(s, i)) > 0; i += n) {
		uint32_t code = code_point(s, i, n);

		if (code < 0x10000) {
			buf_printf(out, "\\u%04x", (unsigned)code);
			continue;
		}
		code -= 0x10000;
		buf_printf(out, "\\u%04x\\u%04x",
			   (unsigned)(0xd800 | code >> 10),
			   (unsigned)(0xdc00 | (code & 0x3ff)));
	}
}

struct slice utf8_cut(struct slice s, size_t max)
{
	if (s.n <= max)
		return s;
	/* A character has three bytes at most that do not begin one. */
	for (size_t back = 0; back <= 3 && back <= max; back++)
		if (((unsigned char)s.p[max - back] & 0xc0) != 0x80)
			return slice_sub(s, 0, max - back);
	return slice_sub(s, 0, max);
}

size_t utf8_count(struct slice s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; count++) {
		size_t n = utf8_length(s, i);

		i += n ? n : 1;
	}
	return count;
}
