/*
 * The value of one setting: from text to the field, and back. Knows the
 * kinds of setting.h and nothing of files.
 */
#ifndef GATEPOST_CONF_VALUE_H
#define GATEPOST_CONF_VALUE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/setting.h"

/*
 * Stores `values` (one, or any number for a list) in the row's field of the
 * struct at `base`. On failure returns -1; err says what is wrong with the
 * value and what is allowed, without naming setting or file.
 */
int value_set(const struct setting *row, struct arena *arena,
	      const struct slice *values, size_t count, void *base,
	      struct err *err);
/* Stores the row's default. A default that does not fit is our own bug. */
void value_set_default(const struct setting *row, struct arena *arena,
		       void *base);
/* The field as it would be written in a file. */
struct slice value_text(const struct setting *row, struct arena *arena,
			const void *base);
/* "a duration from 1s to 60s": what is allowed, for errors and manuals. */
struct slice value_allowed(const struct setting *row, struct arena *arena);
/* Splits "a, b" at commas into trimmed slices in the arena. */
struct slice *value_split(struct arena *arena, struct slice text,
			  size_t *count_r);
/* Reads a decimal number of points such as -1.5. */
bool value_number(struct slice text, double *value_r);

#endif
