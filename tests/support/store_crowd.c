/* Forty threads, the even ones at one store, the odd ones at another. */
#include "tests/support/store_crowd.h"
#include "common/base/arena.h"
#include "tests/support/cmocka.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define THREADS 40
#define TRIES 50 /* of each thread */
#define DIFFERENT (THREADS / 2 * TRIES)
#define LIMIT 100

struct crowd {
	const char *word;
	struct store_test_clock clock;
	struct store *stores[2];
	atomic_int first[DIFFERENT];
	atomic_int done;
	atomic_int next_thread;
};

static void run(struct crowd *crowd, const struct store_place *place,
		void *(*act)(void *))
{
	pthread_t threads[THREADS];

	store_test_clock_set(&crowd->clock);
	for (int i = 0; i < 2; i++)
		crowd->stores[i] = store_cases_open(place, &crowd->clock);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, act, crowd),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void end(struct crowd *crowd)
{
	store_free(&crowd->stores[0]);
	store_free(&crowd->stores[1]);
}

static void try_one(struct crowd *crowd, struct store *store, int which)
{
	char sender[100], rcpt[100];
	int n = snprintf(sender, sizeof(sender), "s%d@example.org", which);
	int m = snprintf(rcpt, sizeof(rcpt), "r%d@%s", which, crowd->word);
	const struct slice to = {rcpt, (size_t)m};
	const struct greylist_try attempt = {
		.sender = {sender, (size_t)n},
		.rcpts = &to,
		.rcpt_count = 1,
		.origins = {SLICE("192.0.2")},
		.origin_count = 1,
		.delay_ms = 300000,
		.window_ms = 86400000,
		.lifetime_ms = 864000000,
	};
	struct greylist_answer answer;

	if (store_greylist(store, &attempt, store_deadline(store), &answer) !=
	    STORE_DONE)
		return;
	atomic_fetch_add(&crowd->done, 1);
	if (answer.first)
		atomic_fetch_add(&crowd->first[which], 1);
}

/* Two threads try the same, each at another store. */
static void *try_many(void *arg)
{
	struct crowd *crowd = arg;
	int id = atomic_fetch_add(&crowd->next_thread, 1);

	for (int i = 0; i < TRIES; i++)
		try_one(crowd, crowd->stores[id & 1], id / 2 * TRIES + i);
	return NULL;
}

/* Each stands in the list once, with two tries. */
static void check_list(struct crowd *crowd)
{
	struct arena *arena = arena_new(0);
	struct greylist_filter filter = {
		.match = arena_printf(arena, "@%s", crowd->word)};
	struct greylist_list list;
	struct err err = {""};

	assert_int_equal(store_greylist_list(crowd->stores[0], arena, &filter,
					     100000, &list, &err),
			 0);
	assert_int_equal(list.count, DIFFERENT);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.entries[i].tries, 2);
	arena_free(&arena);
}

void store_crowd_tries(const struct store_place *place, const char *word)
{
	struct crowd crowd = {.word = word};

	run(&crowd, place, try_many);
	assert_int_equal(crowd.done, 2 * DIFFERENT);
	for (int i = 0; i < DIFFERENT; i++)
		assert_int_equal(crowd.first[i], 1);
	check_list(&crowd);
	end(&crowd);
}

static void *take_some(void *arg)
{
	struct crowd *crowd = arg;
	int id = atomic_fetch_add(&crowd->next_thread, 1);
	struct store *store = crowd->stores[id & 1];
	const struct rate rate = {SLICE("n"), LIMIT, 1, 3600000};
	struct rate_answer answer;

	for (int i = 0; i < 2 * LIMIT / THREADS; i++) {
		if (store_rate(store,
			       &(struct rate_ask){slice_cstr(crowd->word),
						  &rate, 1, true},
			       store_deadline(store), &answer) == STORE_DONE &&
		    !answer.over)
			atomic_fetch_add(&crowd->done, 1);
	}
	return NULL;
}

void store_crowd_takes(const struct store_place *place, const char *word)
{
	struct crowd crowd = {.word = word};

	run(&crowd, place, take_some);
	assert_int_equal(crowd.done, LIMIT);
	end(&crowd);
}
