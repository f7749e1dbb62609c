/* Samples are kept whole and sorted once, so percentiles are exact. */
#include "tests/bench/tally.h"

#include <stdlib.h>
#include <string.h>

static const char *const result_words[RESULT_COUNT] = {
	[RESULT_ACCEPT] = "accept",
	[RESULT_TAG] = "tag",
	[RESULT_QUARANTINE] = "quarantine",
	[RESULT_DISCARD] = "discard",
	[RESULT_REJECT] = "reject",
	[RESULT_TEMPFAIL] = "tempfail",
	[RESULT_LOST] = "lost",
};

static const char *const auth_words[AUTH_WORDS] = {
	"spf=pass",  "spf=fail",   "spf=softfail", "dkim=pass",	 "dkim=fail",
	"dkim=none", "dmarc=pass", "dmarc=fail",   "dmarc=none",
};

const char *result_word(enum result result)
{
	return result_words[result];
}

uint32_t auth_words_in(struct slice text)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < AUTH_WORDS; i++)
		if (slice_search_nocase(text, slice_cstr(auth_words[i])) <
		    text.n)
			bits |= 1u << i;
	return bits;
}

static void make_room(struct tally *t, size_t want)
{
	if (want <= t->room)
		return;
	t->room = want > t->room * 2 ? want : t->room * 2;
	t->whole_us = realloc(t->whole_us, t->room * sizeof(*t->whole_us));
	t->eom_us = realloc(t->eom_us, t->room * sizeof(*t->eom_us));
	if (!t->whole_us || !t->eom_us)
		abort();
}

void tally_add(struct tally *t, const struct message *m,
	       const struct outcome *o)
{
	make_room(t, t->count + 1);
	t->whole_us[t->count] = (uint32_t)o->whole_us;
	t->eom_us[t->count] = (uint32_t)o->eom_us;
	t->count++;
	t->results[m->class][o->result]++;
	for (unsigned i = 0; i < AUTH_WORDS; i++)
		if (o->auth & 1u << i)
			t->auth[m->class][i]++;
}

void tally_merge(struct tally *to, const struct tally *from)
{
	if (from->count == 0)
		return;
	make_room(to, to->count + from->count);
	memcpy(to->whole_us + to->count, from->whole_us,
	       from->count * sizeof(*to->whole_us));
	memcpy(to->eom_us + to->count, from->eom_us,
	       from->count * sizeof(*to->eom_us));
	to->count += from->count;
	for (unsigned c = 0; c < CLASSES_MAX; c++) {
		for (unsigned i = 0; i < RESULT_COUNT; i++)
			to->results[c][i] += from->results[c][i];
		for (unsigned i = 0; i < AUTH_WORDS; i++)
			to->auth[c][i] += from->auth[c][i];
	}
}

void tally_free(struct tally *t)
{
	free(t->whole_us);
	free(t->eom_us);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_latency(const char *name, uint32_t *us, size_t n, FILE *out)
{
	static const struct {
		const char *name;
		size_t per_mille;
	} points[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

	if (n == 0)
		return;
	qsort(us, n, sizeof(*us), by_value);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		/* The smallest sample that so many are not above. */
		size_t rank = (n * points[i].per_mille + 999) / 1000;

		fprintf(out, "%s_ms_%s %.3f\n", name, points[i].name,
			us[rank - 1] / 1000.0);
	}
}

static void print_counts(const char *what, const char *class,
			 const char *const *words, const uint64_t *counts,
			 size_t n, FILE *out)
{
	fprintf(out, "%s %s", what, class);
	for (size_t i = 0; i < n; i++)
		if (counts[i] > 0)
			fprintf(out, " %s:%llu", words[i],
				(unsigned long long)counts[i]);
	fputc('\n', out);
}

void tally_print(struct tally *t, const struct mailset *set, FILE *out)
{
	print_latency("whole", t->whole_us, t->count, out);
	print_latency("eom", t->eom_us, t->count, out);
	for (unsigned c = 0; c < set->class_count; c++) {
		print_counts("action", set->classes[c], result_words,
			     t->results[c], RESULT_COUNT, out);
		print_counts("auth", set->classes[c], auth_words, t->auth[c],
			     AUTH_WORDS, out);
	}
}
