/* The DNS lists over whole messages: what is asked, and what is found. */
#include "milter/checks/rbl.h"
#include "common/base/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <string.h>

/* Stands for the DKIM check: one signature of each result. */
static enum step sign(struct mail *mail, unsigned index, const void *ready,
		      struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	verdict->auth.dkim[0] = (struct auth_dkim){
		.result = AUTH_PASS, .domain = SLICE("signer.example")};
	verdict->auth.dkim[1] = (struct auth_dkim){
		.result = AUTH_FAIL, .domain = SLICE("forged.example")};
	verdict->auth.dkim_count = 2;
	return STEP_DONE;
}
static const struct check signing = {
	.name = "dkim", .doc = "x", .needs = STAGE_MESSAGE, .judge = sign};
static const struct check *const checks[] = {&check_rbl, &signing, NULL};

static const char own_lists[] =
	"rbl { shipped_lists = no }\n"
	"list \"bl.example\" {\n"
	"  ipv6 = yes\n"
	"  answers = {\"127.0.0.2 BL_SPAM 4.0 a source of spam\",\n"
	"    \"127.0.0.4-7 BL_EXPLOITED 3.0 an exploited host\"}\n"
	"}\n"
	"list \"v4.example\" { answers = {\"127.0.0.2 V4 1.0 old\"} }\n"
	"list \"wl.example\" {\n"
	"  answers = {\"127.0.*.3 WL_HIGH -2.5 a sender of high trust\"}\n"
	"}\n"
	"list \"dom.example\" {\n"
	"  query = {helo, ptr, sender, from, dkim}\n"
	"  answers = {\"127.0.0.1 refused\", \"&8 DOM_PHISH 7.5 a phisher\",\n"
	"    \"&16 DOM_MALWARE 6.5 a source of malware\"}\n"
	"}\n";

struct judged_case {
	const char *zones;
	struct letter letter;
	const char *symbols;
	enum outcome outcome;
	const char *says;	/* part of the outcome's reason */
};

static void run(const char *conf, const struct judged_case *c, bool late)
{
	struct bench_setup setup = {checks, conf, c->zones, late};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge(bench, &c->letter);
	const struct check_report *report = judged_report(mail, "rbl");

	assert_string_equal(judged_symbols(mail), c->symbols);
	if (report->outcome != c->outcome)
		fail_msg("%s: outcome %s, %.*s", c->zones,
			 outcome_word(report->outcome),
			 SLICE_FMT(report->reason));
	if (slice_search_nocase(report->reason, slice_cstr(c->says)) ==
	    report->reason.n)
		fail_msg("\"%.*s\" does not say \"%s\"",
			 SLICE_FMT(report->reason), c->says);
	mail_free(&mail);
	bench_free(&bench);
}

static void run_both(const char *conf, const struct judged_case *cases,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		run(conf, &cases[i], false);
		run(conf, &cases[i], true);
	}
}

#define IP "192.0.2.99"
#define IP6 "2001:db8:1:2:3:4:567:89ab"
#define NIBBLES \
	"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"

