/* Each power of two from 64 on is cut into 64 buckets of one width. */
#include "tests/bench/histogram.h"

#include <stddef.h>

#define STEPS 64

static size_t bucket_of(uint64_t us)
{
	unsigned shift = 0;
	size_t bucket;

	while (us >> shift >= 2 * STEPS)
		shift++;
	bucket = shift * STEPS + (size_t)(us >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The longest duration that is counted in that bucket. */
static uint64_t bucket_end(size_t bucket)
{
	size_t shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;

	return ((uint64_t)(bucket - shift * STEPS + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, int64_t us)
{
	h->bucket[bucket_of(us > 0 ? (uint64_t)us : 0)]++;
	h->count++;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
}

double histogram_ms(const struct histogram *h, unsigned per_mille)
{
	uint64_t rank = (h->count * per_mille + 999) / 1000, seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= rank && seen > 0)
			return (double)bucket_end(i) / 1000.0;
	}
	return 0;
}
