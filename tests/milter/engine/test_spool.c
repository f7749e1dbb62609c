/* The spool: a message comes out as it went in, and cannot change then. */
#include "milter/engine/spool.h"
#include "tests/support/cmocka.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void holds(const struct spool *spool, struct slice want)
{
	char bytes[8192];

	assert_int_equal(spool->state, SPOOL_SEALED);
	assert_int_equal(spool->size, want.n);
	assert_int_equal(pread(spool->fd, bytes, sizeof(bytes), 0), want.n);
	assert_memory_equal(bytes, want.p, want.n);
}

static void fields_stand_as_received_with_crlf(void **state)
{
	static const struct {
		struct slice name, value, want;
	} cases[] = {
		{SLICE("Subject"), SLICE(" hello"), SLICE("Subject: hello\r\n")},
		{SLICE("Subject"), SLICE("hello"), SLICE("Subject:hello\r\n")},
		{SLICE("X"), SLICE(" a\n\tb\n c"), SLICE("X: a\r\n\tb\r\n c\r\n")},
		{SLICE("X"), SLICE(" a\r\n\tb"), SLICE("X: a\r\n\tb\r\n")},
		{SLICE("X"), SLICE(""), SLICE("X:\r\n")},
		{SLICE("X"), SLICE(" a\rb \xff\xc3"), SLICE("X: a\rb \xff\xc3\r\n")},
		{SLICE("X "), SLICE(" "), SLICE("X : \r\n")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spool spool = {0};

		spool_begin(&spool, 1000);
		spool_add_field(&spool, cases[i].name, cases[i].value);
		spool_seal(&spool);
		holds(&spool, cases[i].want);
		spool_end(&spool);
		assert_int_equal(spool.state, SPOOL_OFF);
	}
}

static void long_fields_cross_the_gathering(void **state)
{
	static char value[5000], want[5003];
	struct spool spool = {0};

	(void)state;
	memset(value, 'x', sizeof(value));
	want[0] = 'A';
	want[1] = ':';
	memset(want + 2, 'x', sizeof(value) - 1);
	memcpy(want + 5001, "\r\n", 2);
	spool_begin(&spool, 10000);
	spool_add_field(&spool, SLICE("A"),
			(struct slice){value, sizeof(value) - 1});
	spool_seal(&spool);
	holds(&spool, (struct slice){want, sizeof(want)});
	spool_end(&spool);
}

static void a_sealed_one_cannot_change(void **state)
{
	struct spool spool = {0};

	(void)state;
	spool_begin(&spool, 1000);
	spool_add(&spool, SLICE("bytes"));
	spool_seal(&spool);
	assert_int_equal(fcntl(spool.fd, F_GET_SEALS),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
				 F_SEAL_SEAL);
	assert_int_equal(pwrite(spool.fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(spool.fd, 0), -1);
	spool_add(&spool, SLICE("more"));
	holds(&spool, SLICE("bytes"));
	spool_end(&spool);
}

static void too_much_is_not_cut_but_told(void **state)
{
	struct spool spool = {0};
	unsigned char digest[32];

	(void)state;
	spool_begin(&spool, 5);
	spool_add(&spool, SLICE("12345"));
	assert_int_equal(spool.state, SPOOL_OPEN);
	spool_add(&spool, SLICE("6"));
	assert_int_equal(spool.state, SPOOL_TOO_LARGE);
	assert_int_equal(spool.fd, -1);
	spool_seal(&spool);
	assert_int_equal(spool.state, SPOOL_TOO_LARGE);
	assert_false(spool_fingerprint(&spool, digest));
	spool_end(&spool);
}

static void its_fingerprint_is_sha256(void **state)
{
	/* printf abc | sha256sum */
	static const unsigned char want[4] = {0xba, 0x78, 0x16, 0xbf};
	struct spool spool = {0};
	unsigned char digest[32];

	(void)state;
	spool_begin(&spool, 5);
	spool_add(&spool, SLICE("abc"));
	spool_seal(&spool);
	assert_true(spool_fingerprint(&spool, digest));
	assert_memory_equal(digest, want, sizeof(want));
	spool_end(&spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_stand_as_received_with_crlf),
		cmocka_unit_test(long_fields_cross_the_gathering),
		cmocka_unit_test(a_sealed_one_cannot_change),
		cmocka_unit_test(too_much_is_not_cut_but_told),
		cmocka_unit_test(its_fingerprint_is_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
