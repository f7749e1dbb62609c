/* Header sections: what is missing, repeated or cannot be. */
#include "milter/checks/headers.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <stdio.h>
#include <time.h>

static const struct check *const checks[] = {&check_headers, NULL};

#define FROM "From: A <a@a.test>\n"
#define REST \
	"To: b@b.test\nSubject: x\nDate: Fri, 21 Nov 1997 09:55:06 -0600\n" \
	"Message-ID: <1@a.test>\n"

static void expect(const char *headers, const char *symbols)
{
	struct bench_setup setup = {.checks = checks};
	struct bench *bench = bench_new(&setup);
	struct letter letter = {.ip = "192.0.2.9", .headers = headers};
	struct mail *mail = bench_judge(bench, &letter);

	if (!slice_eq(slice_cstr(judged_symbols(mail)), slice_cstr(symbols)))
		fail_msg("found '%s', not '%s', in:\n%s", judged_symbols(mail),
			 symbols, headers);
	assert_int_equal(judged_report(mail, "headers")->outcome,
			 symbols[0] ? OUTCOME_FAIL : OUTCOME_PASS);
	mail_free(&mail);
	bench_free(&bench);
}

static void usual_fields_are_fine(void **state)
{
	(void)state;
	expect(FROM REST, "");
	expect("from:A <a@a.test>\n" REST, "");
	expect(FROM REST "Cc: c@c.test\nBcc: d@d.test\nSender: s@s.test\n", "");
	expect(FROM REST "Received: x\nReceived: y\nX-A: 1\nX-A: 2\n", "");
	expect(FROM REST "MIME-Version: 1.0\nContent-Type: text/plain\n", "");
	/* Cc or Bcc will do for To. */
	expect(FROM "Cc: b@b.test\nSubject: \nMessage-ID: x\n"
		    "Date: 21 Nov 97 09:55 GMT\n",
	       "");
}

static void what_is_missing_is_said(void **state)
{
	(void)state;
	expect("", "HEADER_EMPTY");
	expect(REST, "HEADER_NO_FROM");
	expect(FROM, "HEADER_NO_DATE HEADER_NO_MESSAGE_ID "
		     "HEADER_NO_RECIPIENT HEADER_NO_SUBJECT");
	expect(FROM REST "Content-Type: text/plain\n",
	       "HEADER_NO_MIME_VERSION");
	expect(FROM REST "Content-Transfer-Encoding: 8bit\n",
	       "HEADER_NO_MIME_VERSION");
}

static void what_may_stand_once_does(void **state)
{
	static const char *const names[] = {
		"Sender", "Reply-To", "To",	    "CC",	    "Bcc",
		"Subject", "date",    "Message-Id", "MIME-Version",
		"Content-Type"};

	(void)state;
	expect(FROM FROM REST, "HEADER_SEVERAL_FROM");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			 FROM REST "MIME-Version: 1.0\n%s: x\n%s: x\n",
			 names[i], names[i]);
		expect(text, "HEADER_REPEATED");
	}
}

static void dates_are_read_and_compared(void **state)
{
	static const struct {
		int64_t ahead;
		const char *symbols;
	} cases[] = {
		{0, ""},
		{-86400 * 400, ""},
		{3600 * 23, ""},
		{3600 * 25, "HEADER_DATE_FUTURE"},
		{(int64_t)86400 * 3650, "HEADER_DATE_FUTURE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		time_t when = time(NULL) + (time_t)cases[i].ahead;
		char text[256], date[64];
		struct tm tm;

		gmtime_r(&when, &tm);
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
			 &tm);
		snprintf(text, sizeof(text),
			 FROM "To: b@b.test\nSubject: x\nMessage-ID: x\n"
			      "Date: %s\n",
			 date);
		expect(text, cases[i].symbols);
	}
	expect(FROM "To: b\nSubject: x\nMessage-ID: x\nDate: yesterday\n",
	       "HEADER_DATE_INVALID");
	expect(FROM "To: b\nSubject: x\nMessage-ID: x\nDate:\n",
	       "HEADER_DATE_INVALID");
}

static void the_author_must_be_one(void **state)
{
	static const struct {
		const char *from, *symbols;
	} cases[] = {
		{"a@a.test", ""},
		{"\"A, B\" <a@a.test>", ""},
		{"a@a.test, b@b.test", ""},
		{"\"a@a.test\" <a@a.test>", ""},
		{"\"a@mail.a.test\" <a@a.test>", ""},
		{"\"a@shop.a.test\" <a@mail.a.test>", ""},
		{"\"at 5 @ home\" <a@a.test>", ""},
		{"\"user@localhost\" <a@a.test>", ""},
		{"\"info@bank.test\" <a@a.test>", "HEADER_FROM_NAME_SPOOFED"},
		{"\"Bank (info@Bank.test.)\" <a@a.test>",
		 "HEADER_FROM_NAME_SPOOFED"},
		{"\"@x info@bank.test\" <a@a.test>",
		 "HEADER_FROM_NAME_SPOOFED"},
		{"=?utf-8?Q?info=40bank=2Etest?= <a@a.test>",
		 "HEADER_FROM_NAME_SPOOFED"},
		{"=?utf-8?B?aW5mb0BiYW5rLnRlc3Q=?= <a@a.test>",
		 "HEADER_FROM_NAME_SPOOFED"},
		{"=?utf-8?B?YUBhLnRlc3Q=?= <a@a.test>", ""},
		{"b@b.test, \"info@bank.test\" <a@a.test>",
		 "HEADER_FROM_NAME_SPOOFED"},
		{"", "HEADER_FROM_INVALID"},
		{"undisclosed", "HEADER_FROM_INVALID"},
		{"A <a@a..test>", "HEADER_FROM_INVALID"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text), "From: %s\n" REST, cases[i].from);
		expect(text, cases[i].symbols);
	}
}

static void mail_of_our_own_is_not_judged(void **state)
{
	struct bench_setup setup = {.checks = checks};
	struct letter letter = {.ip = "192.0.2.9", .user = "alice"};
	struct bench *bench = bench_new(&setup);
	struct mail *mail = bench_judge(bench, &letter);

	(void)state;
	assert_string_equal(judged_symbols(mail), "");
	assert_int_equal(judged_report(mail, "headers")->outcome,
			 OUTCOME_NOT_RUN);
	mail_free(&mail);
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_fields_are_fine),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(what_may_stand_once_does),
		cmocka_unit_test(dates_are_read_and_compared),
		cmocka_unit_test(the_author_must_be_one),
		cmocka_unit_test(mail_of_our_own_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
