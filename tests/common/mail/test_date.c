/* Dates: the forms of RFC 5322 3.3 and 4.3, and texts that are none. */
#include "common/mail/date.h"
#include "tests/support/cmocka.h"

static void dates_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{"Thu, 1 Jan 1970 00:00:00 +0000", 0},
		{" Fri, 21 Nov 1997 09:55:06 -0600", 880127706},
		{"21 Nov 1997 09:55:06 -0600", 880127706},
		{"Fri, 21 Nov 1997 09:55 -0600", 880127700},
		{"Thu,\r\n\t13\r\n\t  Feb\r\n\t    1969\r\n\t23:32\r\n\t"
		 "-0330 (Newfoundland Time)",
		 -27723480},
		{"21 Nov 97 09:55:06 GMT", 880106106},
		{"1 Jan 49 00:00:00 UT", 2493072000},
		{"1 Jan 50 00:00:00 UT", -631152000},
		{"1 Jan 100 00:00:00 UT", 946684800},
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
		 880127706},
		{"fri, 21 nov 1997 09:55:06 cst", 880127706},
		{"21 Nov 1997 09:55:06 PDT", 880131306},
		{"21 Nov 1997 09:55:06 Z", 880106106},
		{"21 Nov 1997 09:55:06 MEZ", 880106106},
		{"29 Feb 2000 00:00:00 +0000", 951782400},
		{"31 Dec 2016 23:59:60 +0000", 1483228800},
		{"Sun, 1 Jan 2023 1:02:03 +0000", 1672534923},
		{"1 Mar 2026 00:00:00 +0100 ((a) \\) b)", 1772319600},
		{"1 Jan 12026 00:00:00 +0000", 317336745600},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = -1;

		if (!date_parse(slice_cstr(cases[i].text), &seconds))
			fail_msg("not read: %s", cases[i].text);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"   ",
		"(comment",
		"now",
		"2026-03-01T00:00:00Z",
		"Fri 21 Nov 1997 09:55:06 -0600",
		"Fry, 21 Nov 1997 09:55:06 -0600",
		"Fri Nov 21 09:55:06 1997",
		"21 Nov 1997 09:55:06",
		"21 Nov 1997",
		"21 Nov 1997 09:55:06 -600",
		"21 Nov 1997 09:55:06 +0060",
		"21 Nov 1997 24:00:00 +0000",
		"21 Nov 1997 23:60:00 +0000",
		"21 Nov 1997 23:59:61 +0000",
		"31 Nov 1997 09:55:06 +0000",
		"0 Nov 1997 09:55:06 +0000",
		"29 Feb 1900 00:00:00 +0000",
		"29 Feb 2026 00:00:00 +0000",
		"1 Jan 1899 00:00:00 +0000",
		"1 Jan 7 00:00:00 +0000",
		"1 Jan 1000000 00:00:00 +0000",
		"21 Nov 1997 09:55:06 +0000 more",
		"21 Nov 1997 09:55:06: +0000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds;

		if (date_parse(slice_cstr(cases[i]), &seconds))
			fail_msg("read: %s", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(what_is_no_date_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
