/*
 * What would have changed the outcome: which findings, and how many points.
 * Findings of a group are capped together, so one of them may go and the
 * score stays; the record has their points with and without the cap.
 */
#include "milter/cli/explain_private.h"

#include <math.h>

#define ITEMS_MAX 6
#define TINY 0.0005 /* scores are rounded to thousandths */

static enum level level_of(struct slice threshold)
{
	if (explain_is(threshold, "reject"))
		return LEVEL_REJECT;
	if (explain_is(threshold, "quarantine"))
		return LEVEL_QUARANTINE;
	if (explain_is(threshold, "add_header"))
		return LEVEL_TAG;
	return LEVEL_WAIT;
}

/* Of mail from users and of hosts we trust, nothing waits. */
static bool may_wait(const struct record *r)
{
	const struct record_check *check = explain_check(r, "greylist");

	return !explain_is(r->direction, "out") &&
	       !(check &&
		 slice_starts_nocase(check->reason, SLICE("switched off")));
}

/* Policy takes the last one that is reached, in their order. */
const struct record_number *explain_reached(const struct record *r,
					    double score)
{
	const struct record_number *reached = NULL;

	for (size_t i = 0; i < r->threshold_count; i++)
		if (score >= r->thresholds[i].value &&
		    (level_of(r->thresholds[i].name) != LEVEL_WAIT ||
		     may_wait(r)))
			reached = &r->thresholds[i];
	return reached;
}

enum level explain_level(const struct record *r, double score)
{
	const struct record_number *reached = explain_reached(r, score);

	return reached ? level_of(reached->name) : LEVEL_ACCEPT;
}

const char *explain_level_words(enum level level)
{
	static const char *const words[] = {
		"accepted",
		"accepted (after greylisting, unless its sender is proven)",
		"tagged as spam", "tagged as certain spam", "refused"};

	return words[level];
}

/* The points of a group's findings that are left, and their cap. */
static double group_points(const struct record *r, const bool *removed,
			   struct slice group)
{
	double all = 0, capped = 0, left = 0;

	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];

		if (s->uncapped <= 0 || !slice_eq(s->group, group))
			continue;
		all += s->uncapped;
		capped += s->score;
		left += removed && removed[i] ? 0 : s->uncapped;
	}
	return all > capped + TINY ? fmin(left, capped) : left;
}

/* Whether a finding's group was counted with an earlier one. */
static bool is_counted(const struct record *r, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (r->symbols[i].uncapped > 0 &&
		    slice_eq(r->symbols[i].group, r->symbols[index].group))
			return true;
	return false;
}

static double sum_without(const struct record *r, const bool *removed)
{
	double sum = 0;

	for (size_t i = 0; i < r->symbol_count; i++) {
		const struct record_symbol *s = &r->symbols[i];

		if (s->group.n == 0 || s->uncapped <= 0)
			sum += removed && removed[i] ? 0 : s->score;
		else if (!is_counted(r, i))
			sum += group_points(r, removed, s->group);
	}
	return sum;
}

/* What is not in the list of findings (a long one is cut) stays. */
double explain_score_without(const struct record *r, const bool *removed)
{
	double score =
		r->score - sum_without(r, NULL) + sum_without(r, removed);

	score = round(score * 1000) / 1000;
	return score == 0 ? 0 : score;
}

struct what_if {
	const struct explain *e;
	const struct record *r;
	enum level level;
	bool *removed; /* all false between two uses */
};

static struct slice number(const struct what_if *w, double value)
{
	return explain_number(w->e->arena, value);
}

static struct slice symbol_text(const struct what_if *w, size_t index)
{
	const struct record_symbol *s = &w->r->symbols[index];

	return arena_printf(w->e->arena, "%.*s (%.*s)",
			    SLICE_FMT(explain_text(w->e->arena, s->name)),
			    SLICE_FMT(explain_points(w->e->arena, s->score)));
}

/* What another score would have meant, told to whom this one's is known. */
static const char *instead(const struct what_if *w, double score)
{
	enum level level = explain_level(w->r, score);

	return level == LEVEL_ACCEPT && w->level == LEVEL_WAIT
		       ? "accepted at once"
		       : explain_level_words(level);
}

static void tell_without(const struct what_if *w, const char *without,
			 struct slice what, double score)
{
	explain_item(w->e, arena_printf(w->e->arena,
					"%s %.*s its score would be %.*s: %s.",
					without, SLICE_FMT(what),
					SLICE_FMT(number(w, score)),
					instead(w, score)));
}

