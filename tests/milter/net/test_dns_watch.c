/* The look at DNS at the start: one line when it is dead, one when it is not. */
#include "milter/net/dns_watch.h"
#include "tests/support/answers.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What was logged since the last call; stderr goes to a pipe of ours. */
static struct {
	int pipe[2];
	int stderr_fd;
} log_of;

static const char *logged(void)
{
	static char text[4096];
	ssize_t n;

	/* A byte of ours, so that the read does not wait for ever. */
	assert_int_equal(write(log_of.pipe[1], "\n", 1), 1);
	n = read(log_of.pipe[0], text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

static int catch_log(void **state)
{
	(void)state;
	log_of.stderr_fd = dup(STDERR_FILENO);
	return pipe(log_of.pipe) < 0 ||
	       dup2(log_of.pipe[1], STDERR_FILENO) < 0;
}

static int release_log(void **state)
{
	(void)state;
	return dup2(log_of.stderr_fd, STDERR_FILENO) < 0;
}

static void an_answer_is_no_news(void **state)
{
	struct answers *answers = answers_new("");
	struct dns_watch watch = {0};

	(void)state;
	for (int64_t now = 1000; now < 60000; now += 1000)
		dns_watch_tick(&watch, answers_resolver(answers), now);
	assert_int_equal(answers_asked(answers), 1);
	assert_string_equal(logged(), "\n");
	answers_free(&answers);
}

static void failure_is_told_once_and_its_end_too(void **state)
{
	struct answers *bad = answers_new("example A TEMPFAIL\n");
	struct answers *good = answers_new("");
	struct dns_watch watch = {0};
	int64_t now = 1000;

	(void)state;
	for (; now < 40000; now += 1000)
		dns_watch_tick(&watch, answers_resolver(bad), now);
	assert_int_equal(answers_asked(bad), 4);
	assert_non_null(strstr(logged(), "DNS gives no answer (SERVFAIL)"));
	for (; now < 60000; now += 1000)
		dns_watch_tick(&watch, answers_resolver(good), now);
	assert_non_null(strstr(logged(), "DNS answers"));
	answers_free(&bad);
	answers_free(&good);
}

static void silence_is_told_and_can_end(void **state)
{
	struct answers *answers = answers_new("");
	struct dns_watch watch = {0};
	int64_t now = 1000;

	(void)state;
	answers_set_late(answers, true);
	for (; now < 5500; now += 1000)
		dns_watch_tick(&watch, answers_resolver(answers), now);
	assert_string_equal(logged(), "\n");
	for (; now < 30000; now += 1000)
		dns_watch_tick(&watch, answers_resolver(answers), now);
	assert_non_null(strstr(logged(), "DNS gives no answer (silence)"));
	assert_int_equal(answers_deliver(answers), 1);
	dns_watch_tick(&watch, answers_resolver(answers), now);
	assert_non_null(strstr(logged(), "DNS answers"));
	answers_free(&answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_is_no_news,
						catch_log, release_log),
		cmocka_unit_test_setup_teardown(
			failure_is_told_once_and_its_end_too, catch_log,
			release_log),
		cmocka_unit_test_setup_teardown(silence_is_told_and_can_end,
						catch_log, release_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
