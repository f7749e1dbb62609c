/* Policy: thresholds, DMARC, DNS failure, shadow mode, header edits. */
#include "tests/support/cmocka.h"
#include "common/verdict/seal.h"
#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct symbol symbols[] = {
	{"POINTS", 0, "the test says so", NULL},
	{0},
};

struct wish {
	double points;
	struct auth auth;
	enum commit_wish asks;
	struct class_report classes[VAULT_CLASSES];
	struct unscanned_report unscanned;
};
static struct wish wish;	/* what the check of this test finds */
static struct commit seen;	/* what its commit() was told */

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	verdict_hit(verdict, &symbols[0], "because");
	verdict->auth = wish.auth;
	if (!verdict->auth.spf.scope)
		verdict->auth.spf.scope = "mfrom";
	for (int i = 0; i < VAULT_CLASSES; i++)
		if (wish.classes[i].in)
			verdict_class(verdict, (enum vault_class)i,
				      wish.classes[i].action,
				      wish.classes[i].keep, "class %d", i);
	verdict->unscanned = wish.unscanned;
	return STEP_DONE;
}

static void commit(struct mail *mail, unsigned index, const void *ready,
		   struct verdict *verdict, struct commit *commit)
{
	(void)mail;
	(void)index;
	(void)ready;
	seen = *commit;
	verdict_outcome(verdict, OUTCOME_PASS, "was asked");
	commit->wish = wish.asks;
	commit->wait_s = 300;
	commit->reason = SLICE("100% too much");
}

static const struct check wisher = {.name = "wisher",
				    .doc = "x",
				    .symbols = symbols,
				    .judge = judge,
				    .commit = commit};
static const struct check *const table[] = {&wisher, NULL};

static const char message[] =
	"Authentication-Results: mx.example.net; spf=pass\n"
	"X-Gatepost-Verdict: v=1; forged\n"
	"Authentication-Results: other.example; spf=fail\n"
	"authentication-results: (a(b)c) MX.example.NET 1; none\n"
	"Authentication-Results: @@@ broken\n"
	"X-Spam: No\n"
	"X-Spam-Flag: NO\n"
	"From: a@example.org\n"
	"Message-ID: <m@example.org>\n"
	"\n"
	"Hello\n";

static void decide(struct fixture *f, const char *points, const char *more,
		   struct decision *d)
{
	const char *sets[5] = {"authserv_id=mx.example.net"};
	char set[64];

	snprintf(set, sizeof(set), "score.POINTS=%s", points);
	sets[1] = set;
	sets[2] = more;
	fixture_open(f, table, sets, "");
	fixture_mail(f, "192.0.2.1", "mx.example", "a@example.org");
	fixture_judge(f, message);
	policy_decide(f->policy, f->mail, d);
}

static void bands_follow_the_score(void **state)
{
	static const struct {
		const char *points, *set;
		enum action action;
		const char *threshold;
	} cases[] = {
		{"0", NULL, ACTION_ACCEPT, NULL},
		{"-3", NULL, ACTION_ACCEPT, NULL},
		{"3.99", NULL, ACTION_ACCEPT, NULL},
		{"4", NULL, ACTION_ACCEPT, "greylist"},
		{"6", NULL, ACTION_TAG, "add_header"},
		{"10", NULL, ACTION_TAG, "quarantine"},
		{"14.99", NULL, ACTION_TAG, "quarantine"},
		{"15", NULL, ACTION_REJECT, "reject"},
		{"100", "actions.reject=off", ACTION_TAG, "quarantine"},
		{"5", "actions.greylist=off", ACTION_ACCEPT, NULL},
		{"5", "actions.reject=5", ACTION_REJECT, "reject"},
	};

	(void)state;
	memset(&wish, 0, sizeof(wish));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision d;
		struct fixture f;

		decide(&f, cases[i].points, cases[i].set, &d);
		assert_int_equal(d.action, cases[i].action);
		assert_int_equal(d.would, cases[i].action);
		if (cases[i].threshold)
			assert_string_equal(d.threshold, cases[i].threshold);
		else
			assert_null(d.threshold);
		fixture_close(&f);
	}
}

static void a_rejection_says_why_and_names_the_record(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	decide(&f, "20", NULL, &d);
	assert_string_equal(d.reply_code, "550");
	assert_string_equal(d.reply_status, "5.7.1");
	assert_non_null(strstr(d.reply_text, "the test says so"));
	assert_non_null(strstr(d.reply_text, f.mail->id));
	fixture_close(&f);
}

static void shadow_mode_only_tags(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	decide(&f, "20", "shadow=yes", &d);
	assert_int_equal(d.action, ACTION_TAG);
	assert_int_equal(d.would, ACTION_REJECT);
	fixture_close(&f);
}

