/*
 * DMARC over whole messages: who counts as the author, which results of SPF
 * and DKIM count, and what is reported. Stand-ins for the SPF and DKIM
 * checks take their results from fields of the message: "X-SPF: pass
 * example.org" (or "X-HELO: ..." for an empty sender), "X-DKIM: ...".
 */
#include "milter/checks/dmarc.h"

#include "tests/support/cmocka.h"
#include "tests/support/dmarc_cases.h"
#include "tests/support/judged.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REJECT "v=DMARC1; p=reject"
#define ZONE                                                           \
	"example.org " REJECT "\nexample.net v=DMARC1; p=quarantine\n" \
	"open.example v=DMARC1; p=none\n"                              \
	"xn--bcher-kva.example " REJECT "\nbroken.example TEMPFAIL\n"

static enum auth_result read_result(struct slice *text)
{
	struct slice word;

	*text = slice_trim(*text);
	word = slice_sub(*text, 0, slice_find(*text, 0, ' '));
	*text = slice_sub(*text, word.n + 1, text->n);
	for (int r = AUTH_NONE; r <= AUTH_PERMERROR; r++)
		if (slice_eq(word,
			     slice_cstr(auth_result_word((enum auth_result)r))))
			return (enum auth_result)r;
	fail_msg("no result %.*s", SLICE_FMT(word));
	return AUTH_NONE;
}

static enum step spf_stand_in(struct mail *mail, unsigned index,
			      const void *ready, struct verdict *verdict)
{
	const struct header *spf = mail_header(mail, SLICE("X-SPF"), 0);
	const struct header *helo = mail_header(mail, SLICE("X-HELO"), 0);
	struct auth_spf *auth = &verdict->auth.spf;

	(void)index;
	(void)ready;
	if (!spf && !helo)
		return STEP_DONE;
	auth->scope = spf ? "mfrom" : "helo";
	auth->domain = spf ? spf->value : helo->value;
	auth->result = read_result(&auth->domain);
	return STEP_DONE;
}

static enum step dkim_stand_in(struct mail *mail, unsigned index,
			       const void *ready, struct verdict *verdict)
{
	struct auth *auth = &verdict->auth;
	const struct header *field;

	(void)index;
	(void)ready;
	for (auth->dkim_count = 0; auth->dkim_count < AUTH_DKIM_MAX;) {
		struct auth_dkim *dkim = &auth->dkim[auth->dkim_count];

		field = mail_header(mail, SLICE("X-DKIM"), auth->dkim_count);
		if (!field)
			break;
		dkim->domain = field->value;
		dkim->result = read_result(&dkim->domain);
		auth->dkim_count++;
	}
	return STEP_DONE;
}

static const struct check spf = {.name = "spf",
				 .doc = "x",
				 .needs = STAGE_MESSAGE,
				 .judge = spf_stand_in};
static const struct check dkim = {.name = "dkim",
				  .doc = "x",
				  .needs = STAGE_MESSAGE,
				  .judge = dkim_stand_in};
/* DMARC stands first, to show that it waits for the others. */
static const struct check *const checks[] = {&check_dmarc, &spf, &dkim, NULL};

struct row {
	const char *headers;
	const char *want; /* "result domain policy/disposition" */
	const char *symbols;
};

static const char *shown(struct mail *mail)
{
	const struct auth_dmarc *dmarc = &mail->verdict->auth.dmarc;

	return arena_printf(mail->arena, "%s %.*s %s/%s",
			    auth_result_word(dmarc->result),
			    dmarc->domain.n > 0 ? (int)dmarc->domain.n : 1,
			    dmarc->domain.n > 0 ? dmarc->domain.p : "-",
			    dmarc->has_policy ? dmarc_policy_word(dmarc->policy)
					      : "-",
			    dmarc_policy_word(dmarc->disposition))
		.p;
}

