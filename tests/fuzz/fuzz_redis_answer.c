/*
 * What a Redis server says, in pieces of any size: the reader, errors and
 * where they point to, the map of a Cluster, the answer to each call, and
 * greylist entries.
 */
#include "milter/store/redis_entry.h"
#include "milter/store/redis_private.h"

#include <stdlib.h>

#define BYTES_MAX 65536
#define DEPTH_MAX 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(struct slice error)
{
	struct redis_redirect to;
	struct err err = {""};

	redis_trouble_of(error);
	redis_trouble_explain(error, &err);
	need(err.text[0] != '\0');
	if (redis_redirect_read(error, &to) == 0) {
		need(to.slot < REDIS_SLOTS);
		need(to.port > 0 && to.port <= 65535);
		need(to.host.n < error.n);
	}
}

static void check_entry(struct slice value)
{
	const struct store_time now = {
		.boot = 1, .uptime_ms = 100000, .wall_ms = 1800000000000};
	struct redis_entry entry;

	if (redis_entry_read(value, &entry) < 0)
		return;
	need(redis_since(&entry.last, &now) >= 0);
	for (int i = 0; i < 4; i++)
		need(entry.parts[i].n < value.n);
}

/* Returns the bytes that its parts hold. */
static size_t check_tree(const struct redis_answer *answer, int depth)
{
	size_t bytes = answer->text.n;

	need(depth < DEPTH_MAX);
	if (answer->type == REDIS_ERROR)
		check_error(answer->text);
	if (answer->type == REDIS_TEXT)
		check_entry(answer->text);
	need(answer->type == REDIS_LIST || answer->count == 0);
	for (size_t i = 0; i < answer->count; i++)
		bytes += check_tree(&answer->items[i], depth + 1);
	return bytes;
}

static void check_call(const struct redis_answer *answer, enum store_op op)
{
	struct store_call call = {.op = op, .now = {.boot = 1}};

	if (op == STORE_OP_RATE)
		call.in.rate.count = 2;
	redis_call_read(&call, answer);
	need(call.settled);
	need(call.result == STORE_DONE || call.err.text[0] != '\0');
	if (call.result == STORE_DONE && op == STORE_OP_RATE)
		need(call.out.rate.which < 2);
}

static void check_map(const struct redis_answer *answer)
{
	struct redis_cluster *cluster = calloc(1, sizeof(*cluster));
	struct err err;

	need(cluster != NULL);
	if (redis_cluster_apply(cluster, answer, "192.0.2.1", &err) == 0)
		need(cluster->count <= REDIS_NODES_MAX);
	redis_cluster_clear(cluster);
	free(cluster);
}

static void check_answer(const struct redis_answer *answer, size_t size)
{
	need(check_tree(answer, 0) <= size);
	check_call(answer, STORE_OP_GREYLIST);
	check_call(answer, STORE_OP_TRUST);
	check_call(answer, STORE_OP_NOTE);
	check_call(answer, STORE_OP_ALLOWED);
	check_call(answer, STORE_OP_RATE);
	if (answer->type == REDIS_LIST)
		check_map(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = {(const char *)data, size};
	size_t step = size > 0 ? (size_t)data[0] + 1 : 1;
	struct redis_reader *reader = redis_reader_new(BYTES_MAX);
	const struct redis_answer *answer;
	struct err err;
	int got = 0;

	rest = slice_sub(rest, 1, rest.n);
	while (got >= 0 && rest.n > 0) {
		got = redis_reader_feed(reader, slice_sub(rest, 0, step), &err);
		rest = slice_sub(rest, step, rest.n);
		while (got >= 0 &&
		       (got = redis_reader_next(reader, &answer, &err)) == 1)
			check_answer(answer, size);
	}
	redis_reader_free(&reader);
	return 0;
}
