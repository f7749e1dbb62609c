/*
 * Asking for a scan: what the worker makes of a scanner that answers, ends,
 * hangs, or never comes. A thread stands in for the scanner, at the other
 * end of the real sockets.
 */
#include "common/base/clock.h"
#include "milter/net/scan.h"
#include "tests/support/cmocka.h"
#include "tests/support/scan_stand.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct place {
	struct scan_stand stand;
	int message;
	struct arena *arena;
};

static void open_place(struct place *p)
{
	scan_stand_open(&p->stand);
	p->arena = arena_new(0);
	p->message = memfd_create("m", MFD_CLOEXEC);
	assert_int_equal(write(p->message, "hello", 5), 5);
}

static void close_place(struct place *p)
{
	scan_stand_close(&p->stand);
	close(p->message);
	arena_free(&p->arena);
}

static void what_the_scanner_does_is_told(void **state)
{
	static const struct {
		enum deed deed;
		enum scan_result result;
		enum scan_trouble trouble;
	} cases[] = {
		{DEED_REPORT, SCAN_INFECTED, SCAN_NO_TROUBLE},
		{DEED_BEGIN_DIE, SCAN_UNSCANNED, SCAN_CRASHED},
		{DEED_DIE, SCAN_UNSCANNED, SCAN_DOWN},
		{DEED_BEGIN_HANG, SCAN_UNSCANNED, SCAN_TIMEOUT},
		{DEED_HANG, SCAN_UNSCANNED, SCAN_BUSY},
		{DEED_GARBAGE, SCAN_UNSCANNED, SCAN_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct scan_report *found;
		struct scan_options options = {.queue_ms = 300, .time_ms = 300};
		struct place p;
		struct scan *scan;

		open_place(&p);
		p.stand.deed = cases[i].deed;
		p.stand.report = (struct scan_report){
			.result = SCAN_INFECTED,
			.names = {SLICE("Test.Virus")},
			.name_count = 1};
		options.queue = p.stand.queue[0];
		scan = scan_begin(&options, p.arena, p.message, 5);
		assert_non_null(scan);
		scan_stand_start(&p.stand);
		found = scan_wait(scan, clock_mono_ms() + 5000);
		scan_stand_join(&p.stand);
		assert_int_equal(p.stand.size, 5);
		assert_string_equal(p.stand.message, "hello");
		assert_int_equal(found->result, cases[i].result);
		assert_int_equal(found->trouble, cases[i].trouble);
		assert_true((found->reason.n > 0) ==
			    (found->result == SCAN_UNSCANNED));
		scan_end(&scan);
		close_place(&p);
	}
}

static void nobody_comes_and_the_queue_is_full(void **state)
{
	struct scan_options options = {.queue_ms = 100, .time_ms = 100};
	struct place p;
	int64_t began;

	(void)state;
	open_place(&p);
	options.queue = p.stand.queue[0];
	for (;;) {
		struct scan *scan = scan_begin(&options, p.arena,
					       p.message, 5);
		char byte = 'x';

		scan_end(&scan);
		/* Until not even a byte finds room. */
		if (send(p.stand.queue[0], &byte, 1, MSG_DONTWAIT) < 0)
			break;
	}
	began = clock_mono_ms();
	for (int i = 0; i < 3; i++) {
		struct scan *scan = scan_begin(&options, p.arena,
					       p.message, 5);
		const struct scan_report *found =
			scan_wait(scan, clock_mono_ms() + 5000);

		assert_int_equal(found->trouble, SCAN_BUSY);
		scan_end(&scan);
	}
	assert_true(clock_mono_ms() - began < 3000);
	close_place(&p);
}

static void the_deadline_of_the_message_comes_first(void **state)
{
	struct scan_options options = {.queue_ms = 60000, .time_ms = 60000};
	const struct scan_report *found;
	struct place p;
	struct scan *scan;

	(void)state;
	open_place(&p);
	options.queue = p.stand.queue[0];
	scan = scan_begin(&options, p.arena, p.message, 5);
	found = scan_wait(scan, clock_mono_ms() + 50);
	assert_int_equal(found->result, SCAN_UNSCANNED);
	scan_end(&scan);
	close_place(&p);
}

static void without_anybody_there_is_no_scan(void **state)
{
	const struct scan_options options = {.queue = -1};
	struct arena *arena = arena_new(0);

	(void)state;
	assert_null(scan_begin(&options, arena, 0, 0));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_scanner_does_is_told),
		cmocka_unit_test(nobody_comes_and_the_queue_is_full),
		cmocka_unit_test(the_deadline_of_the_message_comes_first),
		cmocka_unit_test(without_anybody_there_is_no_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
