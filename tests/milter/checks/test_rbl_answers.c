/* Lines of `answers`, and what an answer of a list means. */
#include "milter/checks/rbl_answers.h"
#include "tests/support/cmocka.h"

#include <string.h>

static bool applies(const char *line, const char *address)
{
	struct rbl_line parsed;
	const char *wrong;
	struct ip ip;

	if (!rbl_line_parse(slice_cstr(line), &parsed, &wrong))
		fail_msg("%s: %s", line, wrong);
	assert_true(ip_parse(slice_cstr(address), &ip));
	return rbl_code_applies(&parsed.code,
				(struct slice){(const char *)ip.b, 4});
}

static void codes_apply_to_their_answers_only(void **state)
{
	static const struct {
		const char *line, *address;
		bool applies;
	} cases[] = {
		{"127.0.0.2 A1 1 x", "127.0.0.2", true},
		{"127.0.0.2 A1 1 x", "127.0.0.3", false},
		{"127.0.0.2 A1 1 x", "127.0.1.2", false},
		{"127.0.0.4-7 A1 1 x", "127.0.0.3", false},
		{"127.0.0.4-7 A1 1 x", "127.0.0.4", true},
		{"127.0.0.4-7 A1 1 x", "127.0.0.7", true},
		{"127.0.0.4-7 A1 1 x", "127.0.0.8", false},
		{"127.0.*.3 A1 1 x", "127.0.15.3", true},
		{"127.0.*.3 A1 1 x", "127.0.15.2", false},
		{"127.0.*.3 A1 1 x", "127.1.15.3", false},
		{"127.0.2-3.0-1 A1 1 x", "127.0.3.1", true},
		{"127.0.2-3.0-1 A1 1 x", "127.0.4.1", false},
		{"&8 A1 1 x", "127.0.0.8", true},
		{"&8 A1 1 x", "127.0.0.255", true},
		{"&8 A1 1 x", "127.0.0.247", false},
		{"&8 A1 1 x", "127.0.8.0", false},
		{"&2048 A1 1 x", "127.0.8.0", true},
		{"&24 A1 1 x", "127.0.0.16", true},
		{"127.0.0.1 refused", "127.0.0.1", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (applies(cases[i].line, cases[i].address) !=
		    cases[i].applies)
			fail_msg("%s for %s", cases[i].line, cases[i].address);
}

static void a_line_has_code_symbol_points_and_words(void **state)
{
	struct rbl_line line;
	const char *wrong;

	(void)state;
	assert_true(rbl_line_parse(
		SLICE("  127.0.0.2   RBL_X_1  -2.5   a good   host "), &line,
		&wrong));
	assert_true(slice_eq(line.symbol, SLICE("RBL_X_1")));
	assert_true(line.points == -2.5);
	assert_true(slice_eq(line.meaning, SLICE("a good   host")));
	assert_false(line.code.refused);
	assert_true(rbl_line_parse(SLICE("127.0.*.255 refused"), &line,
				   &wrong));
	assert_true(line.code.refused);
}

static void bad_lines_say_what_is_allowed(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"", "127.0.0.2"},
		{"2 A1 1 x", "127.0.0.2"},
		{"127.0.0 A1 1 x", "127.0.0.2"},
		{"127.0.0.2.3 A1 1 x", "127.0.0.2"},
		{"127.0.0.256 A1 1 x", "127.0.0.2"},
		{"127.0.0.7-4 A1 1 x", "127.0.0.2"},
		{"127.0.0.-4 A1 1 x", "127.0.0.2"},
		{"128.0.0.1 A1 1 x", "127.0.0.0/8"},
		{"*.0.0.1 A1 1 x", "127.0.0.0/8"},
		{"&0 A1 1 x", "&8"},
		{"& A1 1 x", "&8"},
		{"&16777216 A1 1 x", "&8"},
		{"127.255.255.254 A1 1 x", "provider"},
		{"127.0.0.2", "symbol"},
		{"127.0.0.2 rbl 1 x", "symbol"},
		{"127.0.0.2 1RBL 1 x", "symbol"},
		{"127.0.0.2 REFUSED", "points"},
		{"127.0.0.2 A1 x", "points"},
		{"127.0.0.2 A1 1e3 x", "points"},
		{"127.0.0.2 A1 101 x", "points"},
		{"127.0.0.2 A1 1.5.2 x", "points"},
		{"127.0.0.2 A1 1.5", "plain words"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rbl_line line;
		const char *wrong = "";

		if (rbl_line_parse(slice_cstr(cases[i].line), &line, &wrong))
			fail_msg("read: %s", cases[i].line);
		if (!strstr(wrong, cases[i].says))
			fail_msg("%s: %s", cases[i].line, wrong);
	}
}

static enum rbl_finding finding(enum dns_status status, const char *one,
				const char *two)
{
	struct rbl_line refused;
	struct dns_record records[2] = {0};
	struct dns_answer *answer;
	const char *texts[] = {one, two}, *wrong;
	enum rbl_finding found;
	struct ip ip[2];
	size_t count = 0, record;

	for (; count < 2 && texts[count]; count++) {
		assert_true(ip_parse(slice_cstr(texts[count]), &ip[count]));
		records[count].data =
			(struct slice){(const char *)ip[count].b, 4};
	}
	assert_true(
		rbl_line_parse(SLICE("127.0.0.1 refused"), &refused, &wrong));
	answer = dns_answer_new(status, false, 0, NULL, records, count);
	found = rbl_answer_read(&refused.code, 1, answer, &record);
	dns_answer_unref(answer);
	return found;
}

static void only_127_counts_and_errors_are_no_listings(void **state)
{
	(void)state;
	assert_int_equal(finding(DNS_NXDOMAIN, NULL, NULL), RBL_NOT_LISTED);
	assert_int_equal(finding(DNS_NODATA, NULL, NULL), RBL_NOT_LISTED);
	assert_int_equal(finding(DNS_TEMPFAIL, NULL, NULL), RBL_NO_ANSWER);
	assert_int_equal(finding(DNS_FOUND, "127.0.0.2", NULL), RBL_LISTED);
	assert_int_equal(finding(DNS_FOUND, "127.255.254.2", NULL), RBL_LISTED);
	assert_int_equal(finding(DNS_FOUND, "127.255.255.252", NULL),
			 RBL_REFUSED);
	assert_int_equal(finding(DNS_FOUND, "127.255.255.0", NULL),
			 RBL_REFUSED);
	assert_int_equal(finding(DNS_FOUND, "127.0.0.1", NULL), RBL_REFUSED);
	assert_int_equal(finding(DNS_FOUND, "203.0.113.9", NULL), RBL_OUTSIDE);
	assert_int_equal(finding(DNS_FOUND, "128.0.0.2", NULL), RBL_OUTSIDE);
	assert_int_equal(finding(DNS_FOUND, "0.0.0.0", NULL), RBL_OUTSIDE);
	/* One bad record spoils the others. */
	assert_int_equal(finding(DNS_FOUND, "127.0.0.2", "203.0.113.9"),
			 RBL_OUTSIDE);
	assert_int_equal(finding(DNS_FOUND, "127.0.0.2", "127.255.255.254"),
			 RBL_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_apply_to_their_answers_only),
		cmocka_unit_test(a_line_has_code_symbol_points_and_words),
		cmocka_unit_test(bad_lines_say_what_is_allowed),
		cmocka_unit_test(only_127_counts_and_errors_are_no_listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
