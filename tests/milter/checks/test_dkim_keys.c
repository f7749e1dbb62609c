/* The cache of decoded keys: what it returns, keeps and forgets. */
#include "milter/checks/dkim_keys.h"
#include "tests/support/cmocka.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define MANY 1500	/* more than there is room for */

/* Ed25519 keys make themselves in no time and decode in the same way. */
static struct slice make_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	unsigned char *bytes = NULL;
	int n = i2d_PUBKEY(key, &bytes);

	assert_true(n > 0);
	EVP_PKEY_free(key);
	return (struct slice){(char *)bytes, (size_t)n};
}

static void free_key(struct slice bytes)
{
	OPENSSL_free((void *)bytes.p);
}

static void a_key_is_decoded_once(void **state)
{
	struct dkim_keys *keys = dkim_keys_new();
	struct slice one = make_key(), other = make_key();
	EVP_PKEY *first = dkim_keys_get(keys, one);
	EVP_PKEY *second = dkim_keys_get(keys, other);
	EVP_PKEY *again = dkim_keys_get(keys, one);

	(void)state;
	assert_non_null(first);
	assert_ptr_equal(first, again);
	assert_ptr_not_equal(first, second);
	assert_int_equal(EVP_PKEY_eq(first, second), 0);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	EVP_PKEY_free(again);
	dkim_keys_free(&keys);
	free_key(one);
	free_key(other);
}

static void what_is_no_key_stays_none(void **state)
{
	struct dkim_keys *keys = dkim_keys_new();

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_null(dkim_keys_get(keys, SLICE("not a key")));
		assert_null(dkim_keys_get(keys, SLICE_NONE));
	}
	dkim_keys_free(&keys);
}

static void a_key_in_use_outlives_the_cache(void **state)
{
	struct dkim_keys *keys = dkim_keys_new();
	struct slice bytes = make_key();
	EVP_PKEY *key = dkim_keys_get(keys, bytes);
	EVP_PKEY *same;
	const unsigned char *p = (const unsigned char *)bytes.p;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		struct slice more = make_key();
		EVP_PKEY *one = dkim_keys_get(keys, more);

		assert_non_null(one);
		EVP_PKEY_free(one);
		free_key(more);
	}
	dkim_keys_free(&keys);
	same = d2i_PUBKEY(NULL, &p, (long)bytes.n);
	assert_int_equal(EVP_PKEY_eq(key, same), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(same);
	free_key(bytes);
}

static EVP_PKEY *through_bio(struct slice bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	EVP_PKEY *key = d2i_PUBKEY_bio(bio, NULL);

	BIO_free(bio);
	return key;
}

static void the_library_gets_the_lent_keys(void **state)
{
	struct dkim_keys *keys = dkim_keys_new();
	struct slice bytes = make_key();
	EVP_PKEY *ours = dkim_keys_get(keys, bytes);
	EVP_PKEY *lent, *not_lent;

	(void)state;
	dkim_keys_lend(keys);
	lent = through_bio(bytes);
	dkim_keys_lend(NULL);
	not_lent = through_bio(bytes);
	assert_ptr_equal(lent, ours);
	assert_non_null(not_lent);
	assert_ptr_not_equal(not_lent, ours);
	assert_null(through_bio(SLICE("not a key")));
	EVP_PKEY_free(ours);
	EVP_PKEY_free(lent);
	EVP_PKEY_free(not_lent);
	dkim_keys_free(&keys);
	free_key(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_decoded_once),
		cmocka_unit_test(what_is_no_key_stays_none),
		cmocka_unit_test(a_key_in_use_outlives_the_cache),
		cmocka_unit_test(the_library_gets_the_lent_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
