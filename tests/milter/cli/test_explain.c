/* What the score would be without findings, and what that would mean. */
#include "milter/cli/explain_private.h"
#include "tests/support/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct record_number usual[] = {{SLICE("greylist"), 4},
					     {SLICE("add_header"), 6},
					     {SLICE("quarantine"), 10},
					     {SLICE("reject"), 15}};

#define FREE(name, points)                                              \
	{                                                               \
		SLICE(name), (points), SLICE(""), SLICE(""), SLICE(""), \
			(points)                                        \
	}
#define CAPPED(name, points, group, uncapped)                              \
	{                                                                  \
		SLICE(name), (points), SLICE(""), SLICE(""), SLICE(group), \
			(uncapped)                                         \
	}

/* host: 3 + 2 + 2 are capped at 6; headers: 2.5, not capped. */
static const struct record_symbol found[] = {
	CAPPED("H1", 3, "host", 3),	  FREE("F", 2.5),
	CAPPED("M", 2.5, "headers", 2.5), CAPPED("H2", 2, "host", 2),
	CAPPED("H3", 1, "host", 2),	  CAPPED("RELIEF", -0.5, "host", -0.5)};

static const struct record capped = {.direction = SLICE("in"),
				     .score = 10.5,
				     .thresholds = usual,
				     .threshold_count = 4,
				     .symbols = found,
				     .symbol_count = 6};

static void caps_are_counted_in(void **state)
{
	static const struct {
		const char *removed; /* one letter a finding */
		double score;
	} cases[] = {
		{"......", 10.5}, {"x.....", 8.5}, {".x....", 8},
		{"..x...", 8},	  {"...x..", 9.5}, {"....x.", 9.5},
		{".....x", 11},	  {"x..x..", 6.5}, {"x..xx.", 4.5},
		{"xxxxxx", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool removed[6];

		print_message("%s\n", cases[i].removed);
		for (int k = 0; k < 6; k++)
			removed[k] = cases[i].removed[k] == 'x';
		assert_true(explain_score_without(&capped, removed) ==
			    cases[i].score);
	}
}

/* Records of earlier versions have neither groups nor points without cap. */
static void older_records_are_added_up_plainly(void **state)
{
	static const struct record_symbol plain[] = {
		{.name = SLICE("A"), .score = 3},
		{.name = SLICE("B"), .score = 2}};
	const struct record r = {
		.score = 5, .symbols = plain, .symbol_count = 2};
	const bool removed[] = {true, false};

	(void)state;
	assert_true(explain_score_without(&r, removed) == 2);
}

static void levels_follow_the_thresholds(void **state)
{
	static const struct record_number no_reject[] = {
		{SLICE("greylist"), INFINITY},
		{SLICE("add_header"), 6},
		{SLICE("reject"), INFINITY}};
	struct record r = capped, off = capped, sent = capped;
	const struct record_check switched_off = {
		.name = SLICE("greylist"),
		.outcome = SLICE("not run"),
		.reason = SLICE("switched off (greylist.mode)")};

	(void)state;
	assert_int_equal(explain_level(&r, 3.999), LEVEL_ACCEPT);
	assert_int_equal(explain_level(&r, 4), LEVEL_WAIT);
	assert_int_equal(explain_level(&r, 6), LEVEL_TAG);
	assert_int_equal(explain_level(&r, 10), LEVEL_QUARANTINE);
	assert_int_equal(explain_level(&r, 100), LEVEL_REJECT);
	/* Where nothing waits, that threshold means nothing. */
	sent.direction = SLICE("out");
	assert_int_equal(explain_level(&sent, 5), LEVEL_ACCEPT);
	r.checks = &switched_off;
	r.check_count = 1;
	assert_int_equal(explain_level(&r, 5), LEVEL_ACCEPT);
	off.thresholds = no_reject;
	off.threshold_count = 3;
	assert_int_equal(explain_level(&off, 100), LEVEL_TAG);
}

static void what_if_names_what_matters(void **state)
{
	static const struct {
		double score;
		const char *cause;
		const char *says, *says_not;
	} cases[] = {
		/* Alone, H2 would not matter: the cap hides it. */
		{10.5, "score", "Without F (+2.5)", "Without RELIEF"},
		{10.5, "score", "0.5 above quarantine (10)", "more points"},
		{10.5, "dmarc", "did not follow the domain's wish",
		 "Without F"},
		{10.5, "limit", "not judged by its points", "Without F"},
		{10.5, "dns", "With answers from DNS", "above"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = NULL;
		size_t size;
		struct record r = capped;
		struct explain e = {open_memstream(&text, &size), arena_new(0)};

		r.cause = slice_cstr(cases[i].cause);
		r.score = cases[i].score;
		explain_what_if(&e, &r);
		fclose(e.out);
		print_message("%s", text);
		assert_non_null(strstr(text, cases[i].says));
		if (i != 1)
			assert_null(strstr(text, cases[i].says_not));
		free(text);
		arena_free(&e.arena);
	}
}

static void numbers_have_no_idle_digits(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0"},	    {-0.0001, "0"},    {4, "+4"},
		     {2.5, "+2.5"}, {-0.2, "-0.2"},    {1.125, "+1.125"},
		     {100, "+100"}, {INFINITY, "+off"}};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(slice_eq(explain_points(a, cases[i].value),
				     slice_cstr(cases[i].text)));
	assert_true(slice_eq(explain_number(a, INFINITY), SLICE("off")));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caps_are_counted_in),
		cmocka_unit_test(older_records_are_added_up_plainly),
		cmocka_unit_test(levels_follow_the_thresholds),
		cmocka_unit_test(what_if_names_what_matters),
		cmocka_unit_test(numbers_have_no_idle_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