/* Each finding that alone makes the difference. */
static size_t tell_single(const struct what_if *w)
{
	size_t told = 0;

	for (size_t i = 0; i < w->r->symbol_count; i++) {
		double score;

		if (w->r->symbols[i].score == 0)
			continue;
		w->removed[i] = true;
		score = explain_score_without(w->r, w->removed);
		w->removed[i] = false;
		if (explain_level(w->r, score) == w->level)
			continue;
		if (told++ < ITEMS_MAX)
			tell_without(w, "Without", symbol_text(w, i), score);
	}
	if (told > ITEMS_MAX)
		explain_item(w->e, arena_printf(w->e->arena,
						"The same holds for %zu more.",
						told - ITEMS_MAX));
	return told;
}

/* No finding alone: the fewest of the heaviest that do it together. */
static void tell_together(const struct what_if *w)
{
	struct slice names[ITEMS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < w->r->symbol_count && count < ITEMS_MAX; i++) {
		double score;

		if (w->r->symbols[i].score <= 0)
			break;
		w->removed[i] = true;
		names[count++] = symbol_text(w, i);
		score = explain_score_without(w->r, w->removed);
		if (explain_level(w->r, score) >= w->level)
			continue;
		tell_without(w,
			     "No single finding made the difference; without",
			     explain_list(w->e->arena, names, count), score);
		break;
	}
	for (size_t i = 0; i < w->r->symbol_count; i++)
		w->removed[i] = false;
}

/* The nearest threshold above a score that leads to more than `level`. */
static const struct record_number *next_above(const struct record *r,
					      enum level level)
{
	const struct record_number *next = NULL;

	for (size_t i = 0; i < r->threshold_count; i++) {
		const struct record_number *t = &r->thresholds[i];

		if (isfinite(t->value) && t->value > r->score &&
		    explain_level(r, t->value) > level &&
		    (!next || t->value < next->value))
			next = t;
	}
	return next;
}

static void tell_next(const struct what_if *w, const struct record_number *next)
{
	double more = next->value - w->r->score;
	enum level level = explain_level(w->r, next->value);

	explain_item(w->e,
		     arena_printf(w->e->arena,
				  "%.*s more %s would have reached %.*s "
				  "(%.*s): %s.",
				  SLICE_FMT(number(w, more)),
				  explain_point_word(more),
				  SLICE_FMT(next->name),
				  SLICE_FMT(number(w, next->value)),
				  level == LEVEL_WAIT
					  ? "an unproven sender would have had "
					    "to wait"
					  : explain_level_words(level)));
}

/* How far the score is above the last threshold, and from the next. */
static void tell_margins(const struct what_if *w)
{
	const struct record *r = w->r;
	const struct record_number *at = explain_reached(r, r->score);
	const struct record_number *next = next_above(r, w->level);

	if (at)
		explain_item(
			w->e,
			arena_printf(w->e->arena,
				     "The score is %.*s above %.*s (%.*s); "
				     "below that: %s.",
				     SLICE_FMT(number(w, r->score - at->value)),
				     SLICE_FMT(at->name),
				     SLICE_FMT(number(w, at->value)),
				     instead(w, at->value - TINY)));
	if (next)
		tell_next(w, next);
	if (!next || explain_level(r, next->value) != LEVEL_WAIT)
		return;
	next = next_above(r, LEVEL_WAIT);
	if (next)
		tell_next(w, next);
}

static void tell_cause(const struct what_if *w)
{
	static const struct {
		const char *cause, *otherwise;
	} causes[] = {
		{"dmarc",
		 "If the configuration did not follow the domain's wish"},
		{"dns", "With answers from DNS, if they add no points"},
		{"ratelimit", "Within the limit"},
		{"virus", "Without the virus"},
		{"attachment", "Without that attachment"},
		{"unscanned", "Scanned, and found clean"},
		{"greylist", "If it comes back in time"},
	};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (explain_is(w->r->cause, causes[i].cause))
			explain_item(
				w->e,
				arena_printf(
					w->e->arena,
					"%s: %s, by its score of %.*s.",
					causes[i].otherwise,
					w->level == LEVEL_WAIT
						? "accepted"
						: explain_level_words(w->level),
					SLICE_FMT(number(w, w->r->score))));
}

/* Whether the score had a say; else its distances are idle. */
static bool by_points(const struct what_if *w)
{
	if (explain_is(w->r->cause, "greylist"))
		return w->level > LEVEL_ACCEPT;
	return w->r->cause.n == 0 || explain_is(w->r->cause, "score");
}

void explain_what_if(const struct explain *e, const struct record *r)
{
	struct what_if w = {
		.e = e,
		.r = r,
		.level = explain_level(r, r->score),
		.removed = ARENA_ARRAY(e->arena, bool, r->symbol_count + 1)};

	fputs("\nWhat would have changed it\n", e->out);
	if (explain_is(r->cause, "limit")) {
		explain_item(e, SLICE("Nothing that was found: it was not "
				      "judged by its points."));
		return;
	}
	tell_cause(&w);
	if (!by_points(&w))
		return;
	tell_margins(&w);
	if (tell_single(&w) == 0 && w.level > LEVEL_ACCEPT)
		tell_together(&w);
}
