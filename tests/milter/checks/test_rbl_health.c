/* Tests of lists: who is suspended, when, and who recovers. */
#include "milter/checks/rbl.h"
#include "milter/checks/rbl_health.h"
#include "tests/support/answers.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <time.h>

#define HOUR 3600000

/* One list, bl.example, over zones that can be exchanged. */
struct ward {
	struct arena *arena;
	struct rbl_code code;
	struct rbl_list list;
	struct rbl_lists lists;
	struct rbl_health *health;
	struct answers *answers;
};

#define WELL "2.0.0.127.bl.example A 127.0.0.2\n"

static void answer_from(struct ward *w, const char *zones)
{
	if (w->answers)
		answers_free(&w->answers);
	w->answers = answers_new(zones);
}

static void begin(struct ward *w, const char *zones)
{
	*w = (struct ward){.arena = arena_new(0),
			   .code = {.refused = true,
				    .low = {127, 0, 0, 1},
				    .high = {127, 0, 0, 1}}};
	w->list = (struct rbl_list){
		.zone = SLICE("bl.example"),
		.query = RBL_ADDRESS,
		.ipv4 = true,
		.codes = &w->code,
		.code_count = 1,
		.test_listed = SLICE("2.0.0.127.bl.example"),
		.test_unlisted = SLICE("1.0.0.127.bl.example"),
	};
	w->lists = (struct rbl_lists){.list = &w->list, .count = 1};
	w->health = rbl_health_new(w->arena, &w->lists, HOUR);
	answer_from(w, zones);
}

static void end(struct ward *w)
{
	rbl_health_stop(w->health, answers_resolver(w->answers));
	answers_free(&w->answers);
	arena_free(&w->arena);
}

static enum rbl_trouble tick(struct ward *w, int64_t now_ms)
{
	rbl_health_tick(w->health, answers_resolver(w->answers), now_ms);
	return rbl_health_state(w->health, 0);
}