static void check_row(const struct row *row, const char *conf, bool late)
{
	struct arena *a = arena_new(0);
	struct bench_setup setup = {checks, conf, dmarc_zone(a, ZONE), late};
	struct bench *bench = bench_new(&setup);
	struct letter letter = {.ip = "192.0.2.1",
				.from = "sender@example.com",
				.headers = row->headers};
	struct mail *mail = bench_judge(bench, &letter);

	if (strcmp(shown(mail), row->want) != 0 ||
	    strcmp(judged_symbols(mail), row->symbols) != 0)
		fail_msg("%s: got \"%s\", %s; want \"%s\", %s\n%.*s",
			 row->headers, shown(mail), judged_symbols(mail),
			 row->want, row->symbols,
			 SLICE_FMT(mail->verdict->auth.dmarc.reason));
	mail_free(&mail);
	bench_free(&bench);
	arena_free(&a);
}

static void check_rows(const struct row *rows, size_t count, const char *conf)
{
	for (size_t i = 0; i < count; i++) {
		check_row(&rows[i], conf, false);
		check_row(&rows[i], conf, true);
	}
}

#define OLD_RFC "dmarc { discovery = rfc7489 }"
#define FAILS "fail example.org reject/reject"
#define GOOD "X-DKIM: pass example.org\n"
#define EVIL "X-DKIM: pass evil.example\nX-SPF: pass evil.example\n"

static void one_author_is_judged(void **state)
{
	static const struct row rows[] = {
		{"From: a@example.org\n" GOOD, "pass example.org reject/none",
		 "DMARC_PASS"},
		{"From: a@example.org\n", FAILS, "DMARC_REJECT"},
		{"From: a@example.net\n",
		 "fail example.net quarantine/quarantine", "DMARC_QUARANTINE"},
		{"From: a@open.example\n", "fail open.example none/none",
		 "DMARC_NONE_FAIL"},
		{"From: a@nowhere.example\n", "none nowhere.example -/none",
		 "DMARC_NO_POLICY"},
		{"From: a@broken.example\n", "temperror broken.example -/none",
		 "DMARC_TEMPERROR"},
		{"From: a@EXAMPLE.Org.\nX-DKIM: pass Example.ORG\n",
		 "pass example.org reject/none", "DMARC_PASS"},
		{"fROM: A <a@example.org>\n" GOOD,
		 "pass example.org reject/none", "DMARC_PASS"},
		{"From:\n\t\"A, B\"\n\t<a@example.org>\n" GOOD,
		 "pass example.org reject/none", "DMARC_PASS"},
		{"From: \"a@example.org\" <b@evil.example>\n" EVIL,
		 "none evil.example -/none", "DMARC_NO_POLICY"},
		{"From: a@example.org <b@nowhere.example>\n",
		 "none nowhere.example -/none", "DMARC_NO_POLICY"},
		{"From: b@nowhere.example (a@example.org)\n",
		 "none nowhere.example -/none", "DMARC_NO_POLICY"},
		{"From: \"b@nowhere.example\"@example.org\n", FAILS,
		 "DMARC_REJECT"},
		{"From: <@nowhere.example:a@example.org>\n", FAILS,
		 "DMARC_REJECT"},
		{"From: Team: a@example.org;\n", FAILS, "DMARC_REJECT"},
		{"From: a@example.org (unclosed\n", FAILS, "DMARC_REJECT"},
		{"From: \"unclosed <a@example.org>\n", FAILS, "DMARC_REJECT"},
		{"From: A <a@example.org\n", FAILS, "DMARC_REJECT"},
		/* U-labels. */
		{"From: a@b\xc3\xbc"
		 "cher.example\n",
		 "fail xn--bcher-kva.example reject/reject", "DMARC_REJECT"},
		{"From: a@B\xc3\x9c"
		 "CHER.example\n"
		 "X-DKIM: pass xn--bcher-kva.example\n",
		 "pass xn--bcher-kva.example reject/none", "DMARC_PASS"},
		{"From: a@xn--bcher-kva.example\n"
		 "X-DKIM: pass b\xc3\xbc"
		 "cher.example\n",
		 "pass xn--bcher-kva.example reject/none", "DMARC_PASS"},
		{"From: a@mail.b\xc3\xbc"
		 "cher.example\n"
		 "X-SPF: pass xn--bcher-kva.example\n",
		 "pass mail.xn--bcher-kva.example reject/none", "DMARC_PASS"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), NULL);
	check_rows(rows, COUNT(rows), OLD_RFC);
}

