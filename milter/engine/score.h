/*
 * Points: what each symbol weighs after the configuration's `score { }`,
 * and how many points a group of symbols may add at most (`cap { }`).
 */
#ifndef GATEPOST_ENGINE_SCORE_H
#define GATEPOST_ENGINE_SCORE_H

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "milter/engine/verdict.h"

struct score;

struct score_cap {
	const char *group;
	double points;		/* default */
	const char *doc;
};
/* NULL-group ended. */
extern const struct score_cap score_caps[];

/*
 * `find` finds a symbol of the engine by name; names in `score { }` and
 * `cap { }` that do not exist are errors, with a suggestion when `nearest`
 * knows one.
 */
struct score *score_new(struct arena *arena, const struct conf *conf,
			const struct symbol *(*find)(const void *with,
						     struct slice name),
			const char *(*nearest)(const void *with,
					       struct slice name),
			const void *with, struct err *err);
double score_of(const struct score *score, const struct symbol *symbol);
double score_cap_of(const struct score *score, const char *group);
/*
 * Fills the points of every hit, caps applied, and the sum; then puts the
 * hits in the order of their points.
 */
void score_verdict(const struct score *score, struct verdict *verdict);

#endif
