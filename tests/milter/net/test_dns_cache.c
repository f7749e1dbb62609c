/* What the cache keeps, for how long, and what goes first. */
#include "milter/net/dns_cache.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

static struct dns_key key_of(enum dns_type type, const char *name)
{
	static const uint64_t secret[2] = {1, 2};
	struct slice s = slice_cstr(name);

	return (struct dns_key){type, s, slice_hash_nocase(s, secret)};
}

static void put(struct dns_cache *cache, enum dns_type type, const char *name,
		size_t bytes, int64_t until_ms)
{
	struct dns_key key = key_of(type, name);
	struct dns_record record = {.data = {calloc(1, bytes + 1), bytes}};
	const struct dns_answer *answer =
		dns_answer_new(DNS_FOUND, false, 60, NULL, &record, 1);

	dns_cache_put(cache, &key, answer, until_ms);
	dns_answer_unref(answer);
	free((void *)record.data.p);
}

/* Length of the data found, or -1. */
static int find(struct dns_cache *cache, enum dns_type type, const char *name,
		int64_t now_ms)
{
	struct dns_key key = key_of(type, name);
	const struct dns_answer *answer = dns_cache_find(cache, &key, now_ms);
	int n = answer ? (int)answer->records[0].data.n : -1;

	dns_answer_unref(answer);
	return n;
}

static void finds_by_type_and_name_without_case(void **state)
{
	struct dns_cache cache;

	(void)state;
	dns_cache_init(&cache, 100000);
	assert_int_equal(find(&cache, DNS_A, "a.example", 0), -1);
	put(&cache, DNS_A, "a.example", 1, 1000);
	put(&cache, DNS_TXT, "a.example", 2, 1000);
	assert_int_equal(find(&cache, DNS_A, "A.EXAMPLE", 0), 1);
	assert_int_equal(find(&cache, DNS_TXT, "a.example", 0), 2);
	assert_int_equal(find(&cache, DNS_MX, "a.example", 0), -1);
	assert_int_equal(find(&cache, DNS_A, "b.example", 0), -1);
	put(&cache, DNS_A, "a.example", 3, 1000);
	assert_int_equal(find(&cache, DNS_A, "a.example", 0), 3);
	assert_int_equal(cache.count, 2);
	dns_cache_clear(&cache);
	assert_int_equal(cache.bytes, 0);
	assert_int_equal(cache.count, 0);
}

static void nothing_outlives_its_time(void **state)
{
	struct dns_cache cache;

	(void)state;
	dns_cache_init(&cache, 100000);
	put(&cache, DNS_A, "a.example", 1, 1000);
	assert_int_equal(find(&cache, DNS_A, "a.example", 999), 1);
	assert_int_equal(find(&cache, DNS_A, "a.example", 1000), -1);
	assert_int_equal(cache.count, 0);
	assert_int_equal(cache.bytes, 0);
	dns_cache_clear(&cache);
}

static void the_least_recently_used_goes_first(void **state)
{
	struct dns_cache cache;
	size_t each;

	(void)state;
	dns_cache_init(&cache, 100000);
	put(&cache, DNS_A, "0.example", 100, 1000);
	each = cache.bytes;
	dns_cache_clear(&cache);
	dns_cache_init(&cache, each * 8);
	for (char name[] = "0.example"; name[0] < '8'; name[0]++)
		put(&cache, DNS_A, name, 100, 1000);
	assert_int_equal(cache.count, 8);
	assert_int_equal(find(&cache, DNS_A, "0.example", 0), 100);
	put(&cache, DNS_A, "8.example", 100, 1000);
	assert_int_equal(cache.count, 8);
	assert_int_equal(find(&cache, DNS_A, "1.example", 0), -1);
	assert_int_equal(find(&cache, DNS_A, "0.example", 0), 100);
	assert_int_equal(find(&cache, DNS_A, "2.example", 0), 100);
	dns_cache_clear(&cache);
}

static void the_bound_holds(void **state)
{
	struct dns_cache cache;
	char name[32];

	(void)state;
	dns_cache_init(&cache, 50000);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d.example", i);
		put(&cache, DNS_TXT, name, (size_t)(i * 37 % 3000), 1000);
		assert_true(cache.bytes <= 50000);
	}
	assert_true(cache.count > 10);
	put(&cache, DNS_TXT, "large.example", 20000, 1000);
	assert_int_equal(find(&cache, DNS_TXT, "large.example", 0), -1);
	assert_true(cache.count > 10);
	dns_cache_clear(&cache);
}

static void size_zero_keeps_nothing(void **state)
{
	struct dns_cache cache;

	(void)state;
	dns_cache_init(&cache, 0);
	put(&cache, DNS_A, "a.example", 1, 1000);
	assert_int_equal(find(&cache, DNS_A, "a.example", 0), -1);
	dns_cache_clear(&cache);
}

static void an_answer_in_use_outlives_its_entry(void **state)
{
	struct dns_cache cache;
	struct dns_key key = key_of(DNS_A, "a.example");
	const struct dns_answer *answer;

	(void)state;
	dns_cache_init(&cache, 100000);
	put(&cache, DNS_A, "a.example", 5, 1000);
	answer = dns_cache_find(&cache, &key, 0);
	dns_cache_clear(&cache);
	assert_int_equal(answer->records[0].data.n, 5);
	dns_answer_unref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_type_and_name_without_case),
		cmocka_unit_test(nothing_outlives_its_time),
		cmocka_unit_test(the_least_recently_used_goes_first),
		cmocka_unit_test(the_bound_holds),
		cmocka_unit_test(size_zero_keeps_nothing),
		cmocka_unit_test(an_answer_in_use_outlives_its_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