static void no_author_is_no_result(void **state)
{
	static const struct row rows[] = {
		{"Subject: x\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From:\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: undisclosed:;\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: root\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: <>\n" GOOD, "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: a@[192.0.2.1]\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: a@example..org\n", "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: a@b\xfc"
		 "cher.example\n",
		 "none - -/none", "DMARC_NO_AUTHOR"},
		{"From: =?utf-8?Q?a=40example.org?=\n", "none - -/none",
		 "DMARC_NO_AUTHOR"},
		{"From: root\nFrom: root\n", "permerror - -/none",
		 "DMARC_NO_AUTHOR DMARC_SEVERAL_AUTHORS"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), NULL);
	check_rows(rows, COUNT(rows), OLD_RFC);
}

#define SEVERAL(symbol) symbol " DMARC_SEVERAL_AUTHORS"

static const struct row several_authors[] = {
	/* One domain, however often. */
	{"From: a@example.org, b@example.org\n" GOOD,
	 "pass example.org reject/none", "DMARC_PASS"},
	{"From: a@example.org, b@EXAMPLE.ORG\n", FAILS, "DMARC_REJECT"},
	/* Several domains: the strictest policy that fails. */
	{"From: a@evil.example, b@example.org\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: b@example.org, a@evil.example\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: a@example.net, b@example.org\n", FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: a@open.example, b@example.net\n",
	 "fail example.net quarantine/quarantine", SEVERAL("DMARC_QUARANTINE")},
	{"From: a@example.org, b@example.net\n" GOOD,
	 "fail example.net quarantine/quarantine", SEVERAL("DMARC_QUARANTINE")},
	{"From: a@example.org, b@example.net\n" GOOD
	 "X-DKIM: pass example.net\n",
	 "pass example.org reject/none", "DMARC_PASS DMARC_SEVERAL_AUTHORS"},
	{"From: a@example.org, b@nowhere.example\n" GOOD,
	 "none nowhere.example -/none", SEVERAL("DMARC_NO_POLICY")},
	{"From: a@example.org, b@broken.example\n" GOOD,
	 "temperror broken.example -/none",
	 "DMARC_SEVERAL_AUTHORS DMARC_TEMPERROR"},
	{"From: a@example.org, b@broken.example\n", FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: G: a@evil.example;, b@example.org\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	/* Addresses that can be read in two ways. */
	{"From: a@example.org@evil.example\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: <a@evil.example> <b@example.org>\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: a@evil.example b@example.org\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	/* An address that cannot be judged keeps others from it. */
	{"From: a@example.org, b@[192.0.2.1]\n" GOOD,
	 "permerror example.org reject/none", "DMARC_PERMERROR"},
	{"From: a@example.org, b@[192.0.2.1]\n", FAILS, "DMARC_REJECT"},
	/* Several fields: never a pass. */
	{"From: a@example.org\nFrom: a@example.org\n" GOOD,
	 "permerror example.org reject/none", SEVERAL("DMARC_PERMERROR")},
	{"From: a@nowhere.example\nFrom: a@nowhere.example\n",
	 "permerror nowhere.example -/none", SEVERAL("DMARC_PERMERROR")},
	{"From: a@evil.example\nFrom: b@example.org\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: b@example.org\nFrom: a@evil.example\n" EVIL, FAILS,
	 SEVERAL("DMARC_REJECT")},
	{"From: a@example.org\nFrom :a@example.org\n" GOOD,
	 "permerror example.org reject/none", SEVERAL("DMARC_PERMERROR")},
};

static void every_author_must_pass(void **state)
{
	(void)state;
	check_rows(several_authors, COUNT(several_authors), NULL);
	check_rows(several_authors, COUNT(several_authors), OLD_RFC);
}

static void many_authors_are_not_all_judged(void **state)
{
	static const struct row rows[] = {
		{"From: a@example.org, a@b1.org, a@b2.org, a@b3.org,\n"
		 " a@b4.org, a@b5.org\n" GOOD,
		 "none b1.org -/none", SEVERAL("DMARC_NO_POLICY")},
		{"From: a@b1.org, a@b2.org, a@b3.org, a@b4.org,\n"
		 " a@example.org, a@b5.org\n",
		 FAILS, SEVERAL("DMARC_REJECT")},
	};

	(void)state;
	check_rows(rows, COUNT(rows), NULL);
}

static void spf_counts_for_the_sender_only(void **state)
{
	static const struct row rows[] = {
		{"From: a@example.org\nX-SPF: pass bounce.example.org\n",
		 "pass example.org reject/none", "DMARC_PASS"},
		{"From: a@example.org\nX-SPF: softfail example.org\n", FAILS,
		 "DMARC_REJECT"},
		{"From: a@example.org\nX-HELO: pass example.org\n", FAILS,
		 "DMARC_REJECT"},
		{"From: a@example.org\nX-SPF: temperror example.org\n",
		 "temperror example.org reject/none", "DMARC_TEMPERROR"},
	};
	struct arena *a = arena_new(0);
	struct bench_setup setup = {checks, NULL, dmarc_zone(a, ZONE), false};
	struct bench *bench = bench_new(&setup);
	struct letter bounce = {
		.ip = "192.0.2.1",
		.headers =
			"From: a@example.org\nX-HELO: pass mx.example.org\n"};
	struct mail *mail = bench_judge(bench, &bounce);

	(void)state;
	check_rows(rows, COUNT(rows), NULL);
	/* Of an empty sender the HELO name is the identity. */
	assert_string_equal(shown(mail), "pass example.org reject/none");
	mail_free(&mail);
	bench_free(&bench);
	arena_free(&a);
}

static void own_mail_is_not_judged(void **state)
{
	static const struct letter letters[] = {
		{.ip = "192.0.2.1",
		 .user = "al",
		 .headers = "From: a@example.org\n"},
		{.ip = "192.0.2.1",
		 .trusted = true,
		 .headers = "From: a@example.org\n"},
		{.headers = "From: a@example.org\n"},
	};
	struct arena *a = arena_new(0);
	struct bench_setup setup = {checks, NULL, dmarc_zone(a, ZONE), false};
	struct bench *bench = bench_new(&setup);

	(void)state;
	for (size_t i = 0; i < COUNT(letters); i++) {
		struct mail *mail = bench_judge(bench, &letters[i]);

		assert_string_equal(judged_symbols(mail), "");
		assert_int_equal(judged_report(mail, "dmarc")->outcome,
				 OUTCOME_NOT_RUN);
		assert_true(judged_report(mail, "dmarc")->reason.n > 0);
		mail_free(&mail);
	}
	bench_free(&bench);
	arena_free(&a);
}

static void enforcement_is_passed_on(void **state)
{
	struct bench_setup setup = {checks, "dmarc { enforce = yes }",
				    "_dmarc.example.org TXT " REJECT, false};
	struct letter letter = {.ip = "192.0.2.1",
				.headers = "From: a@example.org\n"};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge(bench, &letter);

	(void)state;
	assert_true(mail->verdict->classes[VAULT_DMARC].in);
	assert_int_equal(mail->verdict->classes[VAULT_DMARC].action,
			 CLASS_REJECT);
	assert_string_equal(shown(mail), FAILS);
	mail_free(&mail);
	bench_free(&bench);
}

static void a_bad_suffix_list_is_refused(void **state)
{
	struct bench_setup setup = {
		checks, "dmarc { public_suffix_list = \"/nonexistent/list\" }",
		NULL, false};
	struct err err = {""};
	const char *why = bench_refusal(&setup, &err);

	(void)state;
	assert_non_null(strstr(why, "dmarc.public_suffix_list"));
	assert_non_null(strstr(why, "/nonexistent/list"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_author_is_judged),
		cmocka_unit_test(no_author_is_no_result),
		cmocka_unit_test(every_author_must_pass),
		cmocka_unit_test(many_authors_are_not_all_judged),
		cmocka_unit_test(spf_counts_for_the_sender_only),
		cmocka_unit_test(own_mail_is_not_judged),
		cmocka_unit_test(enforcement_is_passed_on),
		cmocka_unit_test(a_bad_suffix_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
