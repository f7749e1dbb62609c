/*
 * Slices: comparison, search, splitting. Nothing here allocates and nothing
 * reads past the length it was given.
 */
#include "common/base/slice.h"

#include <string.h>

struct slice slice_cstr(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

int slice_cmp_nocase(struct slice a, struct slice b)
{
	size_t shorter = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < shorter; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.p[i]);
		unsigned char y = (unsigned char)ascii_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n &&
	       slice_eq_nocase(slice_sub(s, 0, prefix.n), prefix);
}

bool slice_ends_nocase(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	       slice_eq_nocase(slice_sub(s, s.n - suffix.n, s.n), suffix);
}

size_t slice_find(struct slice s, size_t from, char byte)
{
	const char *at;

	if (from >= s.n)
		return s.n;
	at = memchr(s.p + from, byte, s.n - from);
	return at ? (size_t)(at - s.p) : s.n;
}

size_t slice_rfind(struct slice s, char byte)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == byte)
			return i - 1;
	return s.n;
}

size_t slice_search_nocase(struct slice s, struct slice part)
{
	for (size_t i = 0; part.n <= s.n && i <= s.n - part.n; i++)
		if (slice_eq_nocase(slice_sub(s, i, i + part.n), part))
			return i;
	return s.n;
}

struct slice slice_sub(struct slice s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	if (!s.p)
		return s;
	return (struct slice){s.p + from, to - from};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	size_t from = 0, to = s.n;

	while (from < to && is_blank(s.p[from]))
		from++;
	while (to > from && is_blank(s.p[to - 1]))
		to--;
	return slice_sub(s, from, to);
}

bool slice_next(struct slice *rest, char sep, struct slice *head_r)
{
	size_t at;

	if (!rest->p)
		return false;
	at = slice_find(*rest, 0, sep);
	*head_r = slice_sub(*rest, 0, at);
	if (at == rest->n)
		*rest = SLICE_NONE;
	else
		*rest = slice_sub(*rest, at + 1, rest->n);
	return true;
}

bool slice_to_u64(struct slice s, uint64_t *value_r)
{
	uint64_t value = 0;

	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'),
					   &value))
			return false;
	}
	*value_r = value;
	return true;
}

bool slice_is_printable(struct slice s)
{
	unsigned odd = 0;

	/* No early exit: this way the compiler takes many bytes at once. */
	for (size_t i = 0; i < s.n; i++)
		odd |= (unsigned char)(s.p[i] - 0x20) > 0x7e - 0x20;
	return !odd;
}

#define ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTATE(v[1], 13) ^ v[0];
	v[0] = ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = ROTATE(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTATE(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTATE(v[1], 17) ^ v[2];
	v[2] = ROTATE(v[2], 32);
}

uint64_t slice_hash_nocase(struct slice s, const uint64_t key[2])
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u,
			 key[1] ^ 0x646f72616e646f6du,
			 key[0] ^ 0x6c7967656e657261u,
			 key[1] ^ 0x7465646279746573u};
	uint64_t word = 0;

	for (size_t i = 0; i < s.n; i++) {
		word |= (uint64_t)(unsigned char)ascii_lower(s.p[i])
			<< (8 * (i & 7));
		if ((i & 7) == 7) {
			v[3] ^= word;
			sip_round(v);
			v[0] ^= word;
			word = 0;
		}
	}
	word |= (uint64_t)(s.n & 0xff) << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
