/*
 * "Did you mean …?": the nearest of many words by edit distance, where one
 * is near enough to be a slip of the fingers.
 */
#ifndef GATEPOST_BASE_NEAREST_H
#define GATEPOST_BASE_NEAREST_H

#include "common/base/slice.h"

struct nearest {
	struct slice word;
	const char *best;
	size_t distance;
};

struct nearest nearest_begin(struct slice word);
void nearest_offer(struct nearest *nearest, const char *candidate);
/* The nearest candidate, or NULL when none is near. */
const char *nearest_result(const struct nearest *nearest);

#endif
