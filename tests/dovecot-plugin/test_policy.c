/* Where a verdict and a user's wishes put a message. */
#include "dovecot-plugin/policy.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct policy_verdict verdict_of(const char *class, const char *action,
					double score)
{
	struct seal_fields fields = {.class = slice_cstr(class),
				     .action = slice_cstr(action),
				     .score = score};
	struct policy_verdict verdict;

	assert_true(policy_read(&fields, &verdict));
	return verdict;
}

struct case_row {
	const char *class, *action;
	double score;
	const char *place, *keyword;
};

static void check(const struct policy_user *user, const struct case_row *rows,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct case_row *row = &rows[i];
		struct policy_verdict verdict =
			verdict_of(row->class, row->action, row->score);
		struct policy_decision got = policy_decide(&verdict, user);
		const char *place = policy_place_word(got.place);
		const char *keyword = got.keyword ? got.keyword : "";

		if (strcmp(place, row->place) != 0 ||
		    strcmp(keyword, row->keyword ? row->keyword : "") != 0)
			fail_msg("%s %s %.2f: %s '%s'", row->class, row->action,
				 row->score, place, keyword);
	}
}

static void without_wishes_the_engine_decides(void **state)
{
	static const struct case_row rows[] = {
		{"clean", "accept", 0, "inbox", NULL},
		{"clean", "accept", 100, "inbox", NULL},
		{"spam", "tag", 7, "junk", NULL},
		{"spam", "quarantine", 12, "quarantine", NULL},
		{"dmarc", "tag", 0, "junk", NULL},
		{"dmarc", "quarantine", 0, "quarantine", NULL},
		{"attachment", "tag", 0, "junk", NULL},
		{"attachment", "quarantine", 0, "quarantine", NULL},
		{"virus", "tag", 0, "virus", NULL},
		{"virus", "quarantine", 0, "virus", NULL},
		{"unscanned", "tag", 0, "virus", NULL},
		{"unscanned", "quarantine", 0, "virus", NULL},
		{"phish", "tag", 0, "junk", NULL},
		{"phish", "quarantine", 0, "quarantine", NULL},
	};

	(void)state;
	check(&(struct policy_user){0}, rows, LENGTH(rows));
}

/* shadow = yes: the class says what it is, the action what is done. */
static void what_the_engine_lets_pass_passes(void **state)
{
	static const struct case_row rows[] = {
		{"spam", "accept", 30, "inbox", NULL},
		{"dmarc", "accept", 30, "inbox", NULL},
		{"virus", "accept", 30, "inbox", NULL},
		{"unscanned", "accept", 30, "inbox", NULL},
	};
	struct policy_user user = {.tag = {true, 1}, .quarantine = {true, 2}};

	(void)state;
	check(&user, rows, LENGTH(rows));
}

static void thresholds_of_the_user_win(void **state)
{
	static const struct case_row rows[] = {
		{"clean", "accept", 2.99, "inbox", NULL},
		{"clean", "accept", 3, "junk", NULL},
		{"clean", "accept", 20, "quarantine", NULL},
		{"spam", "tag", 2, "inbox", NULL},
		{"spam", "tag", 20, "quarantine", NULL},
		{"spam", "quarantine", 19.99, "junk", NULL},
		{"spam", "quarantine", 20, "quarantine", NULL},
		{"spam", "quarantine", -1, "inbox", NULL},
		{"dmarc", "tag", 0, "junk", NULL},
		{"dmarc", "quarantine", 0, "quarantine", NULL},
		{"attachment", "quarantine", 0, "quarantine", NULL},
		{"virus", "tag", 0, "virus", NULL},
	};
	struct policy_user user = {.tag = {true, 3}, .quarantine = {true, 20}};

	(void)state;
	check(&user, rows, LENGTH(rows));
}

static void one_threshold_leaves_the_other_to_the_engine(void **state)
{
	static const struct case_row tag_rows[] = {
		{"spam", "tag", 7, "inbox", NULL},
		{"spam", "tag", 8, "junk", NULL},
		{"spam", "quarantine", 7, "quarantine", NULL},
	};
	static const struct case_row quarantine_rows[] = {
		{"clean", "accept", 4, "inbox", NULL},
		{"clean", "accept", 5, "quarantine", NULL},
		{"spam", "tag", 4, "junk", NULL},
		{"spam", "quarantine", 4, "junk", NULL},
	};
	struct policy_user tag = {.tag = {true, 8}};
	struct policy_user quarantine = {.quarantine = {true, 5}};

	(void)state;
	check(&tag, tag_rows, LENGTH(tag_rows));
	check(&quarantine, quarantine_rows, LENGTH(quarantine_rows));
}

static void who_opts_out_is_protected_from_viruses_only(void **state)
{
	static const struct case_row rows[] = {
		{"clean", "accept", 50, "inbox", NULL},
		{"spam", "tag", 50, "inbox", NULL},
		{"spam", "quarantine", 50, "inbox", NULL},
		{"dmarc", "quarantine", 0, "inbox", NULL},
		{"attachment", "quarantine", 0, "quarantine", NULL},
		{"phish", "quarantine", 0, "quarantine", NULL},
		{"virus", "quarantine", 0, "virus", NULL},
		{"unscanned", "tag", 0, "virus", NULL},
	};
	struct policy_user user = {.off = true, .tag = {true, 1}};

	(void)state;
	check(&user, rows, LENGTH(rows));
}

static void pop3_users_find_all_but_viruses_in_inbox(void **state)
{
	static const struct case_row rows[] = {
		{"clean", "accept", 0, "inbox", NULL},
		{"spam", "tag", 7, "flagged", "$Junk"},
		{"spam", "quarantine", 12, "flagged", "Quarantine"},
		{"virus", "quarantine", 0, "virus", NULL},
		{"unscanned", "tag", 0, "virus", NULL},
	};
	struct policy_user user = {.pop3 = true};

	(void)state;
	check(&user, rows, LENGTH(rows));
}

static void an_action_that_delivers_nothing_is_no_verdict(void **state)
{
	static const char *const actions[] = {"reject", "greylist", "tempfail",
					      "",	"TAG",	    "tags"};

	(void)state;
	for (size_t i = 0; i < LENGTH(actions); i++) {
		struct seal_fields fields = {.class = SLICE("spam"),
					     .action = slice_cstr(actions[i])};
		struct policy_verdict verdict;

		if (policy_read(&fields, &verdict))
			fail_msg("'%s' was read", actions[i]);
	}
}

static void classes_have_words(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_CLASSES; i++)
		assert_non_null(policy_class_word((enum policy_class)i));
	assert_string_equal(
		policy_class_word(verdict_of("phish", "tag", 0).class),
		"other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_wishes_the_engine_decides),
		cmocka_unit_test(what_the_engine_lets_pass_passes),
		cmocka_unit_test(thresholds_of_the_user_win),
		cmocka_unit_test(one_threshold_leaves_the_other_to_the_engine),
		cmocka_unit_test(who_opts_out_is_protected_from_viruses_only),
		cmocka_unit_test(pop3_users_find_all_but_viruses_in_inbox),
		cmocka_unit_test(an_action_that_delivers_nothing_is_no_verdict),
		cmocka_unit_test(classes_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
