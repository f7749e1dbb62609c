/*
 * From a worker's send to the recorder's batches: whole, in order, never
 * waiting; what finds no room is counted on the side where it was.
 */
#include "common/verdict/wire.h"
#include "milter/daemon/intake.h"
#include "milter/daemon/records.h"

#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct way {
	struct arena *arena;
	struct records_pair pair;
	struct counter_slot *worker, *recorder;
	struct counters counters;
	atomic_uint probes;
};

static void take_probe(void *with, struct slice packed)
{
	struct way *way = with;

	assert_true(record_packed_is_probe(packed));
	atomic_fetch_add(&way->probes, 1);
}

static int open_way(void **state)
{
	static struct way way;
	struct err err;

	way = (struct way){.arena = arena_new(0)};
	assert_int_equal(counters_make(&way.counters, &err), 0);
	assert_int_equal(records_open(&way.pair, &err), 0);
	way.worker = counters_enter(&way.counters, 1, ROLE_WORKER, 1);
	way.recorder = counters_enter(&way.counters, 2, ROLE_RECORDER, 2);
	*state = &way;
	return 0;
}

static int close_way(void **state)
{
	struct way *way = *state;

	close(way->pair.send);
	close(way->pair.receive);
	counters_free(&way->counters);
	arena_free(&way->arena);
	return 0;
}

static void send_record(struct way *way, uint64_t number, bool probe)
{
	const struct record record = {.generation = number, .probe = probe};

	records_send(way->pair.send, way->worker, way->arena, &record);
	arena_reset(way->arena);
}

static uint64_t counted(const struct counter_slot *slot, enum counter which)
{
	return atomic_load(&slot->value[which]);
}

static struct intake *begin(struct way *way)
{
	const struct intake_options options = {.socket = way->pair.receive,
					       .slot = way->recorder,
					       .probe = take_probe,
					       .with = way};
	struct err err;
	struct intake *intake = intake_new(&options, &err);

	assert_non_null(intake);
	return intake;
}

/* Takes until that many have come; checks that each is the next one. */
static void take(struct way *way, struct intake *intake, uint64_t from,
		 uint64_t until)
{
	int64_t deadline_ms = clock_mono_ms() + 10000;

	while (from < until && clock_mono_ms() < deadline_ms) {
		struct batch *batch = intake_take(intake, deadline_ms);

		for (size_t i = 0; i < batch->count; i++) {
			struct record record;

			assert_true(record_unpack(way->arena, batch->records[i],
						  &record));
			assert_int_equal(record.generation, from++);
		}
		arena_reset(way->arena);
		intake_give_back(intake, &batch);
	}
	assert_int_equal(from, until);
}

static void records_come_whole_and_in_order(void **state)
{
	struct way *way = *state;
	struct intake *intake = begin(way);

	for (uint64_t i = 0; i < 50; i++)
		send_record(way, i, false);
	take(way, intake, 0, 50);
	for (uint64_t i = 50; i < 100; i++)
		send_record(way, i, false);
	take(way, intake, 50, 100);
	assert_int_equal(counted(way->worker, COUNTER_RECORDS_SENT), 100);
	assert_int_equal(counted(way->recorder, GAUGE_RECORDS_QUEUED), 0);
	intake_end(intake);
	intake_free(&intake);
}

static void probes_go_their_own_way(void **state)
{
	struct way *way = *state;
	struct intake *intake = begin(way);

	send_record(way, 0, false);
	send_record(way, 7, true);
	send_record(way, 1, false);
	take(way, intake, 0, 2);
	intake_end(intake);
	assert_int_equal(atomic_load(&way->probes), 1);
	intake_free(&intake);
}

static void what_finds_no_room_is_dropped_at_once(void **state)
{
	struct way *way = *state;
	int64_t began_ms = clock_mono_ms();
	struct intake *intake;
	uint64_t sent, taken = 0;

	/* Nobody takes them: the socket fills up. */
	for (uint64_t i = 0; i < 200000; i++)
		send_record(way, i, false);
	sent = counted(way->worker, COUNTER_RECORDS_SENT);
	assert_int_equal(sent + counted(way->worker, COUNTER_RECORDS_DROPPED),
			 200000);
	assert_in_range(sent, 100, 199999);
	assert_true(clock_mono_ms() - began_ms < 20000);
	/* What had found room is there; after it there is room again. */
	intake = begin(way);
	while (taken + counted(way->recorder, COUNTER_RECORDS_LOST) < sent &&
	       clock_mono_ms() - began_ms < 30000) {
		struct batch *batch =
			intake_take(intake, clock_mono_ms() + 100);

		taken += batch->count;
		intake_give_back(intake, &batch);
	}
	assert_int_equal(taken + counted(way->recorder, COUNTER_RECORDS_LOST),
			 sent);
	send_record(way, 0, false);
	take(way, intake, 0, 1);
	intake_end(intake);
	intake_free(&intake);
}

static void what_is_never_taken_is_bounded_and_lost(void **state)
{
	struct way *way = *state;
	struct intake *intake = begin(way);
	int64_t deadline_ms = clock_mono_ms() + 20000;
	struct batch *batch;
	uint64_t sent;

	for (uint64_t i = 0; i < 40000; i++) {
		send_record(way, i, false);
		if (i % 1000 == 0)
			usleep(5000);
	}
	sent = counted(way->worker, COUNTER_RECORDS_SENT);
	while (counted(way->recorder, GAUGE_RECORDS_QUEUED) +
			       counted(way->recorder, COUNTER_RECORDS_LOST) <
		       sent &&
	       clock_mono_ms() < deadline_ms)
		usleep(1000);
	batch = intake_take(intake, 0);
	assert_int_equal(batch->count + counted(way->recorder,
						COUNTER_RECORDS_LOST), sent);
	assert_true(batch->count < sent);
	assert_int_equal(batch->count, batch->room);
	intake_give_back(intake, &batch);
	intake_end(intake);
	intake_free(&intake);
}

static void what_was_sent_before_the_end_is_taken(void **state)
{
	struct way *way = *state;
	struct intake *intake = begin(way);

	for (uint64_t i = 0; i < 300; i++)
		send_record(way, i, false);
	intake_end(intake);
	take(way, intake, 0, counted(way->worker, COUNTER_RECORDS_SENT));
	intake_free(&intake);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_way, close_way)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_come_whole_and_in_order),
		CASE(probes_go_their_own_way),
		CASE(what_finds_no_room_is_dropped_at_once),
		CASE(what_is_never_taken_is_bounded_and_lost),
		CASE(what_was_sent_before_the_end_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
