/* Sleeping and being woken, also under a moved clock (libfaketime). */
#include "common/base/wake.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <pthread.h>

static void sleeps_no_longer_than_asked(void **state)
{
	struct wake wake = {0};
	int64_t start = clock_mono_ms();

	(void)state;
	while (wake_wait(&wake, wake_count(&wake), 50))
		;
	assert_in_range(clock_mono_ms() - start, 49, 5000);
	assert_false(wake_wait(&wake, wake_count(&wake), 0));
	assert_false(wake_wait(&wake, wake_count(&wake), -1));
}

static void a_call_before_the_sleep_is_not_lost(void **state)
{
	struct wake wake = {0};
	unsigned seen = wake_count(&wake);

	(void)state;
	wake_all(&wake);
	assert_true(wake_wait(&wake, seen, 60000));
}

static void *call(void *wake)
{
	wake_all(wake);
	return NULL;
}

static void another_thread_wakes(void **state)
{
	struct wake wake = {0};
	unsigned seen = wake_count(&wake);
	int64_t start = clock_mono_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, call, &wake), 0);
	while (wake_count(&wake) == seen)
		wake_wait(&wake, seen, 60000);
	assert_true(clock_mono_ms() - start < 30000);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleeps_no_longer_than_asked),
		cmocka_unit_test(a_call_before_the_sleep_is_not_lost),
		cmocka_unit_test(another_thread_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
