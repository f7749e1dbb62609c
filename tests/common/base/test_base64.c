/* Base64: the vectors of RFC 4648 10, blanks, padding, what is refused. */
#include "common/base/base64.h"
#include "tests/support/cmocka.h"

static const struct {
	const char *bytes, *text;
} vectors[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xff\xfe\xfd", "//79"},
};

static void vectors_go_both_ways(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct slice bytes = slice_cstr(vectors[i].bytes), out;
		struct slice text = slice_cstr(vectors[i].text);

		assert_true(slice_eq(base64_encode(a, bytes), text));
		assert_true(base64_decode(a, text, &out));
		assert_true(slice_eq(out, bytes));
	}
	arena_free(&a);
}

static void blanks_and_missing_padding_are_fine(void **state)
{
	static const char *const texts[] = {"Zm9vYg",
					    "Zm9\r\n\t vY g= =", " Zm9vYg==\n"};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slice out;

		assert_true(base64_decode(a, slice_cstr(texts[i]), &out));
		assert_true(slice_eq(out, SLICE("foob")));
	}
	arena_free(&a);
}

static void anything_else_is_refused(void **state)
{
	static const char *const texts[] = {
		"Z",	    "Zm9vY",  "Zg=",   "Zg===", "Zm9v=",
		"Zg==Zg==", "Zm9v!!", "Zm-_v", "=",	"\xc3\xbc\xc3\xbc",
		"Zm9vYg=a",
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slice out;

		assert_false(base64_decode(a, slice_cstr(texts[i]), &out));
		assert_null(out.p);
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_go_both_ways),
		cmocka_unit_test(blanks_and_missing_padding_are_fine),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
