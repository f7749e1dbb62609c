/* The engine with checks made for the purpose: rounds, order, deadlines. */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/fixture.h"

#include <string.h>
#include <unistd.h>

static const struct symbol walker_symbols[] = {
	{"WALKED", 2.0, "the walk came to its end", NULL},
	{"STEP", 1.0, "a step was taken", "host"},
	{"BACK", -0.5, "a step back", "host"},
	{0},
};

/* Follows TXT records from name to name, hitting at every step. */
static enum step walk(struct mail *mail, unsigned index, const void *ready,
		      struct verdict *verdict)
{
	struct slice name = SLICE("a.example");

	(void)index;
	(void)ready;
	for (int i = 0; i < 5; i++) {
		const struct dns_answer *answer =
			lookup(mail->lookups, DNS_TXT, name);

		verdict_hit(verdict, &walker_symbols[1], "at %.*s",
			    SLICE_FMT(name));
		if (!answer)
			return STEP_WAIT;
		if (answer->status == DNS_TEMPFAIL) {
			verdict_outcome(verdict, OUTCOME_TEMPERROR, "%s",
					answer->why);
			return STEP_DONE;
		}
		if (answer->status != DNS_FOUND)
			break;
		name = answer->records[0].data;
	}
	verdict_hit(verdict, &walker_symbols[0], "%.*s", SLICE_FMT(name));
	return STEP_DONE;
}

static void walker_limits(const void *ready, int64_t *wait_ms_r,
			  int64_t *total_ms_r)
{
	(void)ready;
	*wait_ms_r = 100;
	*total_ms_r = 150;
}

static const struct check walker = {
	.name = "walker",
	.doc = "walks",
	.symbols = walker_symbols,
	.needs = STAGE_HELO,
	.limits = walker_limits,
	.judge = walk,
};

static const struct symbol follower_symbols[] = {
	{"AFTER", 0, "the walker was done before", NULL},
	{0},
};

static enum step follow(struct mail *mail, unsigned index, const void *ready,
			struct verdict *verdict)
{
	(void)index;
	(void)ready;
	(void)mail;
	if (verdict_has(verdict, &walker_symbols[0]))
		verdict_hit(verdict, &follower_symbols[0], NULL);
	return STEP_DONE;
}

static const char *const after_walker[] = {"walker", NULL};

static const struct check follower = {
	.name = "follower",
	.doc = "comes after",
	.symbols = follower_symbols,
	.needs = STAGE_CONNECT,
	.after = after_walker,
	.judge = follow,
};

static enum step never(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	verdict_hit(verdict, &follower_symbols[0], NULL);
	return STEP_WAIT;
}

static const struct check endless = {
	.name = "endless", .doc = "never ends", .judge = never};

/* The follower stands first: order comes from `after`, not the table. */
static const struct check *const table[] = {&follower, &walker, NULL};
static const struct check *const endless_table[] = {&endless, NULL};

static const char zone[] = "a.example TXT b.example\n"
			   "b.example TXT c.example\n"
			   "c.example A 192.0.2.1\n";

static const char message[] = "From: a@example.org\n\nHello\n";

static void open_and_send(struct fixture *f, const char *const *sets)
{
	fixture_open(f, table, sets, zone);
	fixture_mail(f, "192.0.2.1", "mx.example", "a@example.org");
}

static void a_chain_of_answers_is_followed(void **state)
{
	struct fixture f;

	(void)state;
	open_and_send(&f, NULL);
	fixture_judge(&f, message);
	assert_int_equal(f.mail->verdict->hit_count, 3);
	assert_true(verdict_has(f.mail->verdict, &walker_symbols[0]));
	assert_true(verdict_has(f.mail->verdict, &follower_symbols[0]));
	assert_true(f.mail->verdict->score == 3.0);
	assert_int_equal(f.mail->verdict->reports[1].outcome, OUTCOME_FAIL);
	assert_int_equal(f.mail->verdict->reports[0].outcome, OUTCOME_PASS);
	fixture_close(&f);
}

static void hits_of_unfinished_runs_do_not_count(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, table, NULL, zone);
	answers_set_late(f.answers, true);
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	assert_int_equal(f.mail->verdict->hit_count, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answers_deliver(f.answers), 1);
		engine_stage(f.mail, STAGE_HEADERS);
	}
	fixture_judge(&f, message);
	assert_int_equal(f.mail->verdict->hit_count, 3);
	assert_true(f.mail->verdict->score == 3.0);
	fixture_close(&f);
}

static void a_silent_server_costs_no_more_than_the_limit(void **state)
{
	struct fixture f;
	int64_t began = clock_mono_ms();

	(void)state;
	fixture_open(&f, table, NULL, zone);
	answers_set_late(f.answers, true);
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	fixture_judge(&f, message);
	assert_true(clock_mono_ms() - began >= 90);
	assert_int_equal(f.mail->verdict->reports[1].outcome,
			 OUTCOME_TEMPERROR);
	assert_false(verdict_has(f.mail->verdict, &walker_symbols[0]));
	fixture_close(&f);
}

