/* Adding up: what counts as what, and the minute that slides. */
#include "milter/cli/sums.h"
#include "tests/support/cmocka.h"

#define T (INT64_C(1795784700) * 1000) /* a whole minute */
#define IN SLICE("in")
#define OUT SLICE("out")

static const struct history_total totals[] = {
	{T - 60000, IN, SLICE("accept"), 60, 6000},
	{T - 60000, OUT, SLICE("accept"), 30, 3000},
	{T - 60000, IN, SLICE("tag"), 6, 1},
	{T, IN, SLICE("accept"), 5, 10},
	{T, IN, SLICE("reject"), 4, 10},
	{T, IN, SLICE("greylist"), 3, 10},
	{T, OUT, SLICE("ratelimit"), 2, 10},
	{T, IN, SLICE("tempfail"), 1, 10},
	{T, IN, SLICE("of the future"), 7, 10},
};
#define COUNT (sizeof(totals) / sizeof(totals[0]))

static void actions_go_where_they_belong(void **state)
{
	struct sums s = sums_between(totals, COUNT, T, T + 60000);

	(void)state;
	assert_int_equal(s.messages, 22);
	assert_int_equal(s.bytes, 60);
	assert_int_equal(s.received, 20);
	assert_int_equal(s.sent, 2);
	assert_int_equal(s.accepted, 5);
	assert_int_equal(s.tagged, 0);
	assert_int_equal(s.rejected, 4);
	assert_int_equal(s.deferred, 6);
}

static void bounds_are_kept(void **state)
{
	(void)state;
	assert_int_equal(sums_between(totals, COUNT, T - 60000, T).messages,
			 96);
	assert_int_equal(sums_between(totals, COUNT, T - 59999, T + 1).messages,
			 22);
	assert_int_equal(sums_between(totals, 0, 0, INT64_MAX).messages, 0);
}

static void the_minute_slides(void **state)
{
	(void)state;
	/* At its beginning all of the last one counts, at its end none. */
	assert_int_equal(sums_last_minute(totals, COUNT, T).accepted, 95);
	assert_int_equal(sums_last_minute(totals, COUNT, T + 30000).accepted,
			 50);
	assert_int_equal(sums_last_minute(totals, COUNT, T + 30000).tagged, 3);
	assert_int_equal(sums_last_minute(totals, COUNT, T + 59999).accepted,
			 5);
	assert_int_equal(sums_last_minute(totals, COUNT, T + 600000).messages,
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_go_where_they_belong),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(the_minute_slides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
