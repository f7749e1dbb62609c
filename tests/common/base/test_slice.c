/* Slices: splitting, numbers, trimming at the edges. */
#include "common/base/slice.h"
#include "tests/support/cmocka.h"

#include <stdlib.h>

static void splits_keep_empty_pieces(void **state)
{
	struct slice rest = SLICE("a,,b,"), piece;
	const char *want[] = {"a", "", "b", ""};
	size_t n = 0;

	(void)state;
	while (slice_next(&rest, ',', &piece)) {
		assert_true(n < 4);
		assert_true(slice_eq(piece, slice_cstr(want[n])));
		n++;
	}
	assert_int_equal(n, 4);
}

static void numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{"0", true, 0},	       {"18446744073709551615", true, UINT64_MAX},
		{"", false, 0},	       {"18446744073709551616", false, 0},
		{"-1", false, 0},      {"1 ", false, 0},
		{"0x10", false, 0},    {"007", true, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0;

		assert_int_equal(slice_to_u64(slice_cstr(cases[i].text), &value),
				 cases[i].ok);
		if (cases[i].ok)
			assert_true(value == cases[i].value);
	}
}

static void search_ignores_case_and_stays_inside(void **state)
{
	(void)state;
	assert_int_equal(slice_search_nocase(SLICE("aBcBC"), SLICE("bc")), 1);
	assert_int_equal(slice_search_nocase(SLICE("ab"), SLICE("abc")), 2);
	assert_true(slice_eq(slice_trim(SLICE(" \r\n\t x y \n")), SLICE("x y")));
	assert_true(slice_empty(slice_trim(SLICE("   "))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_keep_empty_pieces),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(search_ignores_case_and_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
