/*
 * The text of the metrics: whole, against what stands in metrics.text and
 * metrics.openmetrics beside this file (the version and the time of the
 * start left out), and what must hold of it whatever the counters say.
 */
#include "milter/daemon/metrics.h"
#include "milter/daemon/names.h"
#include "milter/engine/policy.h"
#include "tests/milter/daemon/metrics_sample.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *write_text(struct arena *arena,
			      const struct counters *counters,
			      enum metrics_format format)
{
	struct buf out = BUF(arena);

	metrics_write(&out, counters, format);
	buf_add_char(&out, '\0');
	return out.p;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Copies without the lines that differ from run to run. */
static char *steady(struct arena *arena, const char *text)
{
	struct buf out = BUF(arena);

	while (*text) {
		size_t n = strcspn(text, "\n") + 1;

		if (!begins(text, "gatepost_start_time_seconds ") &&
		    !begins(text, "gatepost_build_info{"))
			buf_add(&out, (struct slice){text, n});
		text += n;
	}
	buf_add_char(&out, '\0');
	return out.p;
}

static char *read_golden(struct arena *arena, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[1000], bytes[4096];
	struct buf out = BUF(arena);
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/milter/daemon/%s",
		 srcdir ? srcdir : "../..", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s cannot be read", path);
	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_add(&out, (struct slice){bytes, n});
	fclose(file);
	buf_add_char(&out, '\0');
	return out.p;
}

/* Line by line, so that a failure is read at once. */
static void assert_same_lines(const char *is, const char *should)
{
	while (*is || *should) {
		size_t n = strcspn(is, "\n"), m = strcspn(should, "\n");

		if (n != m || memcmp(is, should, n) != 0)
			fail_msg("'%.*s' should be '%.*s'", (int)n, is, (int)m,
				 should);
		is += n + (is[n] == '\n');
		should += m + (should[m] == '\n');
	}
}

static void test_the_whole_text(void **state)
{
	static const struct {
		enum metrics_format format;
		const char *file;
	} cases[] = {
		{METRICS_TEXT, "metrics.text"},
		{METRICS_OPEN, "metrics.openmetrics"},
	};
	struct arena *arena = arena_new(0);
	struct counters counters;
	struct err err;

	(void)state;
	assert_true(metrics_sample(&counters, &err));
	for (int i = 0; i < 2; i++)
		assert_same_lines(
			steady(arena, write_text(arena, &counters,
						 cases[i].format)),
			steady(arena, read_golden(arena, cases[i].file)));
	counters_free(&counters);
	arena_free(&arena);
}

static void assert_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	while (at && ((at != text && at[-1] != '\n') ||
		      at[strlen(line)] != '\n'))
		at = strstr(at + 1, line);
	if (!at)
		fail_msg("there is no line '%s'", line);
}

static void test_names_are_escaped(void **state)
{
	struct arena *arena = arena_new(0);
	struct counters counters;
	struct err err;
	const char *text;

	(void)state;
	assert_int_equal(counters_make(&counters, &err), 0);
	names_add(&counters, NAMES_LISTS, SLICE("a\"b\\c\nd\xff"));
	names_add(&counters, NAMES_LISTS, SLICE("\xc3\xa4.example"));
	text = write_text(arena, &counters, METRICS_TEXT);
	assert_line(text, "gatepost_list_errors_total{list=\"a\\\"b\\\\c"
			  "\\\\x0ad\\\\xff\"} 0");
	assert_line(text, "gatepost_list_errors_total{list=\"\xc3\xa4"
			  ".example\"} 0");
	counters_free(&counters);
	arena_free(&arena);
}

/* The value of that line, which begins with `sample` and a space. */
static double value_of(const char *text, const char *sample)
{
	const char *at = strstr(text, sample);

	while (at && at != text && at[-1] != '\n')
		at = strstr(at + 1, sample);
	if (!at)
		fail_msg("there is no sample %s", sample);
	return at ? strtod(at + strlen(sample), NULL) : 0;
}

static void test_buckets_add_up(void **state)
{
	static const char *const bounds[] = {"0.001", "0.005", "0.02",
					     "0.1",   "0.5",   "2.0",
					     "10.0",  "40.0",  "+Inf"};
	struct arena *arena = arena_new(0);
	struct counters counters;
	struct counter_slot *slot;
	struct err err;
	double before = 0;
	const char *text;

	(void)state;
	assert_int_equal(counters_make(&counters, &err), 0);
	slot = counters_enter(&counters, 1, ROLE_WORKER, 1 << 30);
	for (int64_t us = 1; us < 100000000; us *= 3)
		histogram_add(slot, HISTOGRAM_STAGE, 1, us);
	text = write_text(arena, &counters, METRICS_OPEN);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		char sample[100];
		double value;

		snprintf(sample, sizeof(sample),
			 "gatepost_stage_seconds_bucket{stage=\"helo\","
			 "le=\"%s\"} ",
			 bounds[i]);
		value = value_of(text, sample);
		assert_true(value > before);
		before = value;
	}
	assert_true(value_of(text, "gatepost_stage_seconds_count{"
				   "stage=\"helo\"} ") == before);
	assert_true(before == 17);
	/* 1 + 3 + … + 3^16 */
	assert_true(value_of(text, "gatepost_stage_seconds_sum{"
				   "stage=\"helo\"} ") == 64.570081);
	counters_free(&counters);
	arena_free(&arena);
}

