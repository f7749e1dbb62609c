/*
 * Points and caps. Overrides are few and kept sorted, so a look-up is a
 * short binary search; a symbol that nobody changed keeps its own default.
 */
#include "milter/engine/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct score_cap score_caps[] = {
	{"rbl_address", 10.0, "DNS lists of client addresses together"},
	{"rbl_domain", 12.5, "DNS lists of domain names together"},
	{"headers", 10.0, "missing, repeated and malformed header fields"},
	{"host", 6.0, "reverse DNS and HELO of the client"},
	{0},
};

#define CAPS (sizeof(score_caps) / sizeof(score_caps[0]) - 1)

struct override {
	const struct symbol *symbol;
	double points;
};

struct score {
	struct override *overrides;
	size_t count;
	double caps[CAPS];
};

static int by_symbol(const void *a, const void *b)
{
	const struct override *x = a, *y = b;

	return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

static int read_caps(struct score *score, const struct conf *conf,
		     struct err *err)
{
	size_t count;
	const struct conf_points *pairs = conf_pairs(conf, "cap", &count);

	for (size_t i = 0; i < CAPS; i++)
		score->caps[i] = score_caps[i].points;
	for (size_t i = 0; i < count; i++) {
		size_t g = 0;

		while (g < CAPS && !slice_eq(pairs[i].name,
					     slice_cstr(score_caps[g].group)))
			g++;
		if (g == CAPS)
			return err_set(err,
				       "%s: there is no group '%.*s'; the "
				       "groups are rbl_address, rbl_domain, "
				       "headers and host",
				       conf_pair_place(conf, &pairs[i]),
				       SLICE_FMT(pairs[i].name));
		score->caps[g] = pairs[i].value;
	}
	return 0;
}

struct score *score_new(struct arena *arena, const struct conf *conf,
			const struct symbol *(*find)(const void *with,
						     struct slice name),
			const char *(*nearest)(const void *with,
					       struct slice name),
			const void *with, struct err *err)
{
	struct score *score = ARENA_NEW(arena, struct score);
	size_t count;
	const struct conf_points *pairs = conf_pairs(conf, "score", &count);

	score->overrides = ARENA_ARRAY(arena, struct override, count + 1);
	for (size_t i = 0; i < count; i++) {
		const struct symbol *symbol = find(with, pairs[i].name);
		const char *near = symbol ? NULL : nearest(with, pairs[i].name);

		if (!symbol) {
			err_set(err, "%s: there is no symbol '%.*s'%s%s%s",
				conf_pair_place(conf, &pairs[i]),
				SLICE_FMT(pairs[i].name),
				near ? "; did you mean '" : "",
				near ? near : "", near ? "'?" : "");
			return NULL;
		}
		score->overrides[score->count++] =
			(struct override){symbol, pairs[i].value};
	}
	qsort(score->overrides, score->count, sizeof(struct override),
	      by_symbol);
	return read_caps(score, conf, err) < 0 ? NULL : score;
}

double score_of(const struct score *score, const struct symbol *symbol)
{
	const struct override key = {symbol, 0};
	const struct override *found =
		bsearch(&key, score->overrides, score->count,
			sizeof(struct override), by_symbol);

	return found ? found->points : symbol->score;
}

double score_cap_of(const struct score *score, const char *group)
{
	for (size_t i = 0; i < CAPS; i++)
		if (strcmp(score_caps[i].group, group) == 0)
			return score->caps[i];
	return INFINITY;
}

/* The points a hit may still add to its group; relief is never capped. */
static double within_cap(const struct score *score, double used[CAPS],
			 const struct hit *hit)
{
	if (!hit->symbol->group || hit->score <= 0)
		return hit->score;
	for (size_t i = 0; i < CAPS; i++) {
		double room;

		if (strcmp(score_caps[i].group, hit->symbol->group) != 0)
			continue;
		room = fmax(0, score->caps[i] - used[i]);
		used[i] += hit->score;
		return fmin(hit->score, room);
	}
	return hit->score;
}

/* Highest points first; what weighs the same keeps its order. */
static void sort_hits(struct verdict *verdict)
{
	for (size_t i = 1; i < verdict->hit_count; i++) {
		struct hit hit = verdict->hits[i];
		size_t k = i;

		for (; k > 0 && verdict->hits[k - 1].score < hit.score; k--)
			verdict->hits[k] = verdict->hits[k - 1];
		verdict->hits[k] = hit;
	}
}

void score_verdict(const struct score *score, struct verdict *verdict)
{
	double used[CAPS] = {0};

	verdict->score = 0;
	for (size_t i = 0; i < verdict->hit_count; i++) {
		struct hit *hit = &verdict->hits[i];

		hit->uncapped = score_of(score, hit->symbol);
		hit->score = hit->uncapped;
		hit->score = within_cap(score, used, hit);
		verdict->score += hit->score;
	}
	/* 4.9999999 after adding tenths must still reach 5. */
	verdict->score = round(verdict->score * 1000) / 1000;
	sort_hits(verdict);
}