static void addresses_are_asked_of_address_lists(void **state)
{
	static const struct judged_case cases[] = {
		{"99.2.0.192.bl.example A 127.0.0.2", {.ip = IP}, "BL_SPAM",
		 OUTCOME_FAIL, "4 lists asked"},
		{"99.2.0.192.bl.example A 127.0.0.5", {.ip = IP},
		 "BL_EXPLOITED", OUTCOME_FAIL, "4 lists asked"},
		{"99.2.0.192.bl.example A 127.0.0.2\n"
		 "99.2.0.192.bl.example A 127.0.0.4",
		 {.ip = IP}, "BL_EXPLOITED BL_SPAM", OUTCOME_FAIL, "asked"},
		{"99.2.0.192.wl.example A 127.0.7.3", {.ip = IP}, "WL_HIGH",
		 OUTCOME_PASS, "asked"},
		{"99.2.0.192.bl.example A 127.0.0.2\n"
		 "99.2.0.192.wl.example A 127.0.7.3",
		 {.ip = IP}, "BL_SPAM WL_HIGH", OUTCOME_FAIL, "asked"},
		{"", {.ip = IP}, "", OUTCOME_PASS, "4 lists asked"},
		/* Only lists that know IPv6 are asked about it. */
		{NIBBLES ".bl.example A 127.0.0.2\n"
		 NIBBLES ".v4.example A 127.0.0.2",
		 {.ip = IP6}, "BL_SPAM", OUTCOME_FAIL, "2 lists asked"},
		{"99.2.0.192.bl.example A 127.0.0.2",
		 {.ip = "::ffff:" IP}, "BL_SPAM", OUTCOME_FAIL, "asked"},
		/* A code without a line is told, and is no finding. */
		{"99.2.0.192.bl.example A 127.0.0.9", {.ip = IP}, "",
		 OUTCOME_PASS, "do not name (127.0.0.9)"},
	};

	(void)state;
	run_both(own_lists, cases, sizeof(cases) / sizeof(cases[0]));
}

static void errors_are_never_listings(void **state)
{
	static const struct judged_case cases[] = {
		{"99.2.0.192.bl.example A 127.255.255.254", {.ip = IP}, "",
		 OUTCOME_TEMPERROR,
		 "bl.example refuses our resolver (127.255.255.254)"},
		{"99.2.0.192.bl.example A 203.0.113.7", {.ip = IP}, "",
		 OUTCOME_TEMPERROR,
		 "bl.example answers outside 127.0.0.0/8 (203.0.113.7)"},
		{"99.2.0.192.bl.example A 127.0.0.2\n"
		 "99.2.0.192.bl.example A 203.0.113.7",
		 {.ip = IP}, "", OUTCOME_TEMPERROR, "outside"},
		{"99.2.0.192.bl.example A TEMPFAIL", {.ip = IP}, "",
		 OUTCOME_TEMPERROR, "bl.example did not answer"},
		{"h.test.dom.example A 127.0.0.1",
		 {.ip = IP, .helo = "h.test"}, "", OUTCOME_TEMPERROR,
		 "dom.example refuses our resolver (127.0.0.1)"},
		/* Another list's finding counts all the same. */
		{"99.2.0.192.bl.example A TEMPFAIL\n"
		 "99.2.0.192.v4.example A 127.0.0.2",
		 {.ip = IP}, "V4", OUTCOME_FAIL, "bl.example did not answer"},
		{"99.2.0.192.bl.example TXT only text", {.ip = IP}, "",
		 OUTCOME_PASS, "asked"},
	};

	(void)state;
	run_both(own_lists, cases, sizeof(cases) / sizeof(cases[0]));
}

/* "bl.example: clear, listed; …", by list. */
static void tell_sources(const struct mail *mail, struct buf *out)
{
	static const char *const words[] = {
		[SOURCE_CLEAR] = "clear",
		[SOURCE_LISTED] = "listed",
		[SOURCE_ERROR] = "error",
	};
	const struct verdict *v = mail->verdict;
	size_t count;
	const struct slice *names = engine_sources(mail->engine, 0, &count);

	for (size_t i = 0; i < v->source_count; i++) {
		assert_int_equal(v->sources[i].check, 0);
		assert_true(v->sources[i].source < count);
		buf_printf(out, "%s%.*s %s", i > 0 ? ", " : "",
			   SLICE_FMT(names[v->sources[i].source]),
			   words[v->sources[i].outcome]);
	}
	buf_add_char(out, '\0');
}

