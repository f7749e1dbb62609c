/* RDATA as zones publish it, and as nobody should. */
#include "milter/net/dns_rdata.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define WIRE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define LABEL50 "\062aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static bool decode(struct arena *a, enum dns_type type, struct slice rdata,
		   struct dns_record *record_r)
{
	return dns_rdata_decode(a, type, rdata, 0, rdata.n, record_r);
}

static void good_records(void **state)
{
	static const struct {
		enum dns_type type;
		struct slice wire;
		struct slice data;
		unsigned preference;
	} cases[] = {
		{DNS_A, WIRE("\300\0\2\1"), WIRE("\300\0\2\1"), 0},
		{DNS_AAAA, WIRE("0123456789abcdef"), WIRE("0123456789abcdef"),
		 0},
		{DNS_TXT, WIRE("\3one\3two"), WIRE("onetwo"), 0},
		{DNS_TXT, WIRE("\0"), WIRE(""), 0},
		{DNS_TXT, WIRE("\0\1x\0"), WIRE("x"), 0},
		{DNS_TXT, WIRE("\4a\0\377\\"), WIRE("a\0\377\\"), 0},
		{DNS_PTR, WIRE("\4Mail\7Example\0"), WIRE("mail.example"), 0},
		{DNS_PTR, WIRE("\0"), WIRE(""), 0},
		{DNS_MX, WIRE("\1\2\1m\0"), WIRE("m"), 258},
		{DNS_MX, WIRE("\0\0\0"), WIRE(""), 0},
		/* Bytes that would make a name look like another. */
		{DNS_PTR, WIRE("\3a.b\1c\0"), WIRE("a\\046b.c"), 0},
		{DNS_PTR, WIRE("\5a\\\0 \377\0"), WIRE("a\\092\\000\\032\\255"),
		 0},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_record record;

		assert_true(decode(a, cases[i].type, cases[i].wire, &record));
		assert_true(slice_eq(record.data, cases[i].data));
		assert_int_equal(record.preference, cases[i].preference);
	}
	arena_free(&a);
}

static void malformed_records(void **state)
{
	static const struct {
		enum dns_type type;
		struct slice wire;
	} cases[] = {
		{DNS_A, WIRE("")},
		{DNS_A, WIRE("123")},
		{DNS_A, WIRE("12345")},
		{DNS_AAAA, WIRE("1234")},
		{DNS_AAAA, WIRE("0123456789abcdefg")},
		{DNS_TXT, WIRE("")},
		{DNS_TXT, WIRE("\4abc")},
		{DNS_TXT, WIRE("\3abc\1")},
		{DNS_PTR, WIRE("")},
		{DNS_PTR, WIRE("\3abc")},
		{DNS_PTR, WIRE("\4abc\0")},
		{DNS_PTR, WIRE("\3abc\0\0")},
		{DNS_PTR, WIRE("\300\014")},
		{DNS_PTR, WIRE("\3abc\300\0")},
		{DNS_PTR, WIRE("\100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			       "aaaaaaaaaaaaaaaaaaaaaa\0")},
		{DNS_PTR, WIRE(LABEL50 LABEL50 LABEL50 LABEL50 LABEL50 "\0")},
		{DNS_MX, WIRE("")},
		{DNS_MX, WIRE("\0\12")},
		{DNS_MX, WIRE("\0\12\1m")},
		{(enum dns_type)99, WIRE("\3abc")},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_record record;

		assert_false(decode(a, cases[i].type, cases[i].wire, &record));
	}
	arena_free(&a);
}

static void names_may_point_back(void **state)
{
	/* At 0 "example", at 9 "mail.example", at 16 a loop, at 18 ahead. */
	static const struct slice message =
		WIRE("\7example\0\4mail\300\0\300\020\300\022x");
	static const struct {
		size_t at, n;
		const char *name;
	} cases[] = {
		{0, 9, "example"},   {9, 7, "mail.example"}, {14, 2, "example"},
		{9, 6, NULL},	     {9, 8, NULL},	     {0, 8, NULL},
		{16, 2, NULL},	     {18, 2, NULL},	     {20, 1, NULL},
		{18, 1, NULL},	     {21, 0, NULL},	     {22, 0, NULL},
		{9, SIZE_MAX, NULL},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_record record;
		bool good = dns_rdata_decode(a, DNS_PTR, message, cases[i].at,
					     cases[i].n, &record);

		assert_int_equal(good, cases[i].name != NULL);
		if (good)
			assert_true(slice_eq(record.data,
					     slice_cstr(cases[i].name)));
	}
	arena_free(&a);
}

static void the_longest_name_is_read(void **state)
{
	struct arena *a = arena_new(0);
	struct dns_record record;

	(void)state;
	/* 255 bytes on the wire, 253 as text. */
	assert_true(decode(a, DNS_PTR,
			   WIRE(LABEL50 LABEL50 LABEL50 LABEL50
				"\060aaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaa"
				"aaa\1b\0"),
			   &record) == false);
	assert_true(decode(a, DNS_PTR,
			   WIRE(LABEL50 LABEL50 LABEL50 LABEL50
				"\057aaaaaaaaaaaaaaaaaaaaa"
				"aaaaaaaaaaaaaaaaaaaaaaaa"
				"aa\1b\0"),
			   &record));
	assert_int_equal(record.data.n, 253);
	arena_free(&a);
}

static void names_are_printed_for_the_library(void **state)
{
	static const struct {
		struct slice name;
		const char *text;
	} cases[] = {
		{WIRE("example.org"), "example.org."},
		{WIRE("_dmarc.EXAMPLE-1"), "_dmarc.EXAMPLE-1."},
		{WIRE("a\\b.c"), "a\\092b.c."},
		{WIRE("a b\0\377"), "a\\032b\\000\\255."},
		{WIRE("\"x\"(;)@$*"),
		 "\\034x\\034\\040\\059\\041\\064\\036\\042."},
	};
	char text[DNS_NAME_TEXT_MAX], longest[254];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(dns_name_print(cases[i].name, text));
		assert_string_equal(text, cases[i].text);
	}
	assert_false(dns_name_print(SLICE(""), text));
	assert_false(dns_name_print(SLICE("a..b"), text));
	assert_false(dns_name_print(SLICE(".a"), text));
	assert_false(dns_name_print(SLICE("a."), text));
	memset(longest, '*', sizeof(longest));
	assert_false(dns_name_print((struct slice){longest, 64}, text));
	for (size_t i = 63; i < 253; i += 64)
		longest[i] = '.';
	assert_false(dns_name_print((struct slice){longest, 254}, text));
	assert_true(dns_name_print((struct slice){longest, 253}, text));
	assert_int_equal(strlen(text), 250 * 4 + 3 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_records),
		cmocka_unit_test(malformed_records),
		cmocka_unit_test(names_may_point_back),
		cmocka_unit_test(the_longest_name_is_read),
		cmocka_unit_test(names_are_printed_for_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
