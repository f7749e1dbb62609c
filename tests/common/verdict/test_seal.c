/* The signed verdict header: round trip, refolding, forgery. */
#include "common/verdict/seal.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	char path[128];
	struct seal_key *key;
	struct arena *arena;
	struct slice header;
};

static const struct slice message_id = {" <a@example.org>", 16};
static const struct slice from = {" A <a@example.org>", 18};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct seal_fields fields = {SLICE("01abc"), SLICE("spam"),
				     SLICE("tag"), 7.25, 1700000000,
				     message_id, from};
	struct err err;

	strcpy(f->dir, "/tmp/gatepost-seal-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/key", f->dir);
	f->arena = arena_new(0);
	if (seal_key_create(f->path, &err) < 0)
		return -1;
	f->key = seal_key_load(f->path, &err);
	if (!f->key)
		return -1;
	f->header = seal_write(f->arena, f->key, &fields);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	seal_key_free(&f->key);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static void a_header_of_ours_is_read_back(void **state)
{
	struct fixture *f = *state;
	struct seal_fields got;

	assert_true(seal_read(f->key, f->header, message_id, from, &got));
	assert_true(slice_eq(got.id, SLICE("01abc")));
	assert_true(slice_eq(got.class, SLICE("spam")));
	assert_true(got.score > 7.24 && got.score < 7.26);
	assert_int_equal(got.time, 1700000000);
}

static void folding_on_the_way_does_no_harm(void **state)
{
	struct fixture *f = *state;
	struct seal_fields got;
	char copy[512], *blank;

	snprintf(copy, sizeof(copy), " %.*s\r\n", SLICE_FMT(f->header));
	blank = strstr(copy, "; class");
	assert_non_null(blank);
	blank[1] = '\t';
	assert_true(seal_read(f->key, slice_cstr(copy),
			      SLICE("<a@example.org>"),
			      SLICE(" A\r\n <a@example.org>"), &got));
}

static void every_changed_byte_breaks_the_seal(void **state)
{
	struct fixture *f = *state;
	struct seal_fields got;
	char copy[512];

	for (size_t i = 0; i < f->header.n; i++) {
		snprintf(copy, sizeof(copy), "%.*s", SLICE_FMT(f->header));
		if (copy[i] == ' ' || copy[i] == '\n' || copy[i] == '\t')
			continue;
		copy[i] ^= 1;
		if (seal_read(f->key, slice_cstr(copy), message_id, from, &got))
			fail_msg("byte %zu may change: %s", i, copy);
	}
}

static void a_seal_does_not_move_to_another_message(void **state)
{
	struct fixture *f = *state;
	struct seal_fields got;

	assert_false(seal_read(f->key, f->header, SLICE("<b@example.org>"),
			       from, &got));
	assert_false(seal_read(f->key, f->header, message_id,
			       SLICE("B <b@example.org>"), &got));
	assert_false(seal_read(f->key, SLICE(""), message_id, from, &got));
	assert_false(seal_read(f->key, SLICE("v=1; s="), message_id, from,
			       &got));
}

static void a_seal_ages(void **state)
{
	static const struct {
		int64_t sealed;
		bool recent;
	} cases[] = {
		{1000000, true},  {1000000 - 86400, true},
		{1000000 - 86400 - 3600, true},
		{1000000 - 86400 - 3601, false},
		{1003600, true},  {1003601, false},
		{0, false},	  {INT64_MAX, false},
		{INT64_MIN, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seal_fields fields = {.time = cases[i].sealed};

		if (seal_is_recent(&fields, 1000000, 86400) != cases[i].recent)
			fail_msg("case %zu", i);
	}
}

static void keys_are_private_and_kept(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	struct err err;
	FILE *file;

	assert_int_equal(stat(f->path, &before), 0);
	assert_int_equal(before.st_mode & 0137, 0);
	assert_int_equal(seal_key_create(f->path, &err), 0);
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_null(seal_key_load("/nonexistent/key", &err));
	assert_non_null(strstr(err.text, "/nonexistent/key"));
	file = fopen(f->path, "w");
	fputs("short\n", file);
	fclose(file);
	assert_null(seal_key_load(f->path, &err));
	assert_non_null(strstr(err.text, "holds no key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_of_ours_is_read_back),
		cmocka_unit_test(folding_on_the_way_does_no_harm),
		cmocka_unit_test(every_changed_byte_breaks_the_seal),
		cmocka_unit_test(a_seal_does_not_move_to_another_message),
		cmocka_unit_test(a_seal_ages),
		cmocka_unit_test(keys_are_private_and_kept),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
