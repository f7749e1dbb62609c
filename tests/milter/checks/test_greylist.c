/*
 * Greylisting without a store: who is asked to come again, who never is,
 * and what the settings may say.
 */
#include "milter/checks/greylist.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct symbol facts_symbols[] = {
	{"RBL_DNSWL_NONE", 0, "a host without trust", NULL},
	{"RBL_DNSWL_LOW", 0, "a host of low trust", NULL},
	{0},
};
static const struct symbol *found; /* what the check of this test finds */

static enum step judge_facts(struct mail *mail, unsigned index,
			     const void *ready, struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	if (found)
		verdict_hit(verdict, found, "the host is listed");
	return STEP_DONE;
}

static const struct check facts = {
	.name = "facts",
	.doc = "x",
	.symbols = facts_symbols,
	.needs = STAGE_CONNECT,
	.judge = judge_facts,
};
static const struct check *const checks[] = {&facts, &check_greylist, NULL};

static const struct letter usual = {
	.ip = "192.0.2.77",
	.ptr = "mx1.mail.example.org",
	.helo = "mx1.mail.example.org",
	.from = "alice+tag@example.org",
};
static const struct commit doubtful = {.accept = true, .doubtful = true};

/* The outcome's reason begins so; nothing is ever asked for. */
static void expect_to(const char *conf, const struct letter *letter,
		      const char *to, struct commit commit, const char *reason)
{
	struct bench_setup setup = {.checks = checks, .conf = conf};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge_to(bench, letter, to);
	const struct check_report *report = judged_report(mail, "greylist");
	size_t hits = mail->verdict->hit_count;

	engine_commit(mail, &commit);
	if (!slice_starts_nocase(report->reason, slice_cstr(reason)))
		fail_msg("it says '%.*s', not '%s', with: %s",
			 SLICE_FMT(report->reason), reason, conf ? conf : "");
	assert_int_equal(commit.wish, COMMIT_NOTHING);
	assert_int_equal(mail->verdict->hit_count, hits);
	mail_free(&mail);
	bench_free(&bench);
}

static void expect(const char *conf, const struct letter *letter,
		   struct commit commit, const char *reason)
{
	expect_to(conf, letter, "user@here.example", commit, reason);
}

static void what_would_be_done_is_said(void **state)
{
	struct letter v6 = usual;

	(void)state;
	v6.ip = "2001:db8:1:2:3::4";
	expect(NULL, &usual, doubtful,
	       "would be deferred for 300 s at its first try from "
	       "192.0.2.0/24");
	expect(NULL, &v6, doubtful,
	       "would be deferred for 300 s at its first try from "
	       "2001:db8:1:2::/64");
	expect("greylist { ipv6_mask = 49 delay = 90s }", &v6, doubtful,
	       "would be deferred for 90 s at its first try from "
	       "2001:db8:1::/49");
	expect("greylist { ipv4_mask = 19 }", &usual, doubtful,
	       "would be deferred for 300 s at its first try from "
	       "192.0.0.0/19");
	expect("greylist { ipv4_mask = 32 }", &usual, doubtful,
	       "would be deferred for 300 s at its first try from "
	       "192.0.2.77/32");
	expect("greylist { mode = learn }", &usual, doubtful,
	       "in another mode would be deferred");
}

static void most_mail_is_out_of_question(void **state)
{
	const struct commit clean = {.accept = true};
	const struct commit refused = {.spam = true};
	struct letter user = usual, trusted = usual, local = usual;

	(void)state;
	user.user = "alice";
	trusted.trusted = true;
	local.ip = NULL;
	expect(NULL, &usual, clean,
	       "not deferred: its points are below actions.greylist");
	expect("greylist { mode = learn }", &usual, clean,
	       "not deferred: its points are below actions.greylist");
	expect("greylist { mode = always }", &usual, clean,
	       "would be deferred for 300 s");
	expect("greylist { mode = always }", &usual, refused,
	       "the message is not let through anyway");
	expect("greylist { mode = off }", &usual, doubtful,
	       "switched off (greylist.mode)");
	expect("greylist { mode = always }", &user, doubtful,
	       "not deferred: the client has logged in");
	expect("greylist { mode = always }", &trusted, doubtful,
	       "not deferred: the client is in trusted_networks");
	expect("greylist { mode = always }", &local, doubtful,
	       "not deferred: the client is this host");
}

static void an_earlier_wish_stands(void **state)
{
	struct bench_setup setup = {.checks = checks};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge(bench, &usual);
	struct commit commit = doubtful;

	(void)state;
	commit.wish = COMMIT_RATELIMIT;
	engine_commit(mail, &commit);
	assert_int_equal(commit.wish, COMMIT_RATELIMIT);
	assert_int_equal(judged_report(mail, "greylist")->outcome,
			 OUTCOME_NOT_RUN);
	mail_free(&mail);
	bench_free(&bench);
}

