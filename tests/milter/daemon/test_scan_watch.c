/* When new signatures are loaded: a folder that changes, rests, or does not. */
#include "milter/daemon/scan_watch.h"
#include "tests/support/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char folder[64], file[128];
	struct scan_watch watch;
};

static int make(void **state)
{
	static struct place place;

	place = (struct place){.folder = "/tmp/gatepost-watch-XXXXXX"};
	place.watch.folder = place.folder;
	place.watch.every_ms = 10000;
	place.watch.restless_ms = 5000;
	*state = &place;
	if (!mkdtemp(place.folder))
		return -1;
	snprintf(place.file, sizeof(place.file), "%s/a.ndb", place.folder);
	return 0;
}

static int unmake(void **state)
{
	struct place *place = *state;

	unlink(place->file);
	return rmdir(place->folder);
}

/* Its data were changed at that second. */
static void touch(const struct place *place, int64_t second)
{
	const struct timespec times[2] = {{.tv_sec = second},
					  {.tv_sec = second}};
	int fd = open(place->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static bool has_news(struct place *place, uint64_t loaded, int64_t now_ms)
{
	return scan_watch_has_news(&place->watch, loaded, now_ms);
}

static void test_first_signatures_do_not_wait(void **state)
{
	struct place *place = *state;

	assert_false(has_news(place, 0, 1000));
	touch(place, 1);
	assert_false(has_news(place, 0, 10999));
	assert_true(has_news(place, 0, 11000));
}

static void test_what_has_changed_is_news_once_it_rests(void **state)
{
	struct place *place = *state;
	uint64_t loaded;

	touch(place, 1);
	assert_true(has_news(place, 0, 1000));
	loaded = place->watch.seen;
	for (int64_t now_ms = 1100; now_ms < 30000; now_ms += 100)
		assert_false(has_news(place, loaded, now_ms));
	touch(place, 2);
	assert_false(has_news(place, loaded, 32000));
	assert_false(has_news(place, loaded, 32200));
	/* From then on it is looked at closely. */
	touch(place, 3);
	assert_false(has_news(place, loaded, 32299));
	assert_false(has_news(place, loaded, 32300));
	assert_false(has_news(place, loaded, 32599));
	assert_true(has_news(place, loaded, 32600));
	assert_false(place->watch.restless);
	assert_false(has_news(place, place->watch.seen, 32700));
}

static void test_what_never_rests_is_news_after_a_while(void **state)
{
	struct place *place = *state;
	uint64_t loaded;
	int news = 0;

	touch(place, 1);
	assert_true(has_news(place, 0, 1000));
	loaded = place->watch.seen;
	assert_false(has_news(place, loaded, 1400));
	place->watch.look_ms = 0;
	for (int64_t now_ms = 2000; now_ms < 13000; now_ms += 100) {
		touch(place, now_ms);
		news += has_news(place, loaded, now_ms);
		assert_int_equal(place->watch.restless, now_ms >= 7000);
		assert_int_equal(news, now_ms < 7000 ? 0
				       : now_ms < 12000 ? 1 : 2);
	}
	assert_true(has_news(place, loaded, 13300));
	assert_false(place->watch.restless);
}

static void test_signatures_that_go_are_no_news(void **state)
{
	struct place *place = *state;
	uint64_t loaded;

	touch(place, 1);
	assert_true(has_news(place, 0, 1000));
	loaded = place->watch.seen;
	unlink(place->file);
	for (int64_t now_ms = 2000; now_ms < 30000; now_ms += 100)
		assert_false(has_news(place, loaded, now_ms));
	assert_int_equal(place->watch.seen, 0);
	touch(place, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_first_signatures_do_not_wait, make, unmake),
		cmocka_unit_test_setup_teardown(
			test_what_has_changed_is_news_once_it_rests, make,
			unmake),
		cmocka_unit_test_setup_teardown(
			test_what_never_rests_is_news_after_a_while, make,
			unmake),
		cmocka_unit_test_setup_teardown(
			test_signatures_that_go_are_no_news, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
