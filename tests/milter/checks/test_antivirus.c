/*
 * The check "antivirus": what follows from the reports of a scanner, for
 * which a thread stands in.
 */
#include "milter/checks/antivirus.h"
#include "milter/checks/antivirus_conf.h"
#include "tests/support/cmocka.h"
#include "tests/support/fixture.h"
#include "tests/support/scan_stand.h"

#include <string.h>

static const struct check *const table[] = {&check_antivirus, NULL};

static const char message[] = "From: a@example.org\n"
			      "Subject: a\n"
			      "\tb\n"
			      "\n"
			      "Hello\n";
static const char as_scanned[] = "From: a@example.org\r\n"
				 "Subject: a\r\n"
				 "\tb\r\n"
				 "\r\n"
				 "Hello\r\n";

struct bench {
	struct fixture f;
	struct scan_stand stand;
	struct scan_options options;
};

static void judge(struct bench *b, const char *set, enum deed deed,
		  const struct scan_report *report)
{
	const char *sets[] = {set, NULL};

	scan_stand_open(&b->stand);
	b->stand.deed = deed;
	b->stand.report = *report;
	b->options = (struct scan_options){.queue = b->stand.queue[0],
					   .queue_ms = 5000,
					   .time_ms = 300};
	fixture_open(&b->f, table, sets, "");
	engine_set_scans(b->f.engine, &b->options);
	scan_stand_start(&b->stand);
	fixture_mail(&b->f, "192.0.2.1", "mx.example", "a@example.org");
	fixture_judge(&b->f, message);
	scan_stand_join(&b->stand);
}

static void end(struct bench *b)
{
	fixture_close(&b->f);
	scan_stand_close(&b->stand);
}

static const struct scan_report clean = {.result = SCAN_CLEAN,
					 .engine = SLICE("ClamAV 1"),
					 .parts_known = true};

static struct scan_report found(struct slice one, struct slice two)
{
	struct scan_report report = clean;

	report.result = SCAN_INFECTED;
	report.names[0] = one;
	report.names[1] = two;
	report.name_count = two.n > 0 ? 2 : 1;
	return report;
}

static void the_scanner_is_given_the_message_as_received(void **state)
{
	struct bench b;

	(void)state;
	judge(&b, NULL, DEED_REPORT, &clean);
	assert_string_equal(b.stand.message, as_scanned);
	assert_int_equal(b.stand.size, sizeof(as_scanned) - 1);
	assert_int_equal(b.f.mail->verdict->reports[0].outcome, OUTCOME_PASS);
	assert_int_equal(b.f.mail->verdict->hit_count, 0);
	assert_false(b.f.mail->verdict->classes[VAULT_VIRUS].in);
	assert_non_null(b.f.mail->scan);
	end(&b);
}

static void names_are_weighed(void **state)
{
	static const struct {
		struct slice one, two;
		const char *symbol;
		bool virus;
	} cases[] = {
		{SLICE("Eicar-Signature"), SLICE(""), "VIRUS_FOUND", true},
		{SLICE("Heuristics.Encrypted.Zip"), SLICE(""),
		 "ANTIVIRUS_ENCRYPTED", false},
		{SLICE("Heuristics.OLE2.ContainsMacros.VBA"), SLICE(""),
		 "ANTIVIRUS_MACROS", false},
		{SLICE("Heuristics.Phishing.Email.SpoofedDomain"), SLICE(""),
		 "ANTIVIRUS_PHISHING", false},
		{SLICE("PUA.Win.Tool"), SLICE(""), "ANTIVIRUS_PUA", false},
		{SLICE("Heuristics.Broken.Executable"), SLICE(""),
		 "ANTIVIRUS_HEURISTIC", false},
		/* A heuristic does not hide a virus. */
		{SLICE("Heuristics.OLE2.ContainsMacros.VBA"),
		 SLICE("Doc.Dropper-1"), "VIRUS_FOUND", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_report report = found(cases[i].one, cases[i].two);
		const struct verdict *v;
		bool hit = false;
		struct bench b;

		judge(&b, NULL, DEED_REPORT, &report);
		v = b.f.mail->verdict;
		for (size_t k = 0; k < v->hit_count; k++)
			hit |= strcmp(v->hits[k].symbol->name,
				      cases[i].symbol) == 0;
		assert_true(hit);
		assert_int_equal(v->classes[VAULT_VIRUS].in, cases[i].virus);
		assert_int_equal(v->reports[0].outcome, OUTCOME_FAIL);
		end(&b);
	}
}

static void what_is_done_with_a_virus_is_a_setting(void **state)
{
	static const struct {
		const char *set;
		enum class_action action;
	} cases[] = {
		{NULL, CLASS_QUARANTINE},
		{"antivirus.action=reject", CLASS_REJECT},
		{"antivirus.action=tag", CLASS_TAG},
	};
	struct scan_report report = found(SLICE("Virus"), SLICE(""));

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct class_report *class;
		struct bench b;

		judge(&b, cases[i].set, DEED_REPORT, &report);
		class = &b.f.mail->verdict->classes[VAULT_VIRUS];
		assert_true(class->in);
		assert_int_equal(class->action, cases[i].action);
		assert_true(slice_eq(class->reason, SLICE("Virus")));
		end(&b);
	}
}

