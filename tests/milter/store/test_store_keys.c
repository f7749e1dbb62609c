/* Keys: always the same for the same parts, never for other ones. */
#include "milter/store/store_keys.h"
#include "common/verdict/fingerprint.h"
#include "tests/support/cmocka.h"

#include <string.h>

/* Other hosts, and later versions, must find what was kept under them. */
static void keys_stay_the_same(void **state)
{
	const struct slice parts[] = {SLICE("a@example.org"),
				      SLICE("b@example.net"), SLICE("192.0.2")};
	char key[STORE_KEY + 1];

	(void)state;
	store_key(parts, 3, key);
	assert_string_equal(key, "fgqjqjeuuqusfo5n");
	store_key(parts, 0, key);
	assert_string_equal(key, "4oymiquy7qobjgx3");
}

static void parts_are_kept_apart(void **state)
{
	static const struct slice lists[][3] = {
		{SLICE("ab"), SLICE("c"), SLICE("")},
		{SLICE("a"), SLICE("bc"), SLICE("")},
		{SLICE("abc"), SLICE(""), SLICE("")},
		{SLICE(""), SLICE("abc"), SLICE("")},
		{SLICE(""), SLICE(""), SLICE("")},
		{SLICE("\0"), SLICE(""), SLICE("")},
		{SLICE("AB"), SLICE("c"), SLICE("")},
	};
	char keys[14][STORE_KEY + 1];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		store_key(lists[i], 3, keys[n++]);
		store_key(lists[i], 2, keys[n++]);
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(strlen(keys[i]), STORE_KEY);
		assert_int_equal(
			strspn(keys[i], "abcdefghijklmnopqrstuvwxyz234567"),
			STORE_KEY);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

/* As by Python: sha256(struct.pack("<Q", 3) + b"abc"), its first bytes. */
static void fingerprints_are_sha256(void **state)
{
	static const unsigned char want[] = {0xce, 0x91, 0xdc, 0x5e,
					     0xec, 0x01, 0x39, 0xad};
	const struct slice part = SLICE("abc");
	unsigned char digest[FINGERPRINT];

	(void)state;
	fingerprint(&part, 1, digest);
	assert_memory_equal(digest, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stay_the_same),
		cmocka_unit_test(parts_are_kept_apart),
		cmocka_unit_test(fingerprints_are_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
