/* The SPF check: identities, symbols, words, and when it does not run. */
#include "config.h"

#include "milter/checks/spf.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <string.h>

static const char zones[] =
	"example.org TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.7 -all\n"
	"why.example TXT v=spf1 -all exp=e.why.example\n"
	"e.why.example TXT ask %{d}\n"
	"open.example TXT v=spf1 +all\n"
	"wide.example TXT v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all\n"
	"fence.example TXT v=spf1 -ip4:203.0.113.0/24 +all\n"
	"viaopen.example TXT v=spf1 include:open.example -all\n"
	"via.example TXT v=spf1 include:example.org -all\n"
	"red.example TXT v=spf1 redirect=example.org\n"
	"not.example TXT v=spf1 -include:example.org +all\n"
	"soft.example TXT v=spf1 ~all\n"
	"neutral.example TXT v=spf1 ?all\n"
	"end.example TXT v=spf1 mx\n"
	"bad.example TXT v=spf1 ip:192.0.2.1 -all\n"
	"two.example TXT v=spf1\ntwo.example TXT v=spf1 -all\n"
	"slow.example TXT TEMPFAIL\n"
	"mail.example.org TXT v=spf1 ip4:192.0.2.1 -all\n";

#ifdef HAVE_LIBSPF2
static const bool has_libspf2 = true;
#else
static const bool has_libspf2 = false;
#endif

static const struct check *const checks[] = {&check_spf, NULL};

struct expected {
	struct letter letter;
	const char *symbols; /* in one line */
	const char *result, *domain, *scope, *helo;
	const char *words; /* in the detail of the first symbol */
};

#define MAIL(ip, helo, from)                          \
	{                                             \
		ip, "", helo, from, NULL, NULL, false \
	}