static void each_question_is_reported_once(void **state)
{
	static const struct {
		const char *zones;
		struct letter letter;
		const char *sources;
	} cases[] = {
		{"99.2.0.192.bl.example A 127.0.0.2\n"
		 "99.2.0.192.v4.example A TEMPFAIL\n"
		 "99.2.0.192.wl.example A 203.0.113.7",
		 {.ip = IP},
		 "bl.example listed, v4.example error, wl.example error, "
		 "dom.example clear"},
		/* What follows an error is reported too. */
		{"h.test.dom.example A 127.0.0.1\n"
		 "signer.example.dom.example A 127.0.0.8",
		 {.ip = IP, .helo = "h.test"},
		 "bl.example clear, v4.example clear, wl.example clear, "
		 "dom.example error, dom.example listed"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {checks, own_lists,
					    cases[i / 2].zones, i % 2 == 1};
		struct bench *bench = bench_new(&setup);
		struct mail *mail = bench_judge(bench, &cases[i / 2].letter);
		struct buf told = BUF(mail->arena);

		tell_sources(mail, &told);
		assert_string_equal(told.p, cases[i / 2].sources);
		for (size_t k = 0; k < mail->verdict->source_count; k++)
			assert_int_equal(mail->verdict->sources[k].us >= 0,
					 setup.late);
		assert_false(engine_source_is_suspended(mail->engine, 0, 0));
		mail_free(&mail);
		bench_free(&bench);
	}
}

static void each_domain_is_asked_of_domain_lists(void **state)
{
	static const struct judged_case cases[] = {
		{"h.bad.test.dom.example A 127.0.0.8",
		 {.ip = IP, .helo = "H.bad.test."}, "DOM_PHISH", OUTCOME_FAIL,
		 "asked"},
		{"p.bad.test.dom.example A 127.0.0.8",
		 {.ip = IP, .ptr = "p.bad.test"}, "DOM_PHISH", OUTCOME_FAIL,
		 "asked"},
		{"s.bad.test.dom.example A 127.0.0.8",
		 {.ip = IP, .from = "a@s.bad.test"}, "DOM_PHISH", OUTCOME_FAIL,
		 "asked"},
		{"f.bad.test.dom.example A 127.0.0.24",
		 {.ip = IP, .headers = "From: A <a@f.bad.test>\n"},
		 "DOM_MALWARE DOM_PHISH", OUTCOME_FAIL, "asked"},
		{"second.test.dom.example A 127.0.0.16",
		 {.ip = IP,
		  .headers = "From: a@first.test,\n b@second.test\n"},
		 "DOM_MALWARE", OUTCOME_FAIL, "asked"},
		{"second.test.dom.example A 127.0.0.16",
		 {.ip = IP,
		  .headers = "From: a@first.test\nFrom: b@second.test\n"},
		 "DOM_MALWARE", OUTCOME_FAIL, "asked"},
		{"signer.example.dom.example A 127.0.0.8",
		 {.ip = IP}, "DOM_PHISH", OUTCOME_FAIL, "asked"},
		/* Nobody answers for a signature that does not pass. */
		{"forged.example.dom.example A 127.0.0.8", {.ip = IP}, "",
		 OUTCOME_PASS, "asked"},
		{"xn--bcher-kva.test.dom.example A 127.0.0.8",
		 {.ip = IP, .from = "a@b\xc3\xbc" "cher.test"}, "DOM_PHISH",
		 OUTCOME_FAIL, "asked"},
	};

	(void)state;
	run_both(own_lists, cases, sizeof(cases) / sizeof(cases[0]));
}

static void addresses_are_never_asked_of_domain_lists(void **state)
{
	static const char *const names[] = {
		IP, "[" IP "]", "192.0.2", "[IPv6:2001:db8::1]", "localhost",
		"", "a..b", "x y.test",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct judged_case c = {
			/* Whatever else is asked is listed. */
			"99.2.0.192.dom.example A 127.0.0.8\n"
			"192.0.2.99.dom.example A 127.0.0.8\n"
			"192.0.2.dom.example A 127.0.0.8\n"
			"[192.0.2.99].dom.example A 127.0.0.8\n"
			"localhost.dom.example A 127.0.0.8\n"
			"dom.example A 127.0.0.8\n",
			{.ip = IP, .helo = names[i], .ptr = names[i]},
			"", OUTCOME_PASS, "4 lists asked"};

		c.says = "asked";
		run(own_lists, &c, false);
	}
}

static void private_addresses_are_asked_only_when_wanted(void **state)
{
	static const char conf[] =
		"rbl { shipped_lists = no skip_private = no }\n"
		"list \"bl.example\" {\n"
		"  answers = {\"127.0.0.2 BL_SPAM 4.0 a source of spam\"}\n"
		"}\n";
	static const struct judged_case wanted = {
		"9.0.0.127.bl.example A 127.0.0.2", {.ip = "127.0.0.9"},
		"BL_SPAM", OUTCOME_FAIL, "1 list asked"};
	struct judged_case skipped = wanted;

	(void)state;
	run(conf, &wanted, false);
	skipped.symbols = "";
	skipped.outcome = OUTCOME_PASS;
	/* The domain list is asked about the signer all the same. */
	run(own_lists, &skipped, false);
}

static void mail_of_our_own_is_not_judged(void **state)
{
	static const struct judged_case cases[] = {
		{"99.2.0.192.bl.example A 127.0.0.2",
		 {.ip = IP, .user = "alice"}, "", OUTCOME_NOT_RUN, "outside"},
		{"99.2.0.192.bl.example A 127.0.0.2",
		 {.ip = IP, .trusted = true}, "", OUTCOME_NOT_RUN, "outside"},
		{"", {.ip = NULL}, "", OUTCOME_NOT_RUN, "outside"},
	};

	(void)state;
	run_both(own_lists, cases, sizeof(cases) / sizeof(cases[0]));
}

static void findings_say_who_is_listed_where_as_what(void **state)
{
	static const struct {
		const char *zones, *symbol, *detail;
	} cases[] = {
		{"99.2.0.192.bl.example A 127.0.0.4", "BL_EXPLOITED",
		 "192.0.2.99 is listed by bl.example as an exploited host "
		 "(127.0.0.4)"},
		{"bad.test.dom.example A 127.0.0.8", "DOM_PHISH",
		 "the sender's domain bad.test is listed by dom.example as a "
		 "phisher (127.0.0.8)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {checks, own_lists, cases[i].zones,
					    false};
		struct bench *bench = bench_new(&setup);
		struct letter letter = {.ip = IP, .from = "a@bad.test"};
		struct mail *mail = bench_judge(bench, &letter);
		const struct hit *hit = judged_hit(mail, cases[i].symbol);

		assert_non_null(hit);
		assert_true(slice_eq(hit->detail, slice_cstr(cases[i].detail)));
		mail_free(&mail);
		bench_free(&bench);
	}
}

static void nothing_to_ask_is_said(void **state)
{
	static const struct judged_case off = {
		"", {.ip = IP}, "", OUTCOME_NOT_RUN, "rbl.enabled"};
	static const struct judged_case none = {
		"", {.ip = IP}, "", OUTCOME_NOT_RUN, "no list"};

	(void)state;
	run("rbl { enabled = no }", &off, false);
	run("rbl { shipped_lists = no }", &none, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_asked_of_address_lists),
		cmocka_unit_test(errors_are_never_listings),
		cmocka_unit_test(each_question_is_reported_once),
		cmocka_unit_test(each_domain_is_asked_of_domain_lists),
		cmocka_unit_test(addresses_are_never_asked_of_domain_lists),
		cmocka_unit_test(private_addresses_are_asked_only_when_wanted),
		cmocka_unit_test(mail_of_our_own_is_not_judged),
		cmocka_unit_test(findings_say_who_is_listed_where_as_what),
		cmocka_unit_test(nothing_to_ask_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
