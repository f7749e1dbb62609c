/* How long notices are tried, by a clock of the test's own. */
#include "milter/daemon/notice_queue.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define T0 1700000000000
#define MINUTE 60000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct server {
	enum notice_sent answer;
	unsigned asked;
};

static enum notice_sent send(void *with, enum notice_kind kind, struct slice to,
			     struct slice bytes, struct err *err)
{
	struct server *server = with;

	(void)kind;
	(void)to;
	(void)bytes;
	err_set(err, "it says so");
	server->asked++;
	return server->answer;
}

static bool go_on(void *with)
{
	(void)with;
	return false;
}

struct folder {
	char path[40];
	struct notice_queue *queue;
	struct err err;
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/notices-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->queue = notice_queue_open(f->path, UINT64_MAX, &f->err);
	*state = f;
	return f->queue ? 0 : -1;
}

static int teardown(void **state)
{
	struct folder *f = *state;
	int rc;

	notice_queue_close(&f->queue);
	/* What was sent or dropped has left no file. */
	rc = rmdir(f->path);
	free(f);
	return rc;
}

static void add(struct folder *f)
{
	const struct notice_queued one = {.step = 1,
					  .kind = NOTICE_MAIL,
					  .to = SLICE("a@example.org"),
					  .bytes = SLICE("Subject: x\n\nx\n"),
					  .made_ms = T0};

	assert_int_equal(notice_queue_add(f->queue, &one, &f->err), 0);
}

static struct notice_round run_at(struct folder *f, struct server *server,
				  int64_t now_ms)
{
	struct notice_round round;

	notice_queue_run(f->queue, now_ms, send, go_on, server, &round);
	return round;
}

static void pauses_grow_to_four_hours_and_after_five_days_it_is_dropped(
	void **state)
{
	static const int64_t minutes[] = {0,   1,   3,	 7,   15,
					  31,  63,  127, 255, 495};
	struct server server = {.answer = NOTICE_LATER};
	struct folder *f = *state;
	int64_t oldest_ms;
	size_t tries = 0;
	int64_t now_ms;

	add(f);
	for (now_ms = T0; server.asked < 10; now_ms += MINUTE) {
		unsigned before = server.asked;

		(void)run_at(f, &server, now_ms);
		if (server.asked > before)
			assert_int_equal((now_ms - T0) / MINUTE,
					 minutes[tries++]);
	}
	while (now_ms <= T0 + 5 * DAY) {
		(void)run_at(f, &server, now_ms);
		now_ms += MINUTE;
	}
	assert_int_equal(notice_queue_count(f->queue, &oldest_ms), 1);
	assert_int_equal(oldest_ms, T0);
	/* Every 4 hours, in 5 days: not much more than 30. */
	assert_in_range(server.asked, 35, 40);
	while (notice_queue_count(f->queue, &oldest_ms) > 0) {
		assert_true(now_ms < T0 + 5 * DAY + 5 * HOUR);
		(void)run_at(f, &server, now_ms);
		now_ms += MINUTE;
	}
	assert_int_equal(oldest_ms, 0);
}

static void a_server_that_is_away_is_not_asked_for_each(void **state)
{
	struct server server = {.answer = NOTICE_LATER};
	struct folder *f = *state;

	for (int i = 0; i < 20; i++)
		add(f);
	assert_int_equal(run_at(f, &server, T0).later, 3);
	/* All wait for a minute, then three more are tried. */
	assert_int_equal(run_at(f, &server, T0 + MINUTE - 1).later, 0);
	assert_int_equal(run_at(f, &server, T0 + MINUTE).later, 3);
	assert_int_equal(server.asked, 6);
	server.answer = NOTICE_SENT;
	for (int64_t now_ms = T0; now_ms < T0 + 20 * MINUTE; now_ms += MINUTE)
		(void)run_at(f, &server, now_ms);
	assert_int_equal(server.asked, 26);
}

static void a_clock_that_is_set_back_delays_nothing(void **state)
{
	struct server server = {.answer = NOTICE_LATER};
	struct folder *f = *state;

	add(f);
	(void)run_at(f, &server, T0 + DAY);
	assert_int_equal(server.asked, 1);
	server.answer = NOTICE_SENT;
	assert_int_equal(run_at(f, &server, T0).sent, 1);
}

static void what_is_refused_is_dropped_at_once(void **state)
{
	struct server server = {.answer = NOTICE_DROP};
	struct folder *f = *state;
	struct notice_round round;

	add(f);
	round = run_at(f, &server, T0);
	assert_int_equal(round.dropped, 1);
	assert_string_equal(round.why.text, "it says so");
}

static void what_waits_outlives_the_process(void **state)
{
	struct server server = {.answer = NOTICE_LATER};
	struct folder *f = *state;
	int64_t oldest_ms;

	add(f);
	(void)run_at(f, &server, T0);
	notice_queue_close(&f->queue);
	f->queue = notice_queue_open(f->path, 1, &f->err);
	assert_non_null(f->queue);
	assert_int_equal(notice_queue_count(f->queue, &oldest_ms), 1);
	assert_int_equal(oldest_ms, T0);
	server.answer = NOTICE_SENT;
	/* At each start it is tried at once. */
	assert_int_equal(run_at(f, &server, T0 + 1000).sent, 1);
}

#define QUEUE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(
			pauses_grow_to_four_hours_and_after_five_days_it_is_dropped),
		QUEUE_TEST(a_server_that_is_away_is_not_asked_for_each),
		QUEUE_TEST(a_clock_that_is_set_back_delays_nothing),
		QUEUE_TEST(what_is_refused_is_dropped_at_once),
		QUEUE_TEST(what_waits_outlives_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
