/* Counters across processes. */
#include "milter/daemon/families.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
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

static struct counter_slot *enter(const struct counters *counters,
				  unsigned slot)
{
	return counters_enter(counters, slot, ROLE_WORKER, 1000 + (int)slot);
}

static void test_slots_of_all_processes_are_summed(void **state)
{
	struct counters counters = make();
	struct counters other;
	struct err err;
	int status;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (counters_attach(&other, counters.fd, &err) < 0)
				_exit(1);
			counter_add(enter(&other, i * 500), COUNTER_ABORTED,
				    5);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(counters_sum(&counters, COUNTER_ABORTED), 15);
	assert_int_equal(counters_sum(&counters, COUNTER_SESSIONS), 0);
	counters_free(&counters);
}

static void test_totals_outlive_a_process_and_gauges_do_not(void **state)
{
	struct counters counters = make();
	struct counter_slot *slot = enter(&counters, 7);

	(void)state;
	counter_add(slot, COUNTER_ABORTED, 3);
	counter_add(slot, GAUGE_SESSIONS, 1);
	counter_add(slot, GAUGE_WAITING, 1);
	counter_add_at(slot, GAUGE_LIST_SUSPENDED, NAMED_LISTS, 1);
	counters_forget_gauges(slot);
	slot = enter(&counters, 7);
	counter_add(slot, COUNTER_ABORTED, 1);
	assert_int_equal(counters_sum(&counters, COUNTER_ABORTED), 4);
	assert_int_equal(counters_sum(&counters, GAUGE_SESSIONS), 0);
	assert_int_equal(counters_sum(&counters, GAUGE_WAITING), 0);
	assert_int_equal(counters_sum_all(&counters, GAUGE_LIST_SUSPENDED,
					  NAMED_LISTS + 1),
			 0);
	counters_free(&counters);
}

static void test_gauges_go_down_again(void **state)
{
	struct counters counters = make();

	(void)state;
	counter_add(enter(&counters, 1), GAUGE_SESSIONS, 1);
	counter_add(enter(&counters, 2), GAUGE_SESSIONS, 1);
	counter_add(&counters.slots[1], GAUGE_SESSIONS, (uint64_t)-1);
	assert_int_equal(counters_sum(&counters, GAUGE_SESSIONS), 1);
	counters_free(&counters);
}

static void test_the_highest_value_is_found(void **state)
{
	struct counters counters = make();

	(void)state;
	counter_set(enter(&counters, 2), GAUGE_HISTORY_UP, 1);
	counter_set(enter(&counters, 3), GAUGE_HISTORY_UP, 1);
	assert_int_equal(counters_highest(&counters, GAUGE_HISTORY_UP), 1);
	assert_int_equal(counters_sum(&counters, GAUGE_HISTORY_UP), 2);
	counters_free(&counters);
}

static void test_processes_are_listed_while_they_run(void **state)
{
	struct counters counters = make();
	struct counters_process list[8];

	(void)state;
	counters_enter(&counters, 2, ROLE_RECORDER, 222);
	counters_enter(&counters, 4, ROLE_WORKER, 444);
	assert_int_equal(counters_processes(&counters, list, 8), 3);
	assert_int_equal(list[0].role, ROLE_MASTER);
	assert_int_equal(list[0].pid, getpid());
	assert_int_equal(list[1].slot, 2);
	assert_int_equal(list[1].role, ROLE_RECORDER);
	assert_int_equal(list[1].pid, 222);
	assert_int_equal(list[2].slot, 4);
	counters_forget_gauges(&counters.slots[2]);
	assert_int_equal(counters_processes(&counters, list, 8), 2);
	assert_int_equal(counters_processes(&counters, list, 1), 1);
	counters_free(&counters);
}