static const struct expected expected[] = {
	{MAIL("192.0.2.9", "x.test.example", "a@example.org"), "SPF_PASS",
	 "pass", "example.org", "mfrom", "none",
	 "SPF says 192.0.2.9 may send for example.org (ip4:192.0.2.0/24)"},
	{MAIL("203.0.113.1", "x.test.example", "a@Example.ORG"), "SPF_FAIL",
	 "fail", "example.org", "mfrom", "none",
	 "SPF says 203.0.113.1 may not send for example.org (-all)"},
	{MAIL("203.0.113.1", "mail.example.org", "a@soft.example"),
	 "SPF_HELO_FAIL SPF_SOFTFAIL", "softfail", "soft.example", "mfrom",
	 "fail",
	 "SPF says 203.0.113.1 may not send for mail.example.org (-all)"},
	{MAIL("192.0.2.1", "mail.example.org", ""), "SPF_PASS", "pass",
	 "mail.example.org", "helo", "pass",
	 "SPF says 192.0.2.1 may send for mail.example.org (ip4:192.0.2.1)"},
	{MAIL("203.0.113.1", "mail.example.org", ""), "SPF_FAIL", "fail",
	 "mail.example.org", "helo", "fail", "may not send"},
	{MAIL("203.0.113.1", "localhost", ""), "SPF_NONE", "none", "", "helo",
	 "none", "the client greeted as 'localhost', which is no domain"},
	{MAIL("203.0.113.1", "203.0.113.1", ""), "SPF_NONE", "none", "", "helo",
	 "none", "which is no domain"},
	{MAIL("203.0.113.1", "x", "user@nodots"), "SPF_NONE", "none", "",
	 "mfrom", "none", "the sender 'user@nodots' has no domain"},
	{MAIL("203.0.113.1", "x", "user"), "SPF_NONE", "none", "", "mfrom",
	 "none", "the sender 'user' has no domain"},
	{MAIL("203.0.113.1", "x", "a@why.example"), "SPF_FAIL", "fail",
	 "why.example", "mfrom", "none",
	 "(-all); the domain explains: ask why.example"},
	{MAIL("203.0.113.1", "x", "a@open.example"), "SPF_PLUSALL", "pass",
	 "open.example", "mfrom", "none", "(+all)"},
	{MAIL("203.0.113.1", "x", "a@wide.example"), "SPF_PLUSALL", "pass",
	 "wide.example", "mfrom", "none", "(ip4:128.0.0.0/1)"},
	{MAIL("192.0.2.9", "x", "a@fence.example"), "SPF_PASS", "pass",
	 "fence.example", "mfrom", "none", "(+all)"},
	{MAIL("192.0.2.9", "x", "a@viaopen.example"), "SPF_PLUSALL", "pass",
	 "viaopen.example", "mfrom", "none",
	 "(include:open.example, by +all of open.example)"},
	{MAIL("192.0.2.9", "x", "a@via.example"), "SPF_PASS", "pass",
	 "via.example", "mfrom", "none",
	 "(include:example.org, by ip4:192.0.2.0/24 of example.org)"},
	{MAIL("203.0.113.9", "x", "a@red.example"), "SPF_FAIL", "fail",
	 "red.example", "mfrom", "none", "(-all of example.org)"},
	{MAIL("192.0.2.9", "x", "a@not.example"), "SPF_FAIL", "fail",
	 "not.example", "mfrom", "none",
	 "(-include:example.org, by ip4:192.0.2.0/24 of example.org)"},
	{MAIL("192.0.2.9", "x", "a@soft.example"), "SPF_SOFTFAIL", "softfail",
	 "soft.example", "mfrom", "none",
	 "SPF says 192.0.2.9 should not send for soft.example (~all)"},
	{MAIL("192.0.2.9", "x", "a@neutral.example"), "SPF_NEUTRAL", "neutral",
	 "neutral.example", "mfrom", "none", "(?all)"},
	{MAIL("192.0.2.9", "x", "a@end.example"), "SPF_NEUTRAL", "neutral",
	 "end.example", "mfrom", "none",
	 "SPF does not say whether 192.0.2.9 may send for end.example"},
	{MAIL("192.0.2.9", "x", "a@none.example"), "SPF_NONE", "none",
	 "none.example", "mfrom", "none",
	 "there is no SPF record for none.example"},
	{MAIL("192.0.2.9", "x", "a@bad.example"), "SPF_PERMERROR", "permerror",
	 "bad.example", "mfrom", "none",
	 "SPF cannot be used for bad.example (the record of bad.example is "
	 "bad: 'ip:192.0.2.1' is not a known mechanism)"},
	{MAIL("192.0.2.9", "x", "a@two.example"), "SPF_PERMERROR", "permerror",
	 "two.example", "mfrom", "none", "has more than one SPF record"},
	{MAIL("192.0.2.9", "x", "a@slow.example"), "SPF_TEMPERROR", "temperror",
	 "slow.example", "mfrom", "none",
	 "(DNS for slow.example (TXT): SERVFAIL)"},
	{MAIL("::ffff:192.0.2.9", "x", "a@example.org"), "SPF_PASS", "pass",
	 "example.org", "mfrom", "none", "SPF says 192.0.2.9 may"},
};

static void assert_one(struct bench *bench, const struct expected *want)
{
	struct mail *mail = bench_judge(bench, &want->letter);
	const struct auth_spf *spf = &mail->verdict->auth.spf;

	assert_string_equal(judged_symbols(mail), want->symbols);
	assert_string_equal(auth_result_word(spf->result), want->result);
	assert_true(slice_eq(spf->domain, slice_cstr(want->domain)));
	assert_string_equal(spf->scope, want->scope);
	assert_string_equal(auth_result_word(spf->helo_result), want->helo);
	if (slice_search_nocase(mail->verdict->hits[0].detail,
				slice_cstr(want->words)) ==
	    mail->verdict->hits[0].detail.n)
		fail_msg("'%.*s' does not say '%s'",
			 SLICE_FMT(mail->verdict->hits[0].detail), want->words);
	mail_free(&mail);
}

static void says_what_it_found(void **state)
{
	(void)state;
	for (int late = 0; late <= 1; late++) {
		struct bench *bench = bench_new(&(struct bench_setup){
			.checks = checks, .zones = zones, .late = late});

		for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]);
		     i++)
			assert_one(bench, &expected[i]);
		bench_free(&bench);
	}
}

