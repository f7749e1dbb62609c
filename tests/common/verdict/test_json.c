/* JSON read into plain values: what is there, what is not, and bounds. */
#include "common/verdict/json.h"
#include "tests/support/cmocka.h"

#include <string.h>

static void values_are_found(void **state)
{
	struct arena *a = arena_new(0);
	struct err err;
	const struct json_value *v = json_read(
		a,
		SLICE("{\"n\": 1.5, \"i\": -7, \"t\": \"x\\u0000\\u00fc\", "
		      "\"b\": true, \"z\": null, \"l\": [1, {\"m\": \"y\"}]}"),
		&err);
	const struct json_value *list;

	(void)state;
	assert_non_null(v);
	assert_int_equal(v->count, 6);
	assert_true(json_number(v, "n") == 1.5);
	assert_true(json_number(v, "i") == -7);
	assert_true(json_number(v, "b") == 1);
	assert_true(slice_eq(json_text(v, "t"), SLICE("x\0\xc3\xbc")));
	assert_int_equal(json_member(v, "z")->type, JSON_VALUE_NULL);
	list = json_member(v, "l");
	assert_int_equal(list->count, 2);
	assert_true(list->items[0].number == 1);
	assert_true(slice_eq(json_text(&list->items[1], "m"), SLICE("y")));
	arena_free(&a);
}

static void what_is_not_there_is_nothing(void **state)
{
	struct arena *a = arena_new(0);
	struct err err;
	const struct json_value *v =
		json_read(a, SLICE("{\"t\": \"x\", \"n\": 3}"), &err);

	(void)state;
	assert_null(json_member(v, "none"));
	assert_null(json_member(json_member(v, "none"), "deeper"));
	assert_null(json_member(json_member(v, "n"), "deeper"));
	assert_true(json_number(v, "t") == 0);
	assert_int_equal(json_text(v, "n").n, 0);
	assert_int_equal(json_text(NULL, "n").n, 0);
	arena_free(&a);
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const cases[] = {
		"",	   "{",	      "{\"a\": 1, \"a\": 2}", "nonsense",
		"[1] [2]", "\"\xff\"", "{\"a\": 1e999}",
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		print_message("%s\n", cases[i]);
		assert_null(json_read(a, slice_cstr(cases[i]), &err));
		assert_true(strlen(err.text) > 0);
	}
	arena_free(&a);
}

static struct slice nested(struct arena *a, size_t depth)
{
	struct slice text = {arena_alloc(a, 2 * depth), 2 * depth};

	memset((char *)(uintptr_t)text.p, '[', depth);
	memset((char *)(uintptr_t)text.p + depth, ']', depth);
	return text;
}

static void bounds_are_kept(void **state)
{
	struct arena *a = arena_new(0);
	struct slice many = {arena_alloc(a, 400004), 400001};
	struct err err;
	char *p = (char *)(uintptr_t)many.p;

	(void)state;
	assert_non_null(json_read(a, nested(a, JSON_DEPTH_MAX), &err));
	assert_null(json_read(a, nested(a, JSON_DEPTH_MAX + 1), &err));
	assert_null(json_read(a, nested(a, 100000), &err));
	memset(p, ' ', many.n);
	for (size_t i = 0; i < 200000; i++)
		memcpy(p + 2 * i, i ? ",1" : "[1", 2);
	p[400000] = ']';
	assert_null(json_read(a, many, &err));
	memset(p + 2 * JSON_VALUES_MAX, ' ', many.n - 2 * JSON_VALUES_MAX);
	p[400000] = ']';
	assert_non_null(json_read(a, many, &err));
	assert_null(json_read(a, (struct slice){p, JSON_TEXT_MAX + 1}, &err));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found),
		cmocka_unit_test(what_is_not_there_is_nothing),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(bounds_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
