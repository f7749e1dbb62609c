/*
 * A slice: bytes we look at but do not own. Every byte that came from
 * outside travels as a slice, so its length is always known. A slice is
 * never NUL-terminated by contract; use arena_cstr() to call a foreign
 * function that wants that.
 */
#ifndef GATEPOST_BASE_SLICE_H
#define GATEPOST_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice over a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})
/* For printf: "%.*s", SLICE_FMT(s). */
#define SLICE_FMT(s) ((int)((s).n > 8192 ? 8192 : (s).n)), ((s).p ? (s).p : "")

/* Views a C string of ours (NULL gives an empty slice). */
struct slice slice_cstr(const char *text);

bool slice_eq(struct slice a, struct slice b);
/* Compares ASCII letters without case; other bytes exactly. */
bool slice_eq_nocase(struct slice a, struct slice b);
/* Order for qsort and bsearch: <0, 0, >0, ASCII letters without case. */
int slice_cmp_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends_nocase(struct slice s, struct slice suffix);
/* Index of the first `byte` at or after `from`, or s.n. */
size_t slice_find(struct slice s, size_t from, char byte);
/* Index of the last `byte`, or s.n. */
size_t slice_rfind(struct slice s, char byte);
/* Index of the first occurrence of `part` without case, or s.n. */
size_t slice_search_nocase(struct slice s, struct slice part);
/* The part [from, to), clamped to s. */
struct slice slice_sub(struct slice s, size_t from, size_t to);
/* Without leading and trailing SP, HTAB, CR and LF. */
struct slice slice_trim(struct slice s);
/*
 * Splits at the first `sep`: *head_r is what stands before it, *rest what
 * follows. Returns false when *rest was exhausted (no piece is left); an
 * empty last piece is a piece. To start, set rest->p to non-NULL.
 */
bool slice_next(struct slice *rest, char sep, struct slice *head_r);
/* Reads s whole as an unsigned decimal; false on anything else. */
bool slice_to_u64(struct slice s, uint64_t *value_r);
/* True if every byte is printable ASCII (0x20 to 0x7e). */
bool slice_is_printable(struct slice s);
/* FNV-free keyed hash (SipHash-1-3), ASCII letters folded. */
uint64_t slice_hash_nocase(struct slice s, const uint64_t key[2]);

static inline bool slice_empty(struct slice s)
{
	return s.n == 0;
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

static inline bool ascii_is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

#endif