static void dmarc_acts_by_its_class_alone(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	wish.auth.dmarc = (struct auth_dmarc){
		.result = AUTH_FAIL,
		.policy_domain = SLICE("example.org"),
		.has_policy = true,
		.policy = DMARC_POLICY_REJECT,
		.disposition = DMARC_POLICY_REJECT};
	decide(&f, "1", NULL, &d);
	assert_int_equal(d.action, ACTION_ACCEPT);
	fixture_close(&f);
	wish.classes[VAULT_DMARC] = (struct class_report){
		.in = true, .action = CLASS_REJECT};
	decide(&f, "1", NULL, &d);
	assert_int_equal(d.action, ACTION_REJECT);
	assert_string_equal(d.cause, "dmarc");
	assert_non_null(strstr(d.reply_text, "DMARC policy of example.org"));
	fixture_close(&f);
}

#define TAG(class) [class] = {.in = true, .action = CLASS_TAG}
#define HOLD(class) [class] = {.in = true, .action = CLASS_QUARANTINE}
#define REFUSE(class) [class] = {.in = true, .action = CLASS_REJECT}

static void the_strictest_class_decides(void **state)
{
	static const struct {
		struct class_report classes[VAULT_CLASSES];
		const char *points, *set;
		enum action action;
		enum vault_class class;
		const char *cause;
	} cases[] = {
		{{HOLD(VAULT_VIRUS)}, "0", NULL, ACTION_QUARANTINE, VAULT_VIRUS,
		 "virus"},
		{{REFUSE(VAULT_VIRUS)}, "0", NULL, ACTION_REJECT, VAULT_VIRUS,
		 "virus"},
		{{TAG(VAULT_VIRUS)}, "0", NULL, ACTION_TAG, VAULT_VIRUS,
		 "virus"},
		{{TAG(VAULT_VIRUS), HOLD(VAULT_ATTACHMENT)}, "0", NULL,
		 ACTION_QUARANTINE, VAULT_ATTACHMENT,
		 "attachment"},
		{{HOLD(VAULT_VIRUS), HOLD(VAULT_ATTACHMENT)}, "0", NULL,
		 ACTION_QUARANTINE, VAULT_VIRUS,
		 "virus"},
		/* A score above reject refuses what a class would hold. */
		{{HOLD(VAULT_VIRUS)}, "20", NULL, ACTION_REJECT, VAULT_SPAM,
		 "score"},
		{{REFUSE(VAULT_DMARC)}, "20", NULL, ACTION_REJECT, VAULT_DMARC,
		 "dmarc"},
		{{{0}}, "12", "actions.spam=quarantine", ACTION_QUARANTINE,
		 VAULT_SPAM, "score"},
		{{{0}}, "12", "actions.spam=reject", ACTION_REJECT, VAULT_SPAM,
		 "score"},
		{{{0}}, "20", "actions.quarantine=off", ACTION_REJECT, VAULT_SPAM,
		 "score"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision d;
		struct fixture f;

		memset(&wish, 0, sizeof(wish));
		memcpy(wish.classes, cases[i].classes, sizeof(wish.classes));
		decide(&f, cases[i].points, cases[i].set, &d);
		assert_int_equal(d.action, cases[i].action);
		assert_string_equal(d.cause, cases[i].cause);
		assert_true(d.classed);
		assert_int_equal(d.class, cases[i].class);
		assert_true((d.reply_code != NULL) ==
			    (d.action == ACTION_REJECT));
		fixture_close(&f);
	}
}

static void a_copy_is_kept_of_what_is_rejected_and_no_more(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	wish.classes[VAULT_VIRUS] = (struct class_report){
		.in = true, .action = CLASS_REJECT, .keep = true};
	decide(&f, "0", NULL, &d);
	assert_true(d.keep);
	fixture_close(&f);
	wish.classes[VAULT_VIRUS].action = CLASS_QUARANTINE;
	decide(&f, "0", NULL, &d);
	assert_false(d.keep);
	fixture_close(&f);
	memset(&wish, 0, sizeof(wish));
	decide(&f, "20", "actions.keep_rejected=yes", &d);
	assert_true(d.keep);
	fixture_close(&f);
	decide(&f, "20", NULL, &d);
	assert_false(d.keep);
	fixture_close(&f);
}

static void what_is_held_is_only_tagged_in_shadow_mode(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	wish.classes[VAULT_VIRUS] = (struct class_report){
		.in = true, .action = CLASS_QUARANTINE};
	decide(&f, "0", "shadow=yes", &d);
	assert_int_equal(d.action, ACTION_TAG);
	assert_int_equal(d.would, ACTION_QUARANTINE);
	fixture_close(&f);
}

static void what_could_not_be_scanned_waits_unless_it_is_refused(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	wish.unscanned = (struct unscanned_report){true, true, SLICE("why")};
	decide(&f, "0", NULL, &d);
	assert_int_equal(d.action, ACTION_TEMPFAIL);
	assert_string_equal(d.cause, "unscanned");
	assert_string_equal(d.reply_code, "451");
	/* Without a vault it comes again for ever, but is not lost. */
	policy_commit(f.policy, f.mail, &d);
	assert_int_equal(d.action, ACTION_TEMPFAIL);
	assert_false(seen.accept);
	fixture_close(&f);
	decide(&f, "20", NULL, &d);
	assert_int_equal(d.action, ACTION_REJECT);
	fixture_close(&f);
	wish.classes[VAULT_VIRUS] = (struct class_report){
		.in = true, .action = CLASS_QUARANTINE};
	decide(&f, "0", NULL, &d);
	assert_int_equal(d.action, ACTION_QUARANTINE);
	fixture_close(&f);
}

static void dns_failure_defers_only_when_told(void **state)
{
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	wish.auth.spf.result = AUTH_TEMPERROR;
	decide(&f, "1", NULL, &d);
	assert_int_equal(d.action, ACTION_ACCEPT);
	fixture_close(&f);
	decide(&f, "1", "actions.dns_failure=tempfail", &d);
	assert_int_equal(d.action, ACTION_TEMPFAIL);
	assert_string_equal(d.reply_code, "451");
	fixture_close(&f);
}

static void checks_with_state_are_told_what_policy_is_about_to_do(void **state)
{
	static const struct {
		const char *points, *set;
		bool accept, doubtful, spam;
	} cases[] = {
		{"3.9", NULL, true, false, false},
		{"4", NULL, true, true, false},
		{"6", NULL, true, true, true},
		{"14.9", NULL, true, true, true},
		{"15", NULL, false, false, true},
		{"5", "actions.greylist=off", true, false, false},
		{"5", "shadow=yes", true, true, false},
	};

	(void)state;
	memset(&wish, 0, sizeof(wish));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision d, before;
		struct fixture f;

		decide(&f, cases[i].points, cases[i].set, &d);
		before = d;
		policy_commit(f.policy, f.mail, &d);
		assert_int_equal(seen.accept, cases[i].accept);
		assert_int_equal(seen.doubtful, cases[i].doubtful);
		assert_int_equal(seen.spam, cases[i].spam);
		assert_memory_equal(&d, &before, sizeof(d));
		fixture_close(&f);
	}
}