static void definite_answers_decide_at_once(void **state)
{
	static const struct {
		const char *zones;
		enum rbl_trouble trouble;
	} cases[] = {
		{WELL, RBL_TROUBLE_NONE},
		/* What the entry says does not matter. */
		{"2.0.0.127.bl.example A 127.0.10.0", RBL_TROUBLE_NONE},
		{"", RBL_TROUBLE_EMPTY},
		{"2.0.0.127.bl.example TXT x", RBL_TROUBLE_EMPTY},
		{WELL "1.0.0.127.bl.example A 127.0.0.2",
		 RBL_TROUBLE_LISTS_ALL},
		{"2.0.0.127.bl.example A 127.255.255.254\n"
		 "1.0.0.127.bl.example A 127.255.255.254",
		 RBL_TROUBLE_REFUSES},
		{"2.0.0.127.bl.example A 127.0.0.1", RBL_TROUBLE_REFUSES},
		{WELL "1.0.0.127.bl.example A 127.255.255.255",
		 RBL_TROUBLE_REFUSES},
		{"2.0.0.127.bl.example A 203.0.113.1\n"
		 "1.0.0.127.bl.example A 203.0.113.1",
		 RBL_TROUBLE_OUTSIDE},
		/* A wrong answer counts although the other one is missing. */
		{"2.0.0.127.bl.example A TEMPFAIL\n"
		 "1.0.0.127.bl.example A 127.0.0.2",
		 RBL_TROUBLE_LISTS_ALL},
		{WELL "1.0.0.127.bl.example A TEMPFAIL", RBL_TROUBLE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ward w;

		begin(&w, cases[i].zones);
		assert_int_equal(tick(&w, 1000), cases[i].trouble);
		end(&w);
	}
}

static void late_answers_decide_when_they_come(void **state)
{
	struct ward w;

	(void)state;
	begin(&w, "");
	answers_set_late(w.answers, true);
	assert_int_equal(tick(&w, 1000), RBL_TROUBLE_NONE);
	assert_int_equal(tick(&w, 2000), RBL_TROUBLE_NONE);
	assert_int_equal(answers_deliver(w.answers), 2);
	assert_int_equal(tick(&w, 3000), RBL_TROUBLE_EMPTY);
	end(&w);
}

static void silence_suspends_only_after_several_tests(void **state)
{
	struct ward w;

	(void)state;
	begin(&w, "2.0.0.127.bl.example ANY TEMPFAIL\n"
		  "1.0.0.127.bl.example ANY TEMPFAIL");
	assert_int_equal(tick(&w, 0), RBL_TROUBLE_NONE);
	assert_int_equal(tick(&w, 61000), RBL_TROUBLE_NONE);
	assert_int_equal(tick(&w, 122000), RBL_TROUBLE_SILENT);
	/* It is asked again a minute later, and is well. */
	answer_from(&w, WELL);
	assert_int_equal(tick(&w, 180000), RBL_TROUBLE_SILENT);
	assert_int_equal(tick(&w, 183000), RBL_TROUBLE_NONE);
	end(&w);
}

static void a_test_that_is_never_answered_ends(void **state)
{
	struct ward w;
	int64_t now = 0;

	(void)state;
	begin(&w, WELL);
	answers_set_late(w.answers, true);
	for (int i = 0; i < 3; i++, now += 60000) {
		assert_int_equal(tick(&w, now), RBL_TROUBLE_NONE);
		now += 11000;
		assert_int_equal(tick(&w, now), i < 2 ? RBL_TROUBLE_NONE
						      : RBL_TROUBLE_SILENT);
	}
	/* Nothing is left for a resolver to answer. */
	assert_int_equal(answers_deliver(w.answers), 0);
	end(&w);
}

static void lists_are_tested_hourly_and_recover(void **state)
{
	struct ward w;

	(void)state;
	begin(&w, WELL);
	assert_int_equal(tick(&w, 0), RBL_TROUBLE_NONE);
	assert_int_equal(answers_asked(w.answers), 2);
	answer_from(&w, "");
	assert_int_equal(tick(&w, HOUR - 1), RBL_TROUBLE_NONE);
	assert_int_equal(tick(&w, HOUR), RBL_TROUBLE_EMPTY);
	answer_from(&w, WELL);
	assert_int_equal(tick(&w, HOUR + 599000), RBL_TROUBLE_EMPTY);
	assert_int_equal(tick(&w, HOUR + 600000), RBL_TROUBLE_NONE);
	end(&w);
}

static void halves_that_are_not_tested_are_not_asked(void **state)
{
	struct ward w;

	(void)state;
	begin(&w, "");
	w.list.test_listed = SLICE("");
	assert_int_equal(tick(&w, 0), RBL_TROUBLE_NONE);
	assert_int_equal(answers_asked(w.answers), 1);
	end(&w);
}

static void stopping_leaves_nothing_out(void **state)
{
	struct ward w;

	(void)state;
	begin(&w, WELL);
	answers_set_late(w.answers, true);
	tick(&w, 0);
	rbl_health_stop(w.health, answers_resolver(w.answers));
	assert_int_equal(answers_deliver(w.answers), 0);
	end(&w);
}

static const struct check *const checks[] = {&check_rbl, NULL};

static void suspended_lists_are_not_asked_and_show(void **state)
{
	static const char conf[] =
		"rbl { shipped_lists = no }\n"
		"list \"bl.example\" {\n"
		"  answers = {\"127.0.0.2 BL_SPAM 4.0 a source of spam\"} }\n"
		"list \"ok.example\" {\n"
		"  answers = {\"127.0.0.2 OK_SPAM 4.0 a source of spam\"} }\n";
	/* bl.example lists the world. */
	static const char zones[] = "1.0.0.127.bl.example A 127.0.0.2\n"
				    "2.0.0.127.bl.example A 127.0.0.2\n"
				    "9.2.0.192.bl.example A 127.0.0.2\n"
				    "2.0.0.127.ok.example A 127.0.0.2\n";
	struct bench_setup setup = {checks, conf, zones, true};
	struct bench *bench = bench_new(&setup);
	struct letter letter = {.ip = "192.0.2.9"};
	struct mail *mail;

	(void)state;
	/* Not tested yet: asked. */
	mail = bench_judge(bench, &letter);
	assert_string_equal(judged_symbols(mail), "BL_SPAM");
	mail_free(&mail);
	for (int64_t now = 0; now < 4000; now += 1000) {
		struct timespec pause = {.tv_nsec = 20 * 1000000};

		engine_tick(bench_engine(bench), now);
		nanosleep(&pause, NULL);
	}
	mail = bench_judge(bench, &letter);
	assert_string_equal(judged_symbols(mail), "");
	assert_int_equal(judged_report(mail, "rbl")->outcome, OUTCOME_PASS);
	assert_true(slice_eq(judged_report(mail, "rbl")->reason,
			     SLICE("1 list asked; bl.example is suspended: it "
				   "lists an entry that must never be "
				   "listed")));
	mail_free(&mail);
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definite_answers_decide_at_once),
		cmocka_unit_test(late_answers_decide_when_they_come),
		cmocka_unit_test(silence_suspends_only_after_several_tests),
		cmocka_unit_test(a_test_that_is_never_answered_ends),
		cmocka_unit_test(lists_are_tested_hourly_and_recover),
		cmocka_unit_test(halves_that_are_not_tested_are_not_asked),
		cmocka_unit_test(stopping_leaves_nothing_out),
		cmocka_unit_test(suspended_lists_are_not_asked_and_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
