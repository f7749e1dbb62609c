/* Edit distance (Levenshtein, ASCII without case) over short words. */
#include "common/base/nearest.h"

#define WORD_MAX 63

static size_t least(size_t a, size_t b, size_t c)
{
	size_t d = a < b ? a : b;

	return d < c ? d : c;
}

static size_t distance(struct slice a, struct slice b)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t above = row[j];
			bool same = ascii_lower(a.p[i - 1]) ==
				    ascii_lower(b.p[j - 1]);

			row[j] = least(above + 1, row[j - 1] + 1,
				       diagonal + !same);
			diagonal = above;
		}
	}
	return row[b.n];
}

struct nearest nearest_begin(struct slice word)
{
	/* One slip in three letters, at most three. */
	size_t most = word.n / 3;

	return (struct nearest){slice_sub(word, 0, WORD_MAX), NULL,
				(most > 3 ? 3 : most) + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	struct slice other = slice_cstr(candidate);
	size_t d;

	if (other.n > WORD_MAX)
		return;
	d = distance(nearest->word, other);
	if (d < nearest->distance) {
		nearest->distance = d;
		nearest->best = candidate;
	}
}

const char *nearest_result(const struct nearest *nearest)
{
	return nearest->best;
}
