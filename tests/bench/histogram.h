/*
 * How long many things took, in a fixed space: counts per duration, 1 to
 * 127 us exact, longer ones within 1.6 per cent.
 */
#ifndef GATEPOST_TESTS_BENCH_HISTOGRAM_H
#define GATEPOST_TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 2048

struct histogram {
	uint64_t count;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, int64_t us);
void histogram_merge(struct histogram *to, const struct histogram *from);
/* The smallest duration that so many of a thousand are not above. */
double histogram_ms(const struct histogram *h, unsigned per_mille);

#endif