static void unscanned_is_never_clean(void **state)
{
	static const struct {
		enum deed deed;
		bool by_message;
	} cases[] = {
		{DEED_BEGIN_DIE, true},
		{DEED_DIE, false},
		{DEED_BEGIN_HANG, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct verdict *v;
		struct bench b;

		judge(&b, NULL, cases[i].deed, &clean);
		v = b.f.mail->verdict;
		assert_int_equal(v->reports[0].outcome, OUTCOME_TEMPERROR);
		assert_true(v->unscanned.in);
		assert_int_equal(v->unscanned.by_message,
				 cases[i].by_message);
		assert_true(v->unscanned.reason.n > 0);
		end(&b);
	}
}

static void unscanned_follows_its_setting(void **state)
{
	struct bench b;

	(void)state;
	judge(&b, "antivirus.unscanned=quarantine", DEED_BEGIN_DIE, &clean);
	assert_false(b.f.mail->verdict->unscanned.in);
	assert_true(b.f.mail->verdict->classes[VAULT_UNSCANNED].in);
	assert_int_equal(b.f.mail->verdict->classes[VAULT_UNSCANNED].action,
			 CLASS_QUARANTINE);
	end(&b);
	judge(&b, "antivirus.unscanned=tag", DEED_BEGIN_DIE, &clean);
	assert_false(b.f.mail->verdict->unscanned.in);
	assert_int_equal(b.f.mail->verdict->classes[VAULT_UNSCANNED].action,
			 CLASS_TAG);
	end(&b);
}

/* A limit was hit, but a virus was found before. */
static void a_virus_in_what_was_looked_at_counts(void **state)
{
	struct scan_report report = found(SLICE("Virus"), SLICE(""));
	const struct verdict *v;
	struct bench b;

	(void)state;
	report.result = SCAN_UNSCANNED;
	report.trouble = SCAN_LIMIT;
	report.reason = SLICE("too deep");
	judge(&b, NULL, DEED_REPORT, &report);
	v = b.f.mail->verdict;
	assert_true(v->classes[VAULT_VIRUS].in);
	assert_true(v->unscanned.in);
	end(&b);
}

static void off_is_told(void **state)
{
	const char *sets[] = {"antivirus.engine=off", NULL};
	struct fixture f;

	(void)state;
	fixture_open(&f, table, sets, "");
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	fixture_judge(&f, message);
	assert_int_equal(f.mail->verdict->reports[0].outcome, OUTCOME_NOT_RUN);
	assert_true(slice_eq(f.mail->verdict->reports[0].reason,
			     SLICE("antivirus.engine is off")));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scanner_is_given_the_message_as_received),
		cmocka_unit_test(names_are_weighed),
		cmocka_unit_test(what_is_done_with_a_virus_is_a_setting),
		cmocka_unit_test(unscanned_is_never_clean),
		cmocka_unit_test(unscanned_follows_its_setting),
		cmocka_unit_test(a_virus_in_what_was_looked_at_counts),
		cmocka_unit_test(off_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
