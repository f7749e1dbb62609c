/* Base64 as forgiving readers take it, and where it is found unasked. */
#include "milter/scan/decode.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *what;
	struct slice text, whole, padded;
} cases[] = {
	{"nothing", SLICE(""), SLICE(""), SLICE("")},
	{"three bytes", SLICE("QUJD"), SLICE("ABC"), SLICE("ABC")},
	{"padding", SLICE("QUI="), SLICE("AB"), SLICE("AB")},
	{"two of it", SLICE("QQ=="), SLICE("A"), SLICE("A")},
	{"none of it", SLICE("QUI"), SLICE("AB"), SLICE("AB")},
	{"a value that is no byte", SLICE("QUJDR"), SLICE("ABC"),
	 SLICE("ABC")},
	{"what does not belong", SLICE("Q!U\r\nJ D\t\xff"), SLICE("ABC"),
	 SLICE("ABC")},
	{"padding amid it", SLICE("QUI=QUJD"), SLICE("ABABC"), SLICE("AB")},
	{"padding twice", SLICE("QQ==QQ==QUJD"), SLICE("AAABC"), SLICE("A")},
	{"padding of a whole group", SLICE("QUJD=QUJD"), SLICE("ABCABC"),
	 SLICE("ABCABC")},
	{"padding of one value", SLICE("QUJDR=QUJD"), SLICE("ABCABC"),
	 SLICE("ABC")},
	{"the ends of the alphabet", SLICE("+/+/AZaz09"),
	 SLICE("\xfb\xff\xbf\x01\x96\xb3\xd3"),
	 SLICE("\xfb\xff\xbf\x01\x96\xb3\xd3")},
};

static void test_base64_is_read_as_mail_programs_do(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice padded;
		struct slice whole =
			decode_base64(arena, cases[i].text, &padded);

		if (!slice_eq(whole, cases[i].whole))
			fail_msg("%s: %.*s", cases[i].what, SLICE_FMT(whole));
		if (!slice_eq(padded, cases[i].padded))
			fail_msg("%s, to the padding: %.*s", cases[i].what,
				 SLICE_FMT(padded));
	}
	arena_free(&arena);
}

static void test_runs_of_base64_are_found_amid_other_lines(void **state)
{
	struct slice text = SLICE(
		"Some words come first.\r\n"
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\r\n"
		"\r\n"
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\r\n"
		"--boundary\r\n"
		"QUJD\r\n"
		"And others last.\r\n");
	struct slice run;

	(void)state;
	assert_true(decode_next_run(&text, &run));
	assert_true(slice_starts_nocase(run, SLICE("QUJDREVG")));
	assert_true(slice_ends_nocase(slice_trim(run), SLICE("WVo=")));
	assert_int_equal(slice_trim(run).n, 36 + 4 + 36);
	assert_false(decode_next_run(&text, &run));
}

static void test_quoted_printable_is_told_from_html(void **state)
{
	static const struct {
		struct slice text;
		bool looks;
	} texts[] = {
		{SLICE(""), false},
		{SLICE("no sign at all"), false},
		{SLICE("caf=C3=A9"), true},
		{SLICE("a line that goes on=\r\nhere=\nand here= \n"), true},
		{SLICE("it ends so="), true},
		{SLICE("<td width=600 class=\"a\" id=\"b\">"), false},
		{SLICE("<td width=3D600 class=3D\"a\" id=3D\"b\">"), true},
		{SLICE("a = b, c == d"), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (decode_looks_quoted(texts[i].text) != texts[i].looks)
			fail_msg("%.*s", SLICE_FMT(texts[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoted_printable_is_told_from_html),
		cmocka_unit_test(test_base64_is_read_as_mail_programs_do),
		cmocka_unit_test(
			test_runs_of_base64_are_found_amid_other_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
