/* Encoded words: what is decoded, and what stays as it is. */
#include "common/mail/encoded.h"
#include "tests/support/cmocka.h"

static void words_are_decoded(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"=?utf-8?Q?a=40b.test?=", "a@b.test"},
		{"=?UTF-8?q?a_b=5F=c3=BC?=", "a b_\xc3\xbc"},
		{"=?us-ascii?B?YUBiLnRlc3Q=?= tail", "a@b.test tail"},
		{"=?us-ascii?b?YUBiLnRlc3Q?=", "a@b.test"},
		/* Blanks between two words are not text; others are. */
		{"=?a?q?x?= =?a?q?y?=", "xy"},
		{"=?a?q?x?=\r\n\t=?a?q?y?= z =?a?q?w?=", "xy z w"},
		{"x =?a?q?y?=", "x y"},
		{"\"=?a?q?x?=\"", "\"x\""},
		{"=?a?q?x?==?a?q?y?=", "xy"},
		{"=?utf-8*de?q?x?=", "x"},
		{"=?a?q?" "?=", ""},
		/* Not quite quoted-printable is read for what it shows. */
		{"=?a?q?x=4?=", "x=4"},
		{"=?a?q?x=zz?=", "x=zz"},
		/* Not encoded words. */
		{"=?", "=?"},
		{"=?a", "=?a"},
		{"=?a?", "=?a?"},
		{"=?a?q", "=?a?q"},
		{"=?a?q?", "=?a?q?"},
		{"=?a?q?x", "=?a?q?x"},
		{"=?a?q?x?", "=?a?q?x?"},
		{"=?a?x?x?=", "=?a?x?x?="},
		{"=??q?x?=", "=??q?x?="},
		{"=?a b?q?x?=", "=?a b?q?x?="},
		{"=?a?b?!!?=", "=?a?b?!!?="},
		{"=?a?q?x?= =?a?b?!!?=", "x =?a?b?!!?="},
		{"=?=?a?q?x?=", "=?x"},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice out = encoded_decode(a, slice_cstr(cases[i].in));

		if (!slice_eq(out, slice_cstr(cases[i].out)))
			fail_msg("%s became %.*s", cases[i].in, SLICE_FMT(out));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