/* A client may be slow between MAIL FROM and the end of the body. */
static void time_before_the_end_of_the_message_does_not_count(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, table, NULL, zone);
	answers_set_late(f.answers, true);
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answers_deliver(f.answers), 1);
		usleep(160000);
		engine_stage(f.mail, STAGE_HEADERS);
	}
	fixture_judge(&f, message);
	assert_true(verdict_has(f.mail->verdict, &walker_symbols[0]));
	fixture_close(&f);
}

static void the_deadline_of_the_message_ends_all(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, table, NULL, zone);
	answers_set_late(f.answers, true);
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	f.mail->deadline_ms = clock_mono_ms() - 1;
	fixture_judge(&f, message);
	assert_int_equal(f.mail->verdict->reports[1].outcome,
			 OUTCOME_TEMPERROR);
	fixture_close(&f);
}

static void a_check_without_end_is_cut_off(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, endless_table, NULL, "");
	fixture_mail(&f, "192.0.2.1", "mx.example", "a@example.org");
	fixture_judge(&f, message);
	assert_int_equal(f.mail->verdict->reports[0].outcome,
			 OUTCOME_TEMPERROR);
	assert_int_equal(f.mail->verdict->hit_count, 0);
	fixture_close(&f);
}

static void settings_change_points_and_caps(void **state)
{
	const char *sets[] = {"score.WALKED=5", "cap.host=0.25", NULL};
	const char *wrong[] = {"score.WALKD=5", NULL};
	struct fixture f;
	struct err err = {""};
	struct conf *conf;

	(void)state;
	open_and_send(&f, sets);
	fixture_judge(&f, message);
	assert_true(f.mail->verdict->score == 5.25);
	assert_true(f.mail->verdict->hits[1].score == 0.25);
	assert_true(f.mail->verdict->hits[1].uncapped == 1);
	fixture_close(&f);
	fixture_open(&f, table, NULL, zone);
	assert_null(conf_load((const struct settings_group *const[]){
				      &engine_settings, &limits_settings, NULL},
			      NULL,
			      (const char *[]){"score.X=nonsense", NULL},
			      &err));
	conf = conf_load((const struct settings_group *const[]){
				 &engine_settings, &limits_settings, NULL},
			 NULL, wrong, &err);
	assert_non_null(conf);
	assert_null(engine_new(table, conf, answers_resolver(f.answers), &err));
	assert_non_null(strstr(err.text, "did you mean 'WALKED'"));
	conf_free(&conf);
	fixture_close(&f);
}

static void limits_hold(void **state)
{
	const char *sets[] = {"limits.header=64k", "limits.fields=100",
			      "limits.recipients=2", NULL};
	struct slice big = {NULL, 64 * 1024};
	struct fixture f;
	char *bytes;

	(void)state;
	open_and_send(&f, sets);
	bytes = arena_alloc(f.conn.arena, big.n);
	big.p = memset(bytes, 'x', big.n);
	assert_false(mail_add_header(f.mail, SLICE("X"), big));
	for (int i = 0; i < 100; i++)
		assert_true(mail_add_header(f.mail, SLICE("X"), SLICE(" y")));
	assert_false(mail_add_header(f.mail, SLICE("X"), SLICE(" y")));
	assert_true(mail_add_rcpt(f.mail, SLICE("b@example.net")));
	assert_false(mail_add_rcpt(f.mail, SLICE("c@example.net")));
	fixture_close(&f);
}

static void trusted_networks_are_known(void **state)
{
	const char *sets[] = {"trusted_networks=192.0.2.0/24, 2001:db8::/32",
			      NULL};
	struct fixture f;

	(void)state;
	fixture_open(&f, table, sets, zone);
	fixture_mail(&f, "192.0.2.99", "mx.example", "a@example.org");
	assert_false(mail_is_inbound(f.mail));
	fixture_mail(&f, "192.0.3.1", "mx.example", "a@example.org");
	assert_true(mail_is_inbound(f.mail));
	fixture_mail(&f, "2001:db8::1", "mx.example", "a@example.org");
	assert_false(mail_is_inbound(f.mail));
	f.conn.user = SLICE("u");
	fixture_mail(&f, "192.0.3.1", "mx.example", "a@example.org");
	assert_false(mail_is_inbound(f.mail));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_of_answers_is_followed),
		cmocka_unit_test(hits_of_unfinished_runs_do_not_count),
		cmocka_unit_test(a_silent_server_costs_no_more_than_the_limit),
		cmocka_unit_test(
			time_before_the_end_of_the_message_does_not_count),
		cmocka_unit_test(the_deadline_of_the_message_ends_all),
		cmocka_unit_test(a_check_without_end_is_cut_off),
		cmocka_unit_test(settings_change_points_and_caps),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(trusted_networks_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