static void test_totals_never_fall(void **state)
{
	static const char sample[] =
		"gatepost_messages_total{direction=\"in\",action=\"tag\"} ";
	struct counters counters;
	struct err err;
	double before = 0;

	(void)state;
	assert_int_equal(counters_make(&counters, &err), 0);
	for (int life = 1; life <= 5; life++) {
		struct arena *arena = arena_new(0);
		struct counter_slot *slot =
			counters_enter(&counters, 1, ROLE_WORKER, life);
		double value;

		counter_add_at(slot, COUNTER_MESSAGES, ACTION_TAG, 2);
		counter_add(slot, GAUGE_SESSIONS, 1);
		counters_forget_gauges(slot);
		value = value_of(write_text(arena, &counters, METRICS_TEXT),
				 sample);
		assert_true(value == before + 2);
		before = value;
		assert_true(value_of(write_text(arena, &counters, METRICS_TEXT),
				     "gatepost_open_sessions ") == 0);
		arena_free(&arena);
	}
	counters_free(&counters);
}

static void test_names_past_the_bound_are_other(void **state)
{
	struct arena *arena = arena_new(0);
	struct counters counters;
	struct counter_slot *slot;
	struct err err;
	char name[40];
	const char *text;

	(void)state;
	assert_int_equal(counters_make(&counters, &err), 0);
	slot = counters_enter(&counters, 1, ROLE_WORKER, 1 << 30);
	for (int i = 0; i < NAMED_SYMBOLS + 9; i++) {
		snprintf(name, sizeof(name), "SYMBOL_%d", i);
		counter_add_at(slot, COUNTER_SYMBOLS,
			       names_add(&counters, NAMES_SYMBOLS,
					 slice_cstr(name)),
			       1);
	}
	text = write_text(arena, &counters, METRICS_TEXT);
	assert_line(text, "gatepost_symbol_hits_total{symbol=\"SYMBOL_1023\"} 1");
	assert_line(text, "gatepost_symbol_hits_total{symbol=\"other\"} 9");
	assert_null(strstr(text, "SYMBOL_1024"));
	counters_free(&counters);
	arena_free(&arena);
}

static void test_who_gets_which_format(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{"", METRICS_TEXT},
		{"*/*", METRICS_TEXT},
		{"text/plain", METRICS_TEXT},
		{"text/html,application/xhtml+xml,*/*;q=0.8", METRICS_TEXT},
		{"application/openmetrics-text", METRICS_OPEN},
		{"application/openmetrics-text;version=1.0.0", METRICS_OPEN},
		{"application/openmetrics-text; version=\"1.0.0\"",
		 METRICS_OPEN},
		{"APPLICATION/OpenMetrics-Text ; Version=1.0.0", METRICS_OPEN},
		{"application/openmetrics-text;version=0.0.1", METRICS_TEXT},
		{"application/openmetrics-text;version=1.0.0;q=0",
		 METRICS_TEXT},
		/* What Prometheus 2.42 sends. */
		{"application/openmetrics-text;version=1.0.0,"
		 "application/openmetrics-text;version=0.0.1;q=0.75,"
		 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 METRICS_OPEN},
		/* Equal is not more. */
		{"application/openmetrics-text;version=1.0.0,"
		 "text/plain;version=0.0.4",
		 METRICS_TEXT},
		{"application/openmetrics-text;q=0.5,text/plain;q=0.4",
		 METRICS_OPEN},
		{"application/openmetrics-text;q=0.4,text/plain;q=0.5",
		 METRICS_TEXT},
		{"text/plain;q=0.5,application/openmetrics-text;q=0.501",
		 METRICS_OPEN},
		/* The most exact range counts. */
		{"text/*;q=0.9,text/plain;q=0.1,"
		 "application/openmetrics-text;q=0.5",
		 METRICS_OPEN},
		{"text/plain;version=0.0.3;q=1,"
		 "application/openmetrics-text;q=0.5",
		 METRICS_OPEN},
		{"*/*,application/openmetrics-text;q=0.5", METRICS_TEXT},
		/* Only who names it gets it. */
		{"application/*,text/plain;q=0.1", METRICS_TEXT},
		{"*/*;q=1,text/plain;q=0", METRICS_TEXT},
		{"application/*;q=0.1,application/openmetrics-text,"
		 "text/plain;q=0.5",
		 METRICS_OPEN},
		/* What cannot be read is left out, the rest counts. */
		{"application/openmetrics-text;q=2,text/plain;q=0.1",
		 METRICS_TEXT},
		{"application/openmetrics-text;q=0.1234", METRICS_TEXT},
		{"application/openmetrics-text;q=", METRICS_TEXT},
		{"application/openmetrics-text q=1", METRICS_TEXT},
		{"application/openmetrics-text;version", METRICS_TEXT},
		{"/,;,=,application/openmetrics-text", METRICS_OPEN},
		{"x/y;a=\",application/openmetrics-text\"", METRICS_TEXT},
		{"x/y;a=\"\\\",application/openmetrics-text", METRICS_TEXT},
		{",,application/openmetrics-text;;q=1.000 ,", METRICS_OPEN},
		{"application/openmetrics-text;q=1.001", METRICS_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (metrics_choose(slice_cstr(cases[i].accept)) !=
		    cases[i].format)
			fail_msg("wrong for %s", cases[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_whole_text),
		cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_buckets_add_up),
		cmocka_unit_test(test_totals_never_fall),
		cmocka_unit_test(test_names_past_the_bound_are_other),
		cmocka_unit_test(test_who_gets_which_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