static void explanation_is_theirs_or_ours(void **state)
{
	struct bench *bench = bench_new(
		&(struct bench_setup){.checks = checks, .zones = zones});
	struct mail *mail = bench_judge(
		bench, &(struct letter)MAIL("192.0.2.1", "x", "a@why.example"));

	(void)state;
	assert_true(slice_eq(mail->verdict->auth.spf.explanation,
			     SLICE("ask why.example")));
	mail_free(&mail);
	mail = bench_judge(bench, &(struct letter)MAIL("203.0.113.1", "x",
						       "a@example.org"));
	assert_true(slice_starts_nocase(mail->verdict->auth.spf.explanation,
					SLICE("SPF says 203.0.113.1 may not")));
	mail_free(&mail);
	bench_free(&bench);
}

static void own_clients_are_not_asked_about(void **state)
{
	static const struct letter letters[] = {
		{"203.0.113.1", "", "x", "a@example.org", "joe", NULL, false},
		{"203.0.113.1", "", "x", "a@example.org", NULL, NULL, true},
		{NULL, "", "x", "a@example.org", NULL, NULL, false},
	};
	struct bench *bench = bench_new(
		&(struct bench_setup){.checks = checks, .zones = zones});

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct mail *mail = bench_judge(bench, &letters[i]);

		assert_string_equal(judged_symbols(mail), "");
		assert_int_equal(judged_report(mail, "spf")->outcome,
				 OUTCOME_NOT_RUN);
		assert_true(judged_report(mail, "spf")->reason.n > 0);
		assert_int_equal(mail->verdict->auth.spf.result, AUTH_NONE);
		assert_string_equal(mail->verdict->auth.spf.scope, "");
		mail_free(&mail);
	}
	bench_free(&bench);
}

static void outcomes_follow_the_result(void **state)
{
	static const struct {
		const char *from;
		enum outcome outcome;
	} cases[] = {
		{"a@example.org", OUTCOME_FAIL},
		{"a@open.example", OUTCOME_FAIL},
		{"a@none.example", OUTCOME_PASS},
		{"a@slow.example", OUTCOME_TEMPERROR},
	};
	struct bench *bench = bench_new(
		&(struct bench_setup){.checks = checks, .zones = zones});

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail *mail = bench_judge(
			bench, &(struct letter)MAIL("203.0.113.1", "x",
						    cases[i].from));

		assert_int_equal(judged_report(mail, "spf")->outcome,
				 cases[i].outcome);
		mail_free(&mail);
	}
	bench_free(&bench);
}

static void limits_come_from_the_settings(void **state)
{
	struct bench *bench = bench_new(&(struct bench_setup){
		.checks = checks,
		.conf = "spf { lookup_limit = 1\n void_limit = 5 }\n",
		.zones = "a.example TXT v=spf1 a mx -all\n"});
	struct mail *mail = bench_judge(
		bench, &(struct letter)MAIL("192.0.2.1", "x", "a@a.example"));

	(void)state;
	assert_string_equal(judged_symbols(mail), "SPF_PERMERROR");
	mail_free(&mail);
	bench_free(&bench);
}

static void libspf2_can_be_chosen_where_it_is_built(void **state)
{
	struct bench_setup setup = {.checks = checks,
				    .conf = "spf { evaluator = libspf2 }\n",
				    .zones = zones,
				    .late = true};
	struct bench *bench;
	struct mail *mail;
	struct err err;

	(void)state;
	if (!has_libspf2) {
		assert_non_null(
			strstr(bench_refusal(&setup, &err), "spf.evaluator"));
		return;
	}
	bench = bench_new(&setup);
	mail = bench_judge(
		bench, &(struct letter)MAIL("192.0.2.9", "x", "a@via.example"));
	assert_string_equal(judged_symbols(mail), "SPF_PASS");
	mail_free(&mail);
	mail = bench_judge(bench, &(struct letter)MAIL("203.0.113.9", "x",
						       "a@bad.example"));
	assert_string_equal(judged_symbols(mail), "SPF_PERMERROR");
	mail_free(&mail);
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_found),
		cmocka_unit_test(explanation_is_theirs_or_ours),
		cmocka_unit_test(own_clients_are_not_asked_about),
		cmocka_unit_test(outcomes_follow_the_result),
		cmocka_unit_test(limits_come_from_the_settings),
		cmocka_unit_test(libspf2_can_be_chosen_where_it_is_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
