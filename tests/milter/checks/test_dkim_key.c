/* DKIM key records: wrappings of RSA keys, and the choice among records. */
#include "milter/checks/dkim_key.h"
#include "common/base/base64.h"
#include "tests/support/cmocka.h"
#include "tests/support/dkim_sign.h"

static struct dkim_signature signature(enum dkim_algorithm algorithm)
{
	return (struct dkim_signature){
		.algorithm = algorithm,
		.domain = SLICE("example.com"),
		.identity_domain = SLICE("example.com"),
	};
}

static void both_wrappings_give_the_same_key(void **state)
{
	static const char *const names[] = {"rsa1024", "rsa2048", "rsa1024b"};
	struct dkim_signature sig = signature(DKIM_RSA_SHA256);
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct slice spki = dkim_pair_spki(a, dkim_pair(names[i]));
		struct slice pkcs1 = dkim_pair_pkcs1(a, dkim_pair(names[i]));
		struct slice record = arena_printf(a, "v=DKIM1; t=y; p=%.*s",
						   SLICE_FMT(spki));
		struct dkim_key one, two;
		struct dkim_rsa rsa;

		assert_null(dkim_key_parse(a, record, &sig, &one));
		record = arena_printf(a, "p=%.*s", SLICE_FMT(pkcs1));
		assert_null(dkim_key_parse(a, record, &sig, &two));
		assert_true(slice_eq(one.bytes, two.bytes));
		assert_true(dkim_rsa_read(one.bytes, &rsa));
		assert_int_equal(rsa.modulus.n * 8, one.bits);
		assert_true(slice_eq(rsa.exponent, SLICE("\x01\x00\x01")));
		assert_true(slice_eq(base64_encode(a, one.bytes), spki));
		assert_int_equal(one.bits, two.bits);
		assert_true(one.testing && !one.exact && !two.testing);
	}
	arena_free(&a);
}

static void any_cut_or_changed_key_is_refused_or_another(void **state)
{
	struct dkim_signature sig = signature(DKIM_RSA_SHA256);
	struct arena *a = arena_new(0);
	struct slice der;

	(void)state;
	assert_true(base64_decode(a, dkim_pair_spki(a, dkim_pair("rsa1024")),
				  &der));
	for (size_t n = 0; n < der.n; n++) {
		struct slice text = base64_encode(a, slice_sub(der, 0, n));
		struct dkim_key key;

		assert_non_null(dkim_key_parse(
			a, arena_printf(a, "p=%.*s", SLICE_FMT(text)), &sig,
			&key));
	}
	/* The headers of the wrapping allow no other byte. */
	for (size_t i = 0; i < 28; i++) {
		struct slice copy = arena_dup(a, der), text;
		struct dkim_key key;

		((char *)copy.p)[i] ^= 0x41;
		text = base64_encode(a, copy);
		assert_non_null(dkim_key_parse(
			a, arena_printf(a, "p=%.*s", SLICE_FMT(text)), &sig,
			&key));
	}
	arena_free(&a);
}

static void the_order_of_an_answer_changes_nothing(void **state)
{
	struct dkim_signature sig = signature(DKIM_RSA_SHA256);
	struct arena *a = arena_new(0);
	struct slice one = arena_printf(
		a, "p=%.*s",
		SLICE_FMT(dkim_pair_spki(a, dkim_pair("rsa1024"))));
	struct slice two = arena_printf(
		a, "p=%.*s",
		SLICE_FMT(dkim_pair_spki(a, dkim_pair("rsa2048"))));
	struct dns_record records[] = {{.data = SLICE("v=spf1 -all")},
				       {.data = one},
				       {.data = two},
				       {.data = SLICE("")},
				       {.data = SLICE("v=DKIM1; p=")}};
	struct dkim_key first, key;

	(void)state;
	assert_null(dkim_key_choose(a, records, 5, &sig, &first));
	for (int i = 0; i < 5; i++) {
		struct dns_record moved = records[0];

		for (int j = 0; j < 4; j++)
			records[j] = records[j + 1];
		records[4] = moved;
		assert_null(dkim_key_choose(a, records, 5, &sig, &key));
		assert_true(slice_eq(key.bytes, first.bytes));
	}
	arena_free(&a);
}

static void the_complaint_is_about_a_key(void **state)
{
	static const struct dns_record records[] = {
		{.data = {"some-verification=1", 19}},
		{.data = {"v=DKIM1; p=", 11}},
		{.data = {"v=spf1 -all", 11}},
	};
	struct dkim_signature sig = signature(DKIM_RSA_SHA256);
	struct dns_record many[17];
	struct arena *a = arena_new(0);
	struct dkim_key key;

	(void)state;
	assert_string_equal(dkim_key_choose(a, records + 1, 2, &sig, &key),
			    "the key is revoked (p= is empty)");
	assert_string_equal(dkim_key_choose(a, records + 2, 1, &sig, &key),
			    "the TXT record is not a DKIM key (v=DKIM1)");
	assert_non_null(dkim_key_choose(a, records, 1, &sig, &key));
	for (int i = 0; i < 17; i++)
		many[i] = records[0];
	assert_non_null(dkim_key_choose(a, many, 17, &sig, &key));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_wrappings_give_the_same_key),
		cmocka_unit_test(any_cut_or_changed_key_is_refused_or_another),
		cmocka_unit_test(the_order_of_an_answer_changes_nothing),
		cmocka_unit_test(the_complaint_is_about_a_key),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	dkim_pairs_free();
	return failed;
}
