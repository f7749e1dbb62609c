/* Whole answers: aliases, lifetimes, absence, and messages cut short. */
#include "milter/net/dns_message.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define WIRE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* Header with a return code and the counts of the three sections. */
#define HEAD(rcode, answers, authority) \
	"\0\0\201" rcode "\0\1\0" answers "\0" authority "\0\0"
/* "a.test" A; its name is at 12, "test" at 14. */
#define ASK_A "\1a\4test\0\0\1\0\1"
#define A(name, ttl, last) name "\0\1\0\1\0\0\0" ttl "\0\4\300\0\2" last
#define CNAME(name, ttl, to) name "\0\5\0\1\0\0\0" ttl "\0\2" to
#define SOA(ttl, minimum)                                                     \
	"\300\016\0\6\0\1\0\0\0" ttl "\0\026\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0" \
	"\0\1\0\0\0" minimum

static void what_a_message_says(void **state)
{
	static const struct {
		const char *what;
		struct slice message;
		unsigned rcode, ttl, count;
		const char *last; /* last bytes of the addresses */
	} cases[] = {
		{"one record",
		 WIRE(HEAD("\0", "\1", "\0") ASK_A A("\300\014", "\5", "\1")),
		 0, 5, 1, "\1"},
		{"two records, the least of their lifetimes",
		 WIRE(HEAD("\0", "\2", "\0") ASK_A A("\300\014", "\5", "\1")
			      A("\300\014", "\3", "\2")),
		 0, 3, 2, "\1\2"},
		{"an alias, with its lifetime",
		 WIRE(HEAD("\0", "\2", "\0")
			      ASK_A CNAME("\300\014", "\2", "\300\016")
				      A("\4TEST\0", "\5", "\1")),
		 0, 2, 1, "\1"},
		{"a record of another name",
		 WIRE(HEAD("\0", "\2", "\0") ASK_A A("\300\016", "\2", "\1")
			      A("\300\014", "\5", "\2")),
		 0, 5, 1, "\2"},
		{"a record of another type",
		 WIRE(HEAD("\0", "\1", "\1") ASK_A
		      "\300\014\0\056\0\1\0\0\0\1\0\2xx" SOA("\7", "\4")),
		 0, 4, 0, ""},
		{"no records: the lesser of TTL and MINIMUM",
		 WIRE(HEAD("\0", "\0", "\1") ASK_A SOA("\7", "\11")), 0, 7, 0,
		 ""},
		{"no name", WIRE(HEAD("\3", "\0", "\1") ASK_A SOA("\11", "\6")),
		 3, 6, 0, ""},
		{"no name behind an alias",
		 WIRE(HEAD("\3", "\1", "\1") ASK_A CNAME(
			 "\300\014", "\2", "\300\016") SOA("\11", "\6")),
		 3, 2, 0, ""},
		{"no start of authority", WIRE(HEAD("\3", "\0", "\0") ASK_A), 3,
		 0, 0, ""},
		{"a failure", WIRE(HEAD("\2", "\0", "\0") ASK_A), 2, 0, 0, ""},
		{"one malformed record beside a good one",
		 WIRE(HEAD("\0", "\2", "\0") ASK_A
		      "\300\014\0\1\0\1\0\0\0\5\0\3abc" A("\300\014", "\5",
							  "\1")),
		 0, 5, 1, "\1"},
		{"a lifetime above 2^31",
		 WIRE(HEAD("\0", "\1", "\0") ASK_A
		      "\300\014\0\1\0\1\200\0\0\1\0\4\300\0\2\1"),
		 0, 0, 1, "\1"},
		{"another class",
		 WIRE(HEAD("\0", "\1", "\0") ASK_A
		      "\300\014\0\1\0\3\0\0\0\1\0\4\300\0\2\1"),
		 0, 0, 0, ""},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_message m;

		if (!dns_message_decode(a, DNS_A, cases[i].message, &m))
			fail_msg("malformed: %s", cases[i].what);
		if (m.rcode != cases[i].rcode || m.ttl != cases[i].ttl ||
		    m.count != cases[i].count)
			fail_msg("%s: rcode %u, ttl %u, %zu records",
				 cases[i].what, m.rcode, m.ttl, m.count);
		for (size_t j = 0; j < m.count; j++)
			assert_int_equal(m.records[j].data.p[3],
					 cases[i].last[j]);
	}
	arena_free(&a);
}

static void malformed_messages(void **state)
{
	static const struct slice cases[] = {
		WIRE(""),
		WIRE("\0\0\201\200\0\1\0\0\0\0\0"),
		/* No question, two questions, a name without an end. */
		WIRE("\0\0\201\200\0\0\0\0\0\0\0\0"),
		WIRE("\0\0\201\200\0\2\0\0\0\0\0\0" ASK_A ASK_A),
		WIRE("\0\0\201\200\0\1\0\0\0\0\0\0\1a"),
		/* More answers than there are, or can be. */
		WIRE(HEAD("\0", "\2", "\0") ASK_A A("\300\014", "\5", "\1")),
		WIRE("\0\0\201\200\0\1\377\377\0\0\0\0" ASK_A),
		WIRE(HEAD("\3", "\0", "\1") ASK_A),
		/* An alias to nowhere, one with bytes behind it. */
		WIRE(HEAD("\0", "\1", "\0")
			     ASK_A CNAME("\300\014", "\2", "\377\377")),
		WIRE(HEAD("\0", "\1", "\0")
			     ASK_A CNAME("\300\014", "\2", "\0x")),
		/* No good record. */
		WIRE(HEAD("\0", "\1", "\0") ASK_A
		     "\300\014\0\1\0\1\0\0\0\5\0\3abc"),
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_message m;

		if (dns_message_decode(a, DNS_A, cases[i], &m))
			fail_msg("malformed case %zu was taken", i);
	}
	arena_free(&a);
}

static void any_cut_is_noticed(void **state)
{
	static const struct slice whole = WIRE(
		HEAD("\0", "\2", "\0") ASK_A CNAME("\300\014", "\2", "\300\016")
			A("\300\016", "\5", "\1"));
	struct arena *a = arena_new(0);
	struct dns_message m;

	(void)state;
	assert_true(dns_message_decode(a, DNS_A, whole, &m));
	for (size_t n = 0; n < whole.n; n++)
		assert_false(dns_message_decode(a, DNS_A,
						slice_sub(whole, 0, n), &m));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_message_says),
		cmocka_unit_test(malformed_messages),
		cmocka_unit_test(any_cut_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
