/* The client host: reverse DNS, HELO, and the sender's domain. */
#include "milter/checks/host.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <stdio.h>

static const struct check *const checks[] = {&check_host, NULL};

#define IP "192.0.2.9"
#define GOOD \
	"9.2.0.192.in-addr.arpa PTR mx.ok.test\n" \
	"mx.ok.test A 192.0.2.9\n" \
	"ok.test MX 10 mx.ok.test\n"

struct host_case {
	const char *zones;
	struct letter letter;
	const char *symbols;
	enum outcome outcome;
	enum auth_result iprev;
	const char *name;
};

static void run(const char *conf, const struct host_case *c, bool late)
{
	struct bench_setup setup = {checks, conf, c->zones, late};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge(bench, &c->letter);
	const struct auth_iprev *iprev = &mail->verdict->auth.iprev;

	assert_string_equal(judged_symbols(mail), c->symbols);
	if (judged_report(mail, "host")->outcome != c->outcome)
		fail_msg("outcome %s for %s",
			 outcome_word(judged_report(mail, "host")->outcome),
			 c->zones);
	assert_string_equal(auth_result_word(iprev->result),
			    auth_result_word(c->iprev));
	assert_true(slice_eq(iprev->name, slice_cstr(c->name)));
	mail_free(&mail);
	bench_free(&bench);
}

static void run_both(const struct host_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		run(NULL, &cases[i], false);
		run(NULL, &cases[i], true);
	}
}

static void reverse_dns_is_confirmed_forward(void **state)
{
	static const struct host_case cases[] = {
		{GOOD, {.ip = IP, .helo = "mx.ok.test"}, "", OUTCOME_PASS,
		 AUTH_PASS, "mx.ok.test"},
		/* The MTA's own work is believed. */
		{"mx.ok.test A 192.0.2.9",
		 {.ip = IP, .ptr = "mx.ok.test", .helo = "mx.ok.test"}, "",
		 OUTCOME_PASS, AUTH_PASS, "mx.ok.test"},
		{"mx.ok.test A 192.0.2.9", {.ip = IP, .helo = "mx.ok.test"},
		 "HOST_NO_PTR", OUTCOME_FAIL, AUTH_PERMERROR, ""},
		{"9.2.0.192.in-addr.arpa PTR mx.bad.test\n"
		 "mx.bad.test A 192.0.2.10",
		 {.ip = IP, .helo = "mx.bad.test"}, "HOST_PTR_UNCONFIRMED",
		 OUTCOME_FAIL, AUTH_FAIL, "mx.bad.test"},
		{"9.2.0.192.in-addr.arpa PTR no.bad.test\n"
		 "mx.bad.test A 192.0.2.10",
		 {.ip = IP, .helo = "mx.bad.test"}, "HOST_PTR_UNCONFIRMED",
		 OUTCOME_FAIL, AUTH_FAIL, "no.bad.test"},
		/* One name of several will do. */
		{"9.2.0.192.in-addr.arpa PTR a.test\n"
		 "9.2.0.192.in-addr.arpa PTR mx.ok.test\n"
		 "mx.ok.test A 192.0.2.9\na.test A 192.0.2.1",
		 {.ip = IP, .helo = "mx.ok.test"}, "", OUTCOME_PASS,
		 AUTH_PASS, "mx.ok.test"},
		/* But only so many are looked at. */
		{"9.2.0.192.in-addr.arpa PTR a.test\n"
		 "9.2.0.192.in-addr.arpa PTR b.test\n"
		 "9.2.0.192.in-addr.arpa PTR c.test\n"
		 "9.2.0.192.in-addr.arpa PTR d.test\n"
		 "9.2.0.192.in-addr.arpa PTR e.test\n"
		 "9.2.0.192.in-addr.arpa PTR mx.ok.test\n"
		 "mx.ok.test A 192.0.2.9",
		 {.ip = IP, .helo = "mx.ok.test"}, "HOST_PTR_UNCONFIRMED",
		 OUTCOME_FAIL, AUTH_FAIL, "a.test"},
		{"9.2.0.192.in-addr.arpa PTR TEMPFAIL\n"
		 "mx.ok.test A 192.0.2.9",
		 {.ip = IP, .helo = "mx.ok.test"}, "", OUTCOME_TEMPERROR,
		 AUTH_TEMPERROR, ""},
		{"9.2.0.192.in-addr.arpa PTR mx.slow.test\n"
		 "mx.slow.test A TEMPFAIL\nmx.ok.test A 192.0.2.9",
		 {.ip = IP, .helo = "mx.ok.test"}, "", OUTCOME_TEMPERROR,
		 AUTH_TEMPERROR, "mx.slow.test"},
		{"9.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1."
		 "0.0.2.ip6.arpa PTR mx.ok.test\n"
		 "mx.ok.test AAAA 2001:db8::89\nmx.ok.test A 192.0.2.9",
		 {.ip = "2001:db8::89", .helo = "mx.ok.test"}, "",
		 OUTCOME_PASS, AUTH_PASS, "mx.ok.test"},
	};

	(void)state;
	run_both(cases, sizeof(cases) / sizeof(cases[0]));
}

