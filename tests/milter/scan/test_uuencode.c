/* Uuencoded files as forgiving readers take them. */
#include "milter/scan/decode.h"
#include "common/base/buf.h"
#include "tests/support/cmocka.h"

struct uu_case {
	const char *text;
	struct slice name, bytes; /* of the first file */
	struct slice next;	  /* name of the second; empty: none */
};

static const struct uu_case uu_cases[] = {
	{"begin 644 a\n#86)C\n`\nend\n", {"a", 1}, {"abc", 3}, {NULL, 0}},
	{"x\r\nBEGIN 7 a b \r\n#86)C\r\nend\r\n",
	 {"a b", 3},
	 {"abc", 3},
	 {NULL, 0}},
	{"begin 644 a\n#86)C\nend\nbegin 6 b\n",
	 {"a", 1},
	 {"abc", 3},
	 {"b", 1}},
	/* A file without an end hides no other. */
	{"begin 644 a\n#86)C\nbegin 6 b\nend\n",
	 {"a", 1},
	 {"abc", 3},
	 {"b", 1}},
	/* A line that has lost its blanks. */
	{"begin 644 a\n$86)C\nend\n", {"a", 1}, {"abc\0", 4}, {NULL, 0}},
	{"begin 644 a", {"a", 1}, {"", 0}, {NULL, 0}},
};

static void test_uuencoded_files_are_found_and_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uu_cases) / sizeof(uu_cases[0]); i++) {
		const struct uu_case *c = &uu_cases[i];
		struct arena *a = arena_new(0);
		struct slice rest = slice_cstr(c->text), name, bytes;

		assert_true(decode_uu(a, &rest, &name, &bytes));
		assert_true(slice_eq(name, c->name));
		assert_true(slice_eq(bytes, c->bytes));
		assert_int_equal(decode_uu(a, &rest, &name, &bytes),
				 c->next.n > 0);
		if (c->next.n > 0)
			assert_true(slice_eq(name, c->next));
		arena_free(&a);
	}
}

static void test_a_short_line_is_filled_up_as_far_as_it_claims(void **state)
{
	struct arena *a = arena_new(0);
	struct buf text = BUF(a);
	struct slice rest, name, bytes;

	(void)state;
	buf_add(&text, SLICE("begin 644 a\n"));
	for (int i = 0; i < 1000; i++)
		buf_add(&text, SLICE("_\n"));
	buf_add(&text, SLICE("#86)C\nend\n"));
	rest = buf_slice(&text);
	assert_true(decode_uu(a, &rest, &name, &bytes));
	assert_int_equal(bytes.n, 63 * 1000 + 3);
	assert_memory_equal(bytes.p + bytes.n - 3, "abc", 3);
	arena_free(&a);
}

static void test_a_small_file_takes_little_memory_before_much_text(void **state)
{
	struct arena *a = arena_new(0), *text_arena = arena_new(0);
	struct buf text = BUF(text_arena);
	struct slice rest, name, bytes;

	(void)state;
	buf_add(&text, SLICE("begin 644 a\n#86)C\nend\n"));
	for (int i = 0; i < 100000; i++)
		buf_add(&text, SLICE("hello hello\n"));
	rest = buf_slice(&text);
	assert_true(decode_uu(a, &rest, &name, &bytes));
	assert_in_range(arena_used(a), 1, 1000);
	arena_free(&text_arena);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuencoded_files_are_found_and_decoded),
		cmocka_unit_test(
			test_a_short_line_is_filled_up_as_far_as_it_claims),
		cmocka_unit_test(
			test_a_small_file_takes_little_memory_before_much_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
