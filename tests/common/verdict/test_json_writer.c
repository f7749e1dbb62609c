/* JSON written piece by piece. */
#include "common/verdict/json_writer.h"
#include "tests/support/cmocka.h"

#include <math.h>

static void commas_and_brackets_fall_into_place(void **state)
{
	struct arena *arena = arena_new(0);
	struct buf out = BUF(arena);
	struct json_writer w = {&out, false};

	(void)state;
	json_open_object(&w, NULL);
	json_open_list(&w, "empty");
	json_close_list(&w);
	json_open_list(&w, "list");
	json_add_number(&w, NULL, 1);
	json_open_object(&w, NULL);
	json_close_object(&w);
	json_add_bool(&w, NULL, true);
	json_close_list(&w);
	json_open_object(&w, "in");
	json_add_bool(&w, "no", false);
	json_add_null(&w, "none");
	json_close_object(&w);
	json_add_number(&w, "large", UINT64_MAX);
	json_close_object(&w);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p,
			    "{\"empty\":[],\"list\":[1,{},true],"
			    "\"in\":{\"no\":false,\"none\":null},"
			    "\"large\":18446744073709551615}");
	arena_free(&arena);
}

static void what_json_cannot_say_is_escaped_or_null(void **state)
{
	struct arena *arena = arena_new(0);
	struct buf out = BUF(arena);
	struct json_writer w = {&out, false};

	(void)state;
	json_open_list(&w, NULL);
	json_add_text(&w, NULL, SLICE("a\"b\\c"));
	json_add_text(&w, NULL, SLICE("\n\xff\xc3\xa4"));
	json_add_text(&w, NULL, SLICE_NONE);
	json_add_real(&w, NULL, 1.5);
	json_add_real(&w, NULL, INFINITY);
	json_add_real(&w, NULL, NAN);
	json_add_real(&w, NULL, 1e15);
	json_close_list(&w);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p,
			    "[\"a\\\"b\\\\c\",\"\\\\x0a\\\\xff\xc3\xa4\","
			    "\"\",1.500,null,null,1000000000000000.000]");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_brackets_fall_into_place),
		cmocka_unit_test(what_json_cannot_say_is_escaped_or_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