static void helo_must_name_the_client(void **state)
{
	static const struct {
		const char *helo, *symbols;
	} cases[] = {
		{"mx.ok.test", ""},
		{"MX.OK.test.", ""},
		{"[192.0.2.9]", ""},
		{NULL, "HOST_HELO_MISSING"},
		{"192.0.2.9", "HOST_HELO_BARE_IP"},
		{"2001:db8::1", "HOST_HELO_BARE_IP"},
		{"[192.0.2.10]", "HOST_HELO_OTHER_ADDRESS"},
		{"[IPv6:2001:db8::1]", "HOST_HELO_OTHER_ADDRESS"},
		{"[ipv6:::ffff:192.0.2.9]", ""},
		{"[2001:db8::1]", "HOST_HELO_BAD_LITERAL"},
		{"[192.0.2.256]", "HOST_HELO_BAD_LITERAL"},
		{"[192.0.2.9", "HOST_HELO_BAD_LITERAL"},
		{"[", "HOST_HELO_BAD_LITERAL"},
		{"[]", "HOST_HELO_BAD_LITERAL"},
		{"localhost", "HOST_HELO_NOT_FQDN"},
		{"192.0.2", "HOST_HELO_NOT_FQDN"},
		{"a..test", "HOST_HELO_NOT_FQDN"},
		{"-mx.ok.test", "HOST_HELO_NOT_FQDN"},
		{"user@ok.test", "HOST_HELO_NOT_FQDN"},
		{"nowhere.ok.test", "HOST_HELO_NO_ADDRESS"},
		{"ok.test", "HOST_HELO_NO_ADDRESS"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host_case c = {GOOD,
				      {.ip = IP, .helo = cases[i].helo},
				      cases[i].symbols,
				      OUTCOME_PASS,
				      AUTH_PASS,
				      "mx.ok.test"};

		if (cases[i].symbols[0])
			c.outcome = OUTCOME_FAIL;
		run(NULL, &c, false);
		run(NULL, &c, true);
	}
}

static void the_sender_must_be_reachable(void **state)
{
	static const struct {
		const char *from, *zone, *symbols;
		enum outcome outcome;
	} cases[] = {
		{"", "", "", OUTCOME_PASS},
		{"a@ok.test", "", "", OUTCOME_PASS},
		{"a@host.test", "host.test A 192.0.2.1", "", OUTCOME_PASS},
		{"a@host.test", "host.test AAAA 2001:db8::1", "",
		 OUTCOME_PASS},
		{"a@none.test", "", "HOST_SENDER_NO_MAIL", OUTCOME_FAIL},
		{"a@none.test", "none.test TXT x", "HOST_SENDER_NO_MAIL",
		 OUTCOME_FAIL},
		{"a@none.test", "none.test MX 0 .", "HOST_SENDER_NO_MAIL",
		 OUTCOME_FAIL},
		{"a@slow.test", "slow.test MX TEMPFAIL", "",
		 OUTCOME_TEMPERROR},
		{"a@slow.test", "slow.test A TEMPFAIL", "",
		 OUTCOME_TEMPERROR},
		{"a@[192.0.2.9]", "", "", OUTCOME_PASS},
		{"root", "", "", OUTCOME_PASS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char zones[512];
		struct host_case c = {zones,
				      {.ip = IP, .helo = "mx.ok.test",
				       .from = cases[i].from},
				      cases[i].symbols,
				      cases[i].outcome,
				      AUTH_PASS,
				      "mx.ok.test"};

		snprintf(zones, sizeof(zones), "%s%s", GOOD, cases[i].zone);
		run(NULL, &c, false);
		run(NULL, &c, true);
	}
}

static void what_is_not_from_outside_is_not_judged(void **state)
{
	static const struct host_case cases[] = {
		{"", {.ip = IP, .helo = "x", .user = "alice"}, "",
		 OUTCOME_NOT_RUN, AUTH_NONE, ""},
		{"", {.ip = IP, .helo = "x", .trusted = true}, "",
		 OUTCOME_NOT_RUN, AUTH_NONE, ""},
		{"", {.helo = "x"}, "", OUTCOME_NOT_RUN, AUTH_NONE, ""},
		/* No reverse DNS of a private address, but its HELO. */
		{GOOD, {.ip = "10.0.0.1", .helo = "x"}, "HOST_HELO_NOT_FQDN",
		 OUTCOME_FAIL, AUTH_NONE, ""},
	};
	static const struct host_case off = {
		"", {.ip = IP, .helo = "x"}, "", OUTCOME_NOT_RUN, AUTH_NONE,
		""};
	static const struct host_case private_too = {
		GOOD, {.ip = "10.0.0.1", .helo = "mx.ok.test"}, "HOST_NO_PTR",
		OUTCOME_FAIL, AUTH_PERMERROR, ""};

	(void)state;
	run_both(cases, sizeof(cases) / sizeof(cases[0]));
	run("host { enabled = no }", &off, false);
	run("host { skip_private = no }", &private_too, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reverse_dns_is_confirmed_forward),
		cmocka_unit_test(helo_must_name_the_client),
		cmocka_unit_test(the_sender_must_be_reachable),
		cmocka_unit_test(what_is_not_from_outside_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