/* Pages of the mapping that somebody has touched, in whatever process. */
static size_t pages_in_use(const struct counters *counters)
{
	size_t bytes = COUNTERS_SLOTS * sizeof(struct counter_slot), n = 0;
	static unsigned char in_use[COUNTERS_SLOTS *
				    (sizeof(struct counter_slot) / 4096 + 1)];

	assert_int_equal(mincore(counters->slots, bytes, in_use), 0);
	for (size_t i = 0; i < bytes / 4096; i++)
		n += in_use[i] & 1;
	return n;
}

static void test_reading_touches_no_slot_that_was_never_taken(void **state)
{
	struct counters counters = make();
	struct arena *arena = arena_new(0);
	struct buf line = BUF(arena);
	size_t slot_pages = sizeof(struct counter_slot) / 4096 + 2;

	(void)state;
	counter_add(enter(&counters, 1), COUNTER_ABORTED, 1);
	counters_print(&counters, &line);
	assert_true(pages_in_use(&counters) <= 2 * slot_pages);
	arena_free(&arena);
	counters_free(&counters);
}

static void test_names_keep_their_index(void **state)
{
	struct counters counters = make();
	struct counters other;
	struct err err;
	char name[NAMES_LENGTH + 1];

	(void)state;
	assert_int_equal(names_add(&counters, NAMES_SYMBOLS, SLICE("A")), 0);
	assert_int_equal(names_add(&counters, NAMES_SYMBOLS, SLICE("AB")), 1);
	assert_int_equal(names_add(&counters, NAMES_SYMBOLS, SLICE("A")), 0);
	assert_int_equal(names_add(&counters, NAMES_LISTS, SLICE("l")), 0);
	assert_int_equal(counters_attach(&other, dup(counters.fd), &err), 0);
	assert_int_equal(names_count(&other, NAMES_SYMBOLS), 2);
	assert_int_equal(names_find(&other, NAMES_SYMBOLS, SLICE("AB")), 1);
	assert_int_equal(names_find(&other, NAMES_SYMBOLS, SLICE("B")),
			 NAMED_SYMBOLS);
	assert_int_equal(names_find(&other, NAMES_SYMBOLS, SLICE("")),
			 NAMED_SYMBOLS);
	names_read(&other, NAMES_SYMBOLS, 1, name);
	assert_string_equal(name, "AB");
	names_read(&other, NAMES_SYMBOLS, NAMED_SYMBOLS, name);
	assert_string_equal(name, "other");
	counters_free(&other);
	counters_free(&counters);
}

static void test_names_past_the_bound_are_other(void **state)
{
	struct counters counters = make();
	char text[NAMES_LENGTH + 2];

	(void)state;
	for (unsigned kind = 0; kind < NAMES_KINDS; kind++) {
		unsigned bound = names_bound((enum names)kind);

		for (unsigned i = 0; i < bound + 3; i++) {
			snprintf(text, sizeof(text), "NAME_%u", i);
			assert_int_equal(names_add(&counters, (enum names)kind,
						   slice_cstr(text)),
					 i < bound ? i : bound);
		}
		assert_int_equal(names_count(&counters, (enum names)kind),
				 bound);
	}
	counters_free(&counters);
}

static void test_names_too_long_are_other(void **state)
{
	struct counters counters = make();
	char text[NAMES_LENGTH + 2], found[NAMES_LENGTH + 1];
	struct slice name = {text, 63};

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(names_add(&counters, NAMES_SYMBOLS, name), 0);
	names_read(&counters, NAMES_SYMBOLS, 0, found);
	assert_int_equal(strlen(found), 63);
	name.n++;
	assert_int_equal(names_add(&counters, NAMES_SYMBOLS, name),
			 NAMED_SYMBOLS);
	assert_int_equal(names_count(&counters, NAMES_SYMBOLS), 1);
	counters_free(&counters);
}

