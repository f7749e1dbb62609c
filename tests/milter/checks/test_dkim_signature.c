/* The DKIM-Signature field: what is read, why not, and what is plain. */
#include "milter/checks/dkim_signature.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define HASH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; "
#define GOOD                                                                   \
	"v=1; a=rsa-sha256; c=simple; d=Example.com; s=S1; h=From : To; " HASH \
	"b= AA\r\n\tAA "

static void all_is_read(void **state)
{
	struct slice value = SLICE(GOOD "; i=joe=40x@A.Example.com; "
					"t=5; x=7; l=9");
	struct arena *a = arena_new(0);
	struct dkim_signature sig;

	(void)state;
	assert_null(dkim_signature_parse(a, value, &sig));
	assert_true(slice_eq(sig.domain, SLICE("example.com")));
	assert_true(slice_eq(sig.selector, SLICE("s1")));
	assert_true(slice_eq(sig.identity, SLICE("joe@x@A.Example.com")));
	assert_true(slice_eq(sig.identity_domain, SLICE("a.example.com")));
	assert_true(slice_eq(sig.algorithm_text, SLICE("rsa-sha256")));
	assert_true(slice_eq(sig.signature_text, SLICE("AAAA")));
	assert_int_equal(sig.signature.n, 3);
	assert_int_equal(sig.body_hash.n, 32);
	assert_int_equal(sig.algorithm, DKIM_RSA_SHA256);
	assert_int_equal(sig.header_canon, DKIM_SIMPLE);
	assert_int_equal(sig.body_canon, DKIM_SIMPLE);
	assert_int_equal(sig.name_count, 2);
	assert_true(slice_eq(sig.names[1], SLICE("To")));
	assert_true(sig.has_length && sig.length == 9);
	assert_int_equal(sig.time, 5);
	assert_int_equal(sig.expires, 7);
	assert_true(slice_eq(slice_sub(value, sig.b_from, sig.b_to),
			     SLICE(" AA\r\n\tAA ")));
	arena_free(&a);
}

static void what_is_left_out_has_its_default(void **state)
{
	struct arena *a = arena_new(0);
	struct dkim_signature sig;

	(void)state;
	assert_null(dkim_signature_parse(a, SLICE(GOOD), &sig));
	assert_true(slice_eq(sig.identity, SLICE("@example.com")));
	assert_true(slice_eq(sig.identity_domain, SLICE("example.com")));
	assert_int_equal(sig.time, -1);
	assert_int_equal(sig.expires, -1);
	assert_false(sig.has_length);
	assert_true(sig.plain);
	arena_free(&a);
}

static void a_bad_field_still_says_whose_it_is(void **state)
{
	struct arena *a = arena_new(0);
	struct dkim_signature sig;
	const char *why;

	(void)state;
	why = dkim_signature_parse(
		a, SLICE("v=3; a=x; d=example.com; s=s; b=ABC; d=y"), &sig);
	assert_string_equal(why, "a tag stands twice");
	assert_true(slice_eq(sig.domain, SLICE("example.com")));
	assert_true(slice_eq(sig.selector, SLICE("s")));
	assert_true(slice_eq(sig.algorithm_text, SLICE("x")));
	assert_true(slice_eq(sig.signature_text, SLICE("ABC")));
	assert_false(sig.plain);
	arena_free(&a);
}

static void fields_that_libopendkim_reads_otherwise(void **state)
{
	static const struct {
		const char *tags;
		bool plain;
	} cases[] = {
		{"; n=x", true},
		{"; xb=1", false},
		{"; D=other.example", false},
		{"; i=a@b@example.com", false},
		{"; i=a=40b@example.com", false},
		{"; i=joe@example.com", true},
		{"; x=99999999999999999999", false},
		{"; x=999999999999", true},
		{"; l=18446744073709551615", false},
		{"; n=\xc3\xbc", false},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dkim_signature sig;
		struct slice value =
			arena_printf(a, "%s%s", GOOD, cases[i].tags);
		const char *why = dkim_signature_parse(a, value, &sig);

		if (why || sig.plain != cases[i].plain)
			fail_msg("%s: %s", cases[i].tags, why);
	}
	arena_free(&a);
}

static void long_lists_are_refused(void **state)
{
	struct arena *a = arena_new(0);
	char names[4096] = "From";
	struct dkim_signature sig;
	struct slice value;

	(void)state;
	for (int i = 0; i < DKIM_NAMES_MAX; i++)
		strcat(names, ":X");
	value = arena_printf(a,
			     "v=1; a=rsa-sha256; d=example.com; s=s; "
			     "h=%s; " HASH "b=AAAA",
			     names);
	assert_non_null(dkim_signature_parse(a, value, &sig));
	arena_free(&a);
}

static void control_characters_are_refused(void **state)
{
	struct arena *a = arena_new(0);
	struct dkim_signature sig;

	(void)state;
	assert_non_null(dkim_signature_parse(a, SLICE(GOOD "\0"), &sig));
	assert_non_null(dkim_signature_parse(a, SLICE(GOOD "; n=\x7f"), &sig));
	assert_non_null(dkim_signature_parse(a, SLICE_NONE, &sig));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_read),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(a_bad_field_still_says_whose_it_is),
		cmocka_unit_test(fields_that_libopendkim_reads_otherwise),
		cmocka_unit_test(long_lists_are_refused),
		cmocka_unit_test(control_characters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