static void lists_exempt(void **state)
{
	static const struct {
		const char *conf, *reason;
	} cases[] = {
		{"exempt_senders = {\"x.test\", \"Example.ORG\"}",
		 "not deferred: the sender alice+tag@example.org is in "
		 "greylist.exempt_senders (example.org)"},
		{"exempt_senders = {\"alice@example.org\"}",
		 "not deferred: the sender alice+tag@example.org is in"},
		{"exempt_senders = {\"alice+tag@example.org\"}",
		 "not deferred: the sender alice+tag@example.org is in"},
		{"exempt_senders = {\"bob@example.org\"}", "would be"},
		{"exempt_recipients = {\"here.example\"}",
		 "not deferred: the recipient user@here.example is in "
		 "greylist.exempt_recipients (here.example)"},
		{"exempt_recipients = {\"User@\"}", "not deferred: the recip"},
		{"exempt_recipients = {\"abuse@here.example\"}", "would be"},
		{"exempt_clients = {\"192.0.2.64/26\"}",
		 "not deferred: the client 192.0.2.77 is in "
		 "greylist.exempt_clients (192.0.2.64/26)"},
		{"exempt_clients = {\"mail.example.org\"}",
		 "not deferred: the host mx1.mail.example.org is in "
		 "greylist.exempt_clients (mail.example.org)"},
		{"exempt_clients = {\"192.0.2.0/26\", \"x.test\"}", "would be"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char conf[256] = "greylist { ";

		strcat(strcat(conf, cases[i].conf), " }");
		expect(conf, &usual, doubtful, cases[i].reason);
	}
}

static void one_exempt_recipient_is_enough(void **state)
{
	(void)state;
	expect_to("greylist { exempt_recipients = {\"abuse@\"} }", &usual,
		  "a@here.example b@here.example abuse@here.example", doubtful,
		  "not deferred: the recipient abuse@here.example");
}

static void the_empty_sender_is_on_no_list(void **state)
{
	struct letter bounce = usual;

	(void)state;
	bounce.from = "";
	expect("greylist { exempt_senders = {\"example.org\"} }", &bounce,
	       doubtful, "would be");
}

static void known_hosts_are_exempt(void **state)
{
	const char *srcdir = getenv("srcdir");
	struct letter google = usual, forged = usual;
	char conf[600];

	(void)state;
	google.ptr = "Mail-wm1-f44.google.com";
	forged.helo = "mail-wm1-f44.google.com";
	forged.ptr = NULL;
	snprintf(conf, sizeof(conf),
		 "greylist { providers = \"%s/contrib/greylist-providers\" }",
		 srcdir ? srcdir : "..");
	expect(conf, &google, doubtful,
	       "not deferred: the host mail-wm1-f44.google.com is in "
	       "greylist.providers (google.com)");
	expect(conf, &forged, doubtful, "would be");
	expect(conf, &usual, doubtful, "would be");
	expect("greylist { providers = none }", &google, doubtful, "would be");
}

static void findings_exempt(void **state)
{
	(void)state;
	found = &facts_symbols[1];
	expect(NULL, &usual, doubtful,
	       "not deferred: RBL_DNSWL_LOW: the host is listed");
	expect("greylist { exempt_symbols = {} }", &usual, doubtful,
	       "would be");
	found = &facts_symbols[0];
	expect(NULL, &usual, doubtful, "would be");
	expect("greylist { exempt_symbols = {RBL_DNSWL_NONE} }", &usual,
	       doubtful, "not deferred: RBL_DNSWL_NONE");
	found = NULL;
}

static void errors_name_setting_and_line(void **state)
{
	static const struct {
		const char *conf, *says;
	} cases[] = {
		{"greylist {\n exempt_senders = {\"*.x.test\"}\n}",
		 ":2: greylist.exempt_senders: '*.x.test' is not allowed"},
		{"greylist {\n\n exempt_recipients = {\"192.0.2.1\"} }",
		 ":3: greylist.exempt_recipients: '192.0.2.1' is not"},
		{"greylist { exempt_clients = {\"192.0.2.0/99\"} }",
		 ":1: greylist.exempt_clients: '192.0.2.0/99' is not"},
		{"greylist { exempt_symbols = {RBL_DNSWL_LOWW} }",
		 ":1: greylist.exempt_symbols: there is no symbol "
		 "'RBL_DNSWL_LOWW'; did you mean 'RBL_DNSWL_LOW'?"},
		{"greylist { providers = /nonexistent/file }",
		 ":1: greylist.providers: /nonexistent/file: cannot be read"},
		{"greylist { delay = 1h\n window = 30m }",
		 ":2: greylist.window: must be longer than greylist.delay"},
		{"greylist { delay = 12h window = 12h }",
		 ":1: greylist.window: must be longer"},
		{"greylist { window = 5m }", "greylist.window: must be"},
		{"greylist { mode = maybe }", "greylist.mode: 'maybe'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {.checks = checks,
					    .conf = cases[i].conf};
		struct err err;

		if (!strstr(bench_refusal(&setup, &err), cases[i].says))
			fail_msg("it says '%s' of: %s", err.text,
				 cases[i].conf);
	}
}

/* A list may be off, and its symbols missing, without the default failing. */
static void the_default_symbols_may_be_missing(void **state)
{
	static const struct check *const alone[] = {&check_greylist, NULL};
	struct bench_setup setup = {.checks = alone};
	struct bench *bench = bench_new(&setup);

	(void)state;
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_would_be_done_is_said),
		cmocka_unit_test(most_mail_is_out_of_question),
		cmocka_unit_test(an_earlier_wish_stands),
		cmocka_unit_test(lists_exempt),
		cmocka_unit_test(one_exempt_recipient_is_enough),
		cmocka_unit_test(the_empty_sender_is_on_no_list),
		cmocka_unit_test(known_hosts_are_exempt),
		cmocka_unit_test(findings_exempt),
		cmocka_unit_test(errors_name_setting_and_line),
		cmocka_unit_test(the_default_symbols_may_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
