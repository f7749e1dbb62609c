/* When a store is too slow, and when it is fine again: told once each. */
#include "milter/store/store_pace.h"
#include "tests/support/cmocka.h"

static struct store_pace pace;
static struct store_stats stats;
static int64_t now_ms;

static int begin(void **state)
{
	(void)state;
	pace = (struct store_pace){0};
	stats = (struct store_stats){.done = 7000, .late = 300};
	now_ms = 123456;
	store_pace_begin(&pace, &stats, now_ms);
	return 0;
}

/* One window with so many calls. */
static enum store_pace_news pass(uint64_t done, uint64_t late)
{
	struct store_pace_count count = {0};
	enum store_pace_news news;

	stats.done += done;
	stats.late += late;
	assert_int_equal(store_pace_look(&pace, &stats,
					 now_ms + PACE_WINDOW_MS - 1, &count),
			 PACE_NO_NEWS);
	now_ms += PACE_WINDOW_MS;
	news = store_pace_look(&pace, &stats, now_ms, &count);
	if (news != PACE_NO_NEWS) {
		assert_int_equal(count.calls, done + late);
		assert_int_equal(count.late, late);
	}
	return news;
}

static void a_slow_store_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(pass(1000, 0), PACE_NO_NEWS);
	assert_int_equal(pass(100, 900), PACE_TOO_SLOW);
	assert_int_equal(pass(0, 50), PACE_NO_NEWS);
	assert_int_equal(pass(950, 50), PACE_NO_NEWS);
	assert_int_equal(pass(1000, 10), PACE_IN_TIME);
	assert_int_equal(pass(1000, 10), PACE_NO_NEWS);
	assert_int_equal(pass(89, 11), PACE_TOO_SLOW);
}

static void few_late_calls_are_no_news(void **state)
{
	(void)state;
	assert_int_equal(pass(1000, 99), PACE_NO_NEWS);
	assert_int_equal(pass(1, 4), PACE_NO_NEWS);
	assert_int_equal(pass(0, 0), PACE_NO_NEWS);
}

/* With little mail, a window lasts until there is enough to judge by. */
static void rare_calls_add_up(void **state)
{
	(void)state;
	assert_int_equal(pass(0, 2), PACE_NO_NEWS);
	stats.late += 2;
	now_ms += PACE_WINDOW_MS;
	assert_int_equal(store_pace_look(&pace, &stats, now_ms,
					 &(struct store_pace_count){0}),
			 PACE_NO_NEWS);
	stats.late += 1;
	assert_int_equal(store_pace_look(&pace, &stats, now_ms,
					 &(struct store_pace_count){0}),
			 PACE_TOO_SLOW);
}

static void what_was_late_when_it_went_down_does_not_count(void **state)
{
	(void)state;
	stats.late += 500;
	store_pace_begin(&pace, &stats, now_ms);
	assert_int_equal(pass(100, 0), PACE_NO_NEWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_slow_store_is_told_once, begin),
		cmocka_unit_test_setup(few_late_calls_are_no_news, begin),
		cmocka_unit_test_setup(rare_calls_add_up, begin),
		cmocka_unit_test_setup(
			what_was_late_when_it_went_down_does_not_count, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
