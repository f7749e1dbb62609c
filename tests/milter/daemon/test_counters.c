/* Counters across processes. */
#include "milter/daemon/counters.h"
#include "tests/support/cmocka.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct counters make(void)
{
	struct counters counters;
	struct err err;

	assert_int_equal(counters_make(&counters, &err), 0);
	return counters;
}

static void unmake(struct counters *counters)
{
	munmap(counters->slots,
	       COUNTERS_SLOTS * sizeof(struct counter_slot));
	close(counters->fd);
}

static void test_slots_of_all_processes_are_summed(void **state)
{
	struct counters counters = make();
	struct counters other;
	struct err err;
	int status;

	(void)state;
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (counters_attach(&other, counters.fd, &err) < 0)
				_exit(1);
			counter_add(&other.slots[i * 500], COUNTER_MESSAGES,
				    5);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(counters_sum(&counters, COUNTER_MESSAGES), 15);
	assert_int_equal(counters_sum(&counters, COUNTER_SESSIONS), 0);
	unmake(&counters);
}

static void test_totals_outlive_a_process_and_gauges_do_not(void **state)
{
	struct counters counters = make();
	struct counter_slot *slot = &counters.slots[7];

	(void)state;
	counter_add(slot, COUNTER_MESSAGES, 3);
	counter_add(slot, GAUGE_SESSIONS, 1);
	counter_add(slot, GAUGE_WAITING, 1);
	counters_forget_gauges(slot);
	counter_add(slot, COUNTER_MESSAGES, 1);
	assert_int_equal(counters_sum(&counters, COUNTER_MESSAGES), 4);
	assert_int_equal(counters_sum(&counters, GAUGE_SESSIONS), 0);
	assert_int_equal(counters_sum(&counters, GAUGE_WAITING), 0);
	unmake(&counters);
}

static void test_gauges_go_down_again(void **state)
{
	struct counters counters = make();

	(void)state;
	counter_add(&counters.slots[1], GAUGE_SESSIONS, 1);
	counter_add(&counters.slots[2], GAUGE_SESSIONS, 1);
	counter_add(&counters.slots[1], GAUGE_SESSIONS, (uint64_t)-1);
	assert_int_equal(counters_sum(&counters, GAUGE_SESSIONS), 1);
	unmake(&counters);
}

static void test_every_counter_has_a_word_and_is_printed(void **state)
{
	struct counters counters = make();
	struct arena *arena = arena_new(0);
	struct buf line = BUF(arena);

	(void)state;
	counter_add(&counters.slots[0], COUNTER_BYTES, 42);
	counters_print(&counters, &line);
	buf_add_char(&line, '\0');
	assert_non_null(strstr(buf_slice(&line).p, " bytes=42 "));
	for (int i = 0; i < COUNTER_COUNT; i++)
		assert_non_null(strstr(buf_slice(&line).p,
				       counter_word((enum counter)i)));
	arena_free(&arena);
	unmake(&counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_of_all_processes_are_summed),
		cmocka_unit_test(
			test_totals_outlive_a_process_and_gauges_do_not),
		cmocka_unit_test(test_gauges_go_down_again),
		cmocka_unit_test(test_every_counter_has_a_word_and_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
