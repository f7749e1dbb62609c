/* What is shown as it is, what becomes an escape, where a text is cut. */
#include "common/base/utf8.h"
#include "tests/support/cmocka.h"

static void what_is_shown(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain text", "plain text"},
		{"Gr\xc3\xbc\xc3\x9f"
		 "e \xe6\x97\xa5 \xf0\x9f\x93\xa7",
		 "Gr\xc3\xbc\xc3\x9f"
		 "e \xe6\x97\xa5 \xf0\x9f\x93\xa7"},
		/* Terminal escapes: ESC, the C1 form of CSI, and as UTF-8. */
		{"\x1b[31mred", "\\x1b[31mred"},
		{"\x9b"
		 "31m",
		 "\\x9b"
		 "31m"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b"
		 "31m"},
		{"a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f"},
		/* Right-to-left override, zero width space, line separator. */
		{"\xe2\x80\xae"
		 "exe",
		 "\\xe2\\x80\\xae"
		 "exe"},
		{"a\xe2\x80\x8b"
		 "b",
		 "a\\xe2\\x80\\x8b"
		 "b"},
		{"a\xe2\x80\xa8"
		 "b",
		 "a\\xe2\\x80\\xa8"
		 "b"},
		/* Not UTF-8: overlong, surrogate, beyond, cut short. */
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"x\xe6\x97", "x\\xe6\\x97"},
		{"\xff\xfe", "\\xff\\xfe"},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice out = utf8_shown(a, slice_cstr(cases[i].in));

		if (!slice_eq(out, slice_cstr(cases[i].out)))
			fail_msg("case %zu became %.*s", i, SLICE_FMT(out));
	}
	arena_free(&a);
}

static void cuts_leave_characters_whole(void **state)
{
	static const struct {
		const char *in;
		size_t max, n;
	} cases[] = {
		{"abc", 3, 3},
		{"abc", 2, 2},
		{"abc", 0, 0},
		{"a\xc3\xbc", 2, 1},
		{"a\xc3\xbc", 3, 3},
		{"\xf0\x9f\x93\xa7", 3, 0},
		{"\xf0\x9f\x93\xa7x", 4, 4},
		/* No character at all: cut where it was asked. */
		{"\x80\x80\x80\x80\x80\x80\x80", 6, 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			utf8_cut(slice_cstr(cases[i].in), cases[i].max).n,
			cases[i].n);
}

static void characters_are_counted(void **state)
{
	(void)state;
	assert_int_equal(utf8_count(SLICE("")), 0);
	assert_int_equal(utf8_count(SLICE("a\xc3\xbc\xe6\x97\xa5")), 3);
	assert_int_equal(utf8_count(SLICE("\xff\xc3")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shown),
		cmocka_unit_test(cuts_leave_characters_whole),
		cmocka_unit_test(characters_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