static void what_they_ask_for_is_done(void **state)
{
	static const struct {
		enum commit_wish asks;
		const char *points, *set;
		enum action action, would;
		const char *code, *text;
	} cases[] = {
		{COMMIT_GREYLIST, "5", NULL, ACTION_GREYLIST, ACTION_GREYLIST,
		 "451", "Greylisted, please try again in 300 seconds"},
		{COMMIT_RATELIMIT, "0", NULL, ACTION_RATELIMIT,
		 ACTION_RATELIMIT, "450",
		 "100% too much, try again in 300 seconds"},
		{COMMIT_RATELIMIT_NEVER, "0", NULL, ACTION_RATELIMIT,
		 ACTION_RATELIMIT, "550", "100% too much"},
		{COMMIT_GREYLIST, "7", "shadow=yes", ACTION_TAG,
		 ACTION_GREYLIST, "451", "Greylisted"},
		{COMMIT_GREYLIST, "20", NULL, ACTION_REJECT, ACTION_REJECT,
		 "550", "rejected"},
	};

	(void)state;
	memset(&wish, 0, sizeof(wish));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision d;
		struct fixture f;

		wish.asks = cases[i].asks;
		decide(&f, cases[i].points, cases[i].set, &d);
		policy_commit(f.policy, f.mail, &d);
		assert_int_equal(d.action, cases[i].action);
		assert_int_equal(d.would, cases[i].would);
		assert_string_equal(d.reply_code, cases[i].code);
		assert_non_null(strstr(d.reply_text, cases[i].text));
		assert_non_null(strstr(d.reply_text, f.mail->id));
		fixture_close(&f);
	}
}

static void forged_fields_go_from_the_highest_index_down(void **state)
{
	static const struct {
		const char *name;
		unsigned index;
	} want[] = {
		{"Authentication-Results", 4},
		{"authentication-results", 3},
		{"Authentication-Results", 1},
		{"X-Gatepost-Verdict", 1},
		{"X-Spam", 1},
	};
	struct decision d;
	struct fixture f;

	(void)state;
	memset(&wish, 0, sizeof(wish));
	decide(&f, "7", NULL, &d);
	assert_true(d.edit_count > 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(d.edits[i].op, EDIT_DELETE);
		assert_string_equal(d.edits[i].name, want[i].name);
		assert_int_equal(d.edits[i].index, want[i].index);
	}
	for (size_t i = 5; i < d.edit_count; i++)
		assert_int_equal(d.edits[i].op, EDIT_INSERT);
	assert_string_equal(d.edits[5].name, "Authentication-Results");
	assert_non_null(strstr(d.edits[5].value, "mx.example.net"));
	assert_string_equal(d.edits[d.edit_count - 1].name, "X-Spam");
	assert_string_equal(d.edits[d.edit_count - 1].value, "Yes");
	fixture_close(&f);
}

