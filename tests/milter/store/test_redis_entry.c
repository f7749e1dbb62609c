/* Keys and values as they stand in Redis. */
#include "milter/store/redis_entry.h"
#include "tests/support/cmocka.h"

#include <string.h>

static void keys_have_one_part_in_braces(void **state)
{
	struct redis_key key;

	(void)state;
	redis_key_make(&key, SLICE("gatepost"), 'g', "abcdefghijklmnop",
		       SLICE("ponmlkjihgfedcba"));
	assert_true(slice_eq(
		redis_key_slice(&key),
		SLICE("gatepost:g:{abcdefghijklmnop}:ponmlkjihgfedcba")));
	redis_key_make(&key, SLICE("p"), 't', "abcdefghijklmnop", SLICE_NONE);
	assert_true(slice_eq(redis_key_slice(&key),
			     SLICE("p:t:{abcdefghijklmnop}")));
	redis_key_allow(&key, SLICE("p"));
	assert_true(slice_eq(redis_key_slice(&key), SLICE("p:{allow}")));
}

static void texts_are_cut_and_keep_to_their_lines(void **state)
{
	char big[1000];
	struct redis_text text;

	(void)state;
	memset(big, 'x', sizeof(big));
	redis_text_make(&text, (struct slice[]){SLICE("a\nb@example.org"),
						{big, sizeof(big)},
						SLICE_NONE,
						SLICE("id\r")});
	assert_int_equal(text.n, 15 + 1 + REDIS_TEXT_MAX + 1 + 0 + 1 + 3);
	assert_memory_equal(text.text, "a?b@example.org\nxxx", 19);
	assert_memory_equal(text.text + text.n - 5, "\n\nid?", 5);
}

static void an_entry_is_read(void **state)
{
	struct redis_entry e;

	(void)state;
	assert_int_equal(
		redis_entry_read(
			SLICE("w 3 77 18446744073709551615 -5 1700000000000 "
			      "300000 86400000\na@b\nr@x\n192.0.2.0/24\nid"),
			&e),
		0);
	assert_false(e.passed);
	assert_int_equal(e.tries, 3);
	assert_int_equal(e.waited_ms, 77);
	assert_true(e.last.boot == UINT64_MAX);
	assert_int_equal(e.last.uptime_ms, -5);
	assert_true(e.last.wall_ms == 1700000000000);
	assert_int_equal(e.delay_ms, 300000);
	assert_int_equal(e.keep_ms, 86400000);
	assert_true(slice_eq(e.parts[0], SLICE("a@b")));
	assert_true(slice_eq(e.parts[3], SLICE("id")));
	assert_int_equal(redis_entry_read(SLICE("p 1 1 1 1 1 1 1"), &e), 0);
	assert_true(e.passed);
	assert_int_equal(e.parts[0].n, 0);
}

static void what_is_no_entry_is_refused(void **state)
{
	static const char *const texts[] = {
		"",    "w",    "x 1 1 1 1 1 1 1", "p 1 1 1 1 1 1",
		"p  ", "p\n",  "p 1 1 1 1 1 1 x", "p 1 1 -1 1 1 1 1",
		"w -", "w - ", "p 99999999999999999999 1 1 1 1 1 1",
	};
	struct redis_entry e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(redis_entry_read(slice_cstr(texts[i]), &e),
				 -1);
}

static void ages_go_by_uptime_of_the_same_boot(void **state)
{
	struct redis_moment then = {1, 1000, 500000};

	(void)state;
	assert_int_equal(
		redis_since(&then, &(struct store_time){1, 3000, 900000}),
		2000);
	assert_int_equal(
		redis_since(&then, &(struct store_time){2, 3000, 900000}),
		400000);
	assert_int_equal(redis_since(&then, &(struct store_time){2, 3000, 0}),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_one_part_in_braces),
		cmocka_unit_test(texts_are_cut_and_keep_to_their_lines),
		cmocka_unit_test(an_entry_is_read),
		cmocka_unit_test(what_is_no_entry_is_refused),
		cmocka_unit_test(ages_go_by_uptime_of_the_same_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
