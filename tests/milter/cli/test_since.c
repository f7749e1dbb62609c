/* Times as they are written on a command line, in a zone with summer time. */
#include "milter/cli/since.h"
#include "tests/support/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 2026-11-27 14:05:30 in Berlin, an hour east of Greenwich. */
#define NOW (INT64_C(1795784730) * 1000)
#define H (INT64_C(3600) * 1000)
#define MIDNIGHT (INT64_C(1795734000) * 1000)

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t since, until;
	} cases[] = {
		{"now", NOW, NOW},
		{"2h", NOW - 2 * H, NOW - 2 * H},
		{" 90m ", NOW - H * 3 / 2, NOW - H * 3 / 2},
		{"30s", NOW - 30000, NOW - 30000},
		{"1d12h", NOW - 36 * H, NOW - 36 * H},
		/* Before all time; their sum would not fit a number. */
		{"999999999w999999999w999999999w999999999w999999999w"
		 "999999999w999999999w999999999w999999999w999999999w"
		 "999999999w999999999w999999999w999999999w999999999w"
		 "999999999w999999999w", 0, 0},
		{"2W", NOW - 14 * 24 * H, NOW - 14 * 24 * H},
		{"999999999w", 0, 0},
		{"today", MIDNIGHT, MIDNIGHT + 24 * H},
		{"Yesterday", MIDNIGHT - 24 * H, MIDNIGHT},
		{"14:05", NOW - 30000, NOW - 30000},
		{"14:05:31", NOW + 1000, NOW + 1000},
		{"2026-11-27", MIDNIGHT, MIDNIGHT + 24 * H},
		{"2026-11-27T14:05:30", NOW, NOW},
		{"2026-11-27 14:05:30", NOW, NOW},
		{"2026-11-27t13:05:30z", NOW, NOW},
		{"2026-11-27T13:05:30.25Z", NOW + 250, NOW + 250},
		{"2026-11-27T15:05:30+02:00", NOW, NOW},
		{"2026-11-27T08:35:30-0430", NOW, NOW},
		{"@1795784730", NOW, NOW},
		/* The days on which the clock is turned have 23 and 25 hours.
		 */
		{"2026-03-29", INT64_C(1774738800) * 1000,
		 INT64_C(1774738800) * 1000 + 23 * H},
		{"2026-10-25", INT64_C(1792879200) * 1000,
		 INT64_C(1792879200) * 1000 + 25 * H},
		{"2028-02-29T00:00Z", INT64_C(1835395200) * 1000,
		 INT64_C(1835395200) * 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = slice_cstr(cases[i].text);
		int64_t since = -1, until = -1;
		struct err err = {""};

		print_message("%s\n", cases[i].text);
		assert_int_equal(since_parse(text, NOW, false, &since, &err),
				 0);
		assert_int_equal(since_parse(text, NOW, true, &until, &err), 0);
		assert_int_equal(since, cases[i].since);
		assert_int_equal(until, cases[i].until);
	}
}

static void no_times(void **state)
{
	static const char *const cases[] = {"",
					    " ",
					    "h",
					    "2",
					    "2x",
					    "-2h",
					    "2h3",
					    "tomorrow",
					    "24:00",
					    "14:5",
					    "14:05x",
					    "2026-02-29",
					    "2026-13-01",
					    "2026-1-1",
					    "20261127",
					    "1969-01-01",
					    "2026-11-27T",
					    "2026-11-27T14",
					    "@",
					    "@-1",
					    "2026-11-27T14:05:30+1",
					    "@99999999999999999999",
					    "2026-11-27T14:05:30Zx",
					    "2h; DROP TABLE record",
					    "\x1b[2J"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms;
		struct err err = {""};

		print_message("'%zu'\n", i);
		assert_int_equal(since_parse(slice_cstr(cases[i]), NOW, false,
					     &ms, &err),
				 -1);
		assert_non_null(strstr(err.text, "2026-11-27"));
	}
}

static void texts(void **state)
{
	struct arena *a = arena_new(0);
	static const struct {
		int64_t ms;
		const char *text;
	} spans[] = {
		{0, "0 ms"},
		{949, "949 ms"},
		{1000, "1 s"},
		{59400, "59 s"},
		{60000, "1 min"},
		{312000, "5 min 12 s"},
		{12000000, "3 h 20 min"},
		{7200000, "2 h"},
		{86400000, "1 day 0 h"},
		{187200000, "2 days 4 h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		assert_string_equal(since_span(a, spans[i].ms).p,
				    spans[i].text);
	assert_string_equal(since_text(a, NOW).p, "2026-11-27 14:05:30");
	assert_string_equal(since_text_zone(a, NOW).p,
			    "2026-11-27 14:05:30 +0100");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(no_times),
		cmocka_unit_test(texts),
	};

	/* By its rule, so that no file of zones is needed. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
