/* Domain names: the normal form, and comparison by labels. */
#include "common/mail/domain.h"
#include "tests/support/cmocka.h"

static void normal_form(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"Example.ORG", "example.org"},
		{"example.org.", "example.org"},
		{"b\xc3\xbc"
		 "cher.example",
		 "xn--bcher-kva.example"},
		{"_dmarc.example", "_dmarc.example"},
		{"a..b", NULL},
		{".", NULL},
		{"", NULL},
		{"a b.example", NULL},
		{"a@b", NULL},
		{"\xff\xfe.example", NULL},
		{"a\xc2\xa0"
		 "b.example",
		 NULL}, /* a no-break space maps to a blank */
		{"0123456789012345678901234567890123456789012345678901234567890123"
		 ".example",
		 NULL},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice out;
		bool ok = domain_normalise(a, slice_cstr(cases[i].in), &out);

		assert_int_equal(ok, cases[i].out != NULL);
		if (ok)
			assert_true(slice_eq(out, slice_cstr(cases[i].out)));
	}
	arena_free(&a);
}

static void labels_not_strings(void **state)
{
	(void)state;
	assert_true(domain_is_within(SLICE("a.example"), SLICE("EXAMPLE")));
	assert_true(domain_is_within(SLICE("a.example"), SLICE("a.example")));
	assert_false(domain_is_within(SLICE("evilexample"), SLICE("example")));
	assert_false(domain_is_within(SLICE("example"), SLICE("a.example")));
	assert_false(domain_is_within(SLICE("a"), SLICE("")));
	assert_int_equal(domain_labels(SLICE("a.b.c")), 3);
	assert_true(slice_eq(domain_tail(SLICE("a.b.c"), 2), SLICE("b.c")));
	assert_true(slice_eq(domain_parent(SLICE("c")), SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_form),
		cmocka_unit_test(labels_not_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