/* A class that is lenient does not save certain spam. */
static void the_score_decides_where_it_is_stricter_than_a_class(void **state)
{
	static const struct {
		const char *points, *set;
		enum action would, mailbox;
		enum vault_class class;
		const char *cause;
	} cases[] = {
		{"9", "actions.spam=quarantine", ACTION_TAG, ACTION_TAG,
		 VAULT_DMARC, "dmarc"},
		{"10", NULL, ACTION_TAG, ACTION_QUARANTINE, VAULT_DMARC,
		 "dmarc"},
		{"10", "actions.spam=quarantine", ACTION_QUARANTINE,
		 ACTION_QUARANTINE, VAULT_SPAM, "score"},
		{"10", "actions.spam=reject", ACTION_REJECT, ACTION_REJECT,
		 VAULT_SPAM, "score"},
		{"15", "actions.spam=tag", ACTION_REJECT, ACTION_REJECT,
		 VAULT_SPAM, "score"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decision d;
		struct fixture f;

		memset(&wish, 0, sizeof(wish));
		wish.classes[VAULT_DMARC] = (struct class_report){
			.in = true, .action = CLASS_TAG};
		decide(&f, cases[i].points, cases[i].set, &d);
		assert_int_equal(d.would, cases[i].would);
		assert_int_equal(d.mailbox, cases[i].mailbox);
		assert_int_equal(d.class, cases[i].class);
		assert_string_equal(d.cause, cases[i].cause);
		fixture_close(&f);
	}
}

/* What the mailbox side reads in the signed header. */
static void the_sealed_header_tells_the_mailbox_side_what_to_do(void **state)
{
	static const struct {
		const char *points, *set;
		bool virus;
		const char *want;
	} cases[] = {
		{"1", NULL, false, "class=clean; action=accept;"},
		{"6", NULL, false, "class=spam; action=tag;"},
		{"10", NULL, false, "class=spam; action=quarantine;"},
		{"10", "shadow=yes", false, "class=spam; action=tag;"},
		{"20", "shadow=yes", false, "class=spam; action=tag;"},
		{"1", NULL, true, "class=virus; action=tag;"},
		{"10", NULL, true, "class=virus; action=quarantine;"},
	};
	char folder[] = "/tmp/policy-XXXXXX", path[64], set[80];
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(seal_key_create(path, &err), 0);
	snprintf(set, sizeof(set), "verdict_key=%s", path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *sets[5] = {set, cases[i].set};
		const char *header = NULL;
		struct decision d;
		struct fixture f;
		char points[32];

		memset(&wish, 0, sizeof(wish));
		wish.classes[VAULT_VIRUS] = (struct class_report){
			.in = cases[i].virus, .action = CLASS_TAG};
		snprintf(points, sizeof(points), "score.POINTS=%s",
			 cases[i].points);
		sets[cases[i].set ? 2 : 1] = points;
		fixture_open(&f, table, sets, "");
		fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
		fixture_judge(&f, message);
		policy_decide(f.policy, f.mail, &d);
		for (size_t k = 0; k < d.edit_count; k++)
			if (d.edits[k].op == EDIT_INSERT &&
			    strcmp(d.edits[k].name, SEAL_HEADER) == 0)
				header = d.edits[k].value;
		assert_non_null(header);
		if (!strstr(header, cases[i].want))
			fail_msg("%s: %s", cases[i].want, header);
		fixture_close(&f);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bands_follow_the_score),
		cmocka_unit_test(a_rejection_says_why_and_names_the_record),
		cmocka_unit_test(shadow_mode_only_tags),
		cmocka_unit_test(dmarc_acts_by_its_class_alone),
		cmocka_unit_test(the_strictest_class_decides),
		cmocka_unit_test(
			a_copy_is_kept_of_what_is_rejected_and_no_more),
		cmocka_unit_test(what_is_held_is_only_tagged_in_shadow_mode),
		cmocka_unit_test(
			what_could_not_be_scanned_waits_unless_it_is_refused),
		cmocka_unit_test(dns_failure_defers_only_when_told),
		cmocka_unit_test(
			checks_with_state_are_told_what_policy_is_about_to_do),
		cmocka_unit_test(what_they_ask_for_is_done),
		cmocka_unit_test(forged_fields_go_from_the_highest_index_down),
		cmocka_unit_test(
			the_score_decides_where_it_is_stricter_than_a_class),
		cmocka_unit_test(
			the_sealed_header_tells_the_mailbox_side_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
