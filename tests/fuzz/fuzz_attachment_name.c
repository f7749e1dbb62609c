/*
 * Fuzz target: a pattern, a NUL byte, and a file name. The quick matcher
 * must say the same as one that tries all there is.
 */
#include "milter/checks/attachments_match.h"
#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define SHORT 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * By a table over the ends of both: fits[t] says whether what follows in
 * the pattern matches what follows `t` in the text.
 */
static bool matches_slowly(struct slice pattern, struct slice text)
{
	bool fits[SHORT + 2] = {false}, next[SHORT + 2];

	fits[text.n] = true;
	for (size_t p = pattern.n; p-- > 0;) {
		memcpy(next, fits, sizeof(next));
		for (size_t t = text.n + 1; t-- > 0;) {
			size_t length = t < text.n ? utf8_length(text, t) : 0;

			if (t < text.n && length == 0)
				length = 1;
			if (pattern.p[p] == '*')
				fits[t] = next[t] ||
					  (length > 0 && fits[t + length]);
			else if (pattern.p[p] == '?')
				fits[t] = length > 0 && next[t + length];
			else
				fits[t] = t < text.n &&
					  ascii_lower(pattern.p[p]) ==
						  ascii_lower(text.p[t]) &&
					  next[t + 1];
		}
	}
	return fits[0];
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static void try_pattern(struct slice pattern, struct slice name)
{
	bool got = attachment_pattern_matches(pattern, name);

	/* Half a character in a pattern may fit or not. */
	if (pattern.n <= SHORT && name.n <= SHORT && is_ascii(pattern) &&
	    got != matches_slowly(pattern, name))
		abort();
	if (!attachment_pattern_matches(SLICE("*"), name))
		abort();
}

static void try_name(struct arena *arena, struct slice raw)
{
	struct slice name = attachment_name_normalise(arena, raw), stem, end;
	struct slice again = attachment_name_normalise(arena, name);

	if (name.n > raw.n || !slice_eq(name, again))
		abort();
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == '/' ||
		    name.p[i] == '\\')
			abort();
	if (name.n > 0 && (name.p[name.n - 1] == '.' ||
			   name.p[name.n - 1] == ' ' || name.p[0] == ' '))
		abort();
	end = attachment_extension(name, &stem);
	if (stem.n + end.n > name.n || slice_find(end, 0, '.') < end.n)
		abort();
	if (attachment_name_is_double(name) && end.n == 0)
		abort();
	(void)attachment_name_is_harmless(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size};
	size_t end = slice_find(all, 0, '\0');
	struct slice pattern = slice_sub(all, 0, end);
	struct slice name = slice_sub(all, end + 1, size);
	struct arena *arena = arena_new(0);

	try_name(arena, name);
	try_pattern(pattern, name);
	try_pattern(pattern, attachment_name_normalise(arena, name));
	arena_free(&arena);
	return 0;
}
