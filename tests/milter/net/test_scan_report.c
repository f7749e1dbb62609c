/* Reports: what is packed is unpacked, and nothing else is. */
#include "milter/net/scan_report.h"
#include "tests/support/cmocka.h"

#include <string.h>

static struct scan_part parts[] = {
	{.name = {"a.zip", 5}, .type = {"application/zip", 15},
	 .kind = {"zip", 3}, .size = 100},
	{.name = {"b.exe", 5}, .kind = {"exe", 3}, .size = 7, .depth = 1,
	 .encrypted = true},
};

static struct scan_report sample(void)
{
	return (struct scan_report){
		.result = SCAN_INFECTED,
		.names = {{"Eicar", 5}},
		.name_count = 1,
		.parts = parts,
		.part_count = 2,
		.parts_complete = true,
		.parts_known = true,
		.engine = {"ClamAV 1.4.6", 12},
		.database_version = 27000,
		.database_time = 1790000000,
		.signatures = 8000000,
		.us = 1234,
	};
}

static void test_what_is_packed_is_unpacked(void **state)
{
	struct arena *a = arena_new(0);
	struct scan_report in = sample(), out;

	(void)state;
	assert_true(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	assert_int_equal(out.result, SCAN_INFECTED);
	assert_true(slice_eq(out.names[0], SLICE("Eicar")));
	assert_int_equal(out.part_count, 2);
	assert_true(slice_eq(out.parts[1].name, SLICE("b.exe")));
	assert_true(out.parts[1].encrypted);
	assert_true(out.parts_complete);
	assert_int_equal(out.signatures, 8000000);
	assert_int_equal(out.database_time, 1790000000);
	arena_free(&a);
}

static void test_no_shorter_and_no_longer_bytes_are_a_report(void **state)
{
	struct arena *a = arena_new(0);
	struct scan_report in = sample(), out;
	struct slice packed = scan_report_pack(a, &in);
	struct buf longer = BUF(a);

	(void)state;
	for (size_t n = 0; n < packed.n; n++)
		assert_false(scan_report_unpack(a, slice_sub(packed, 0, n),
						&out));
	buf_add(&longer, packed);
	buf_add_char(&longer, 0);
	assert_false(scan_report_unpack(a, buf_slice(&longer), &out));
	arena_free(&a);
}

/* Names that are too long for all of them to find room. */
static void test_parts_without_room_are_left_out(void **state)
{
	struct arena *a = arena_new(0);
	struct scan_part *many = ARENA_ARRAY(a, struct scan_part,
					     SCAN_PARTS_MAX);
	struct scan_report in = sample(), out;
	char name[4000];

	(void)state;
	memset(name, 'x', sizeof(name));
	for (size_t i = 0; i < SCAN_PARTS_MAX; i++)
		many[i] = (struct scan_part){.name = {name, sizeof(name)},
					     .type = {name, sizeof(name)}};
	in.parts = many;
	in.part_count = SCAN_PARTS_MAX;
	assert_in_range(scan_report_pack(a, &in).n, 1, SCAN_REPORT_MAX);
	assert_true(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	assert_false(out.parts_complete);
	assert_in_range(out.part_count, 100, SCAN_PARTS_MAX - 1);
	assert_int_equal(out.parts[0].name.n, SCAN_TEXT_MAX);
	arena_free(&a);
}

static void test_what_contradicts_itself_is_no_report(void **state)
{
	struct arena *a = arena_new(0);
	struct scan_report in, out;

	(void)state;
	in = sample();
	in.name_count = 0;
	assert_false(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	in = sample();
	in.result = SCAN_UNSCANNED;
	assert_false(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	/* A member before its archive, and one that is two levels deeper. */
	in = sample();
	parts[1].parent = 1;
	assert_false(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	parts[1].parent = 0;
	parts[1].depth = 2;
	assert_false(scan_report_unpack(a, scan_report_pack(a, &in), &out));
	parts[1].depth = 1;
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_packed_is_unpacked),
		cmocka_unit_test(
			test_no_shorter_and_no_longer_bytes_are_a_report),
		cmocka_unit_test(test_parts_without_room_are_left_out),
		cmocka_unit_test(test_what_contradicts_itself_is_no_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