static void test_a_time_falls_into_its_bucket(void **state)
{
	static const struct {
		int64_t us;
		unsigned bucket;
	} cases[] = {
		{-5, 0},	   {0, 0},	  {1000, 0},
		{1001, 1},	   {5000, 1},	  {40000000, 7},
		{40000001, 8},	   {INT64_MAX / 4, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct counters counters = make();
		enum counter base = HISTOGRAM_STAGE + 2 * HISTOGRAM_CELLS;
		int64_t us = cases[i].us > 0 ? cases[i].us : 0;

		histogram_add(enter(&counters, 1), HISTOGRAM_STAGE, 2,
			      cases[i].us);
		assert_int_equal(counters_sum(&counters,
					      base + cases[i].bucket),
				 1);
		assert_int_equal(counters_sum_all(&counters, base,
						  HISTOGRAM_SUM),
				 1);
		assert_int_equal(counters_sum(&counters, base + HISTOGRAM_SUM),
				 us);
		counters_free(&counters);
	}
}

static void test_every_cell_has_one_family(void **state)
{
	static unsigned owners[COUNTER_COUNT];
	const struct family *f;

	(void)state;
	for (unsigned at = 0; (f = family_at(at)); at++) {
		unsigned n = family_cells(f);

		assert_true(n > 0 && f->first + n <= COUNTER_COUNT);
		assert_int_equal(f->first >= GAUGE_FIRST,
				 f->kind == FAMILY_GAUGE);
		assert_non_null(f->help);
		for (unsigned i = 0; i < n; i++)
			owners[f->first + i]++;
	}
	for (int i = 0; i < COUNTER_COUNT; i++)
		assert_int_equal(owners[i], 1);
}

static void test_the_words_of_the_log(void **state)
{
	static const char *const words[] = {
		"messages=3",	    " accept=1",	" tag=2",
		" reject=0",	    " bytes=42",	"sessions=0 ",
		" sessions_now=0",  " waiting_now=0",	" store_late=1",
		" store_failed=0",  " store_skipped=0", " store_downs=0",
		" worker_starts=0", " worker_crashes=1", " dns_asked=0",
		" symbol_hits=2",
	};
	struct counters counters = make();
	struct arena *arena = arena_new(0);
	struct buf line = BUF(arena);
	struct counter_slot *slot = enter(&counters, 1);

	(void)state;
	/* accept and tag, one of them outbound */
	counter_add_at(slot, COUNTER_MESSAGES, 0, 1);
	counter_add_at(slot, COUNTER_MESSAGES, 1, 1);
	counter_add_at(slot, COUNTER_MESSAGES, ACTIONS + 1, 1);
	counter_add_at(slot, COUNTER_BYTES, 3, 42);
	counter_add_at(slot, COUNTER_SYMBOLS, 0, 1);
	counter_add_at(slot, COUNTER_SYMBOLS, NAMED_SYMBOLS, 1);
	counter_add(slot, COUNTER_STORE_LATE, 1);
	counter_add_at(slot, COUNTER_CRASHES, ROLE_WORKER, 1);
	counters_print(&counters, &line);
	buf_add_char(&line, '\0');
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strstr(line.p, words[i]))
			fail_msg("%s is not in %s", words[i], line.p);
	arena_free(&arena);
	counters_free(&counters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_of_all_processes_are_summed),
		cmocka_unit_test(
			test_totals_outlive_a_process_and_gauges_do_not),
		cmocka_unit_test(test_gauges_go_down_again),
		cmocka_unit_test(test_the_highest_value_is_found),
		cmocka_unit_test(test_processes_are_listed_while_they_run),
		cmocka_unit_test(
			test_reading_touches_no_slot_that_was_never_taken),
		cmocka_unit_test(test_names_keep_their_index),
		cmocka_unit_test(test_names_past_the_bound_are_other),
		cmocka_unit_test(test_names_too_long_are_other),
		cmocka_unit_test(test_a_time_falls_into_its_bucket),
		cmocka_unit_test(test_every_cell_has_one_family),
		cmocka_unit_test(test_the_words_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
