/* Base64. Strict about the alphabet, since its text comes from outside. */
#include "common/base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

struct slice base64_encode(struct arena *a, struct slice bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	char *out = arena_alloc(a, bytes.n / 3 * 4 + 5);
	size_t n = 0, i = 0;

	for (; i + 2 < bytes.n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | in[i + 1] << 8 | in[i + 2];

		out[n++] = alphabet[v >> 18];
		out[n++] = alphabet[v >> 12 & 63];
		out[n++] = alphabet[v >> 6 & 63];
		out[n++] = alphabet[v & 63];
	}
	if (i < bytes.n) {
		bool two = i + 1 < bytes.n;
		uint32_t v = (uint32_t)in[i] << 16 | (two ? in[i + 1] << 8 : 0);

		out[n++] = alphabet[v >> 18];
		out[n++] = alphabet[v >> 12 & 63];
		out[n++] = two ? alphabet[v >> 6 & 63] : '=';
		out[n++] = '=';
	}
	return (struct slice){out, n};
}

/* 0 to 63, or -1. */
static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_blank(char c)
{
	return ascii_is_wsp(c) || c == '\r' || c == '\n';
}

bool base64_decode(struct arena *a, struct slice text, struct slice *bytes_r)
{
	char *out = arena_alloc(a, text.n / 4 * 3 + 3);
	size_t n = 0, digits = 0, padding = 0;
	uint32_t bits = 0;

	*bytes_r = SLICE_NONE;
	for (size_t i = 0; i < text.n; i++) {
		int digit = digit_of(text.p[i]);

		if (is_blank(text.p[i]))
			continue;
		if (text.p[i] == '=') {
			padding++;
			continue;
		}
		if (digit < 0 || padding > 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (digits++ % 4 != 0)
			out[n++] = (char)(bits >> (8 - digits % 4 * 2) % 8);
	}
	if (digits % 4 == 1 || (padding > 0 && (digits + padding) % 4 != 0) ||
	    padding > 2)
		return false;
	*bytes_r = (struct slice){out, n};
	return true;
}
