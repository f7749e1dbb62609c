/* Slots of keys, and maps as a Cluster tells them. */
#include "milter/store/redis_cluster.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
	struct redis_cluster *cluster;
	struct redis_reader *reader;
	struct err err;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->cluster = calloc(1, sizeof(*w->cluster));
	w->reader = redis_reader_new(1 << 20);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	redis_cluster_clear(w->cluster);
	redis_reader_free(&w->reader);
	free(w->cluster);
	free(w);
	return 0;
}

/* Applies an answer as it comes over the wire. */
static int apply(struct world *w, const char *wire)
{
	const struct redis_answer *answer;

	assert_int_equal(redis_reader_feed(w->reader, slice_cstr(wire),
					   &w->err),
			 0);
	assert_int_equal(redis_reader_next(w->reader, &answer, &w->err), 1);
	return redis_cluster_apply(w->cluster, answer, "192.0.2.9", &w->err);
}

static const char *who(const struct world *w, unsigned slot)
{
	const struct redis_node *node = w->cluster->serves[slot];

	return node ? node->name : "";
}

#define ROW(first, last, host, port)                                           \
	"*3\r\n:" first "\r\n:" last "\r\n*2\r\n" host "\r\n:" port "\r\n"

static void slots_are_those_of_the_specification(void **state)
{
	(void)state;
	assert_int_equal(redis_slot(SLICE("123456789")), 0x31c3);
	assert_int_equal(redis_slot(SLICE("foo")), 12182);
	assert_int_equal(redis_slot(SLICE("bar")), 5061);
	assert_int_equal(redis_slot(SLICE("")), 0);
}

static void a_map_names_masters_and_is_replaced(void **state)
{
	struct world *w = *state;
	struct redis_node *second;

	assert_int_equal(
		apply(w, "*2\r\n" ROW("0", "99", "$9\r\n192.0.2.1", "1")
				 ROW("100", "16383", "$9\r\n192.0.2.2", "2")),
		0);
	assert_string_equal(who(w, 99), "192.0.2.1:1");
	assert_string_equal(who(w, 100), "192.0.2.2:2");
	assert_int_equal(w->cluster->count, 2);
	second = w->cluster->nodes[1];
	assert_true(w->cluster->serves[redis_slot(slice_cstr(second->probe))] ==
		    second);
	assert_int_equal(
		apply(w, "*2\r\n" ROW("0", "98", "$11\r\n2001:db8::1", "1")
				 ROW("100", "16383", "$9\r\n192.0.2.2", "2")),
		0);
	assert_string_equal(who(w, 0), "[2001:db8::1]:1");
	assert_string_equal(who(w, 99), "");
	assert_int_equal(w->cluster->count, 2);
	/* The one that stayed keeps its connection. */
	assert_true(w->cluster->serves[100] == second);
}

static void a_host_that_is_not_named_is_the_one_asked(void **state)
{
	struct world *w = *state;

	assert_int_equal(apply(w, "*3\r\n" ROW("0", "0", "$0\r\n", "1")
					  ROW("1", "1", "$-1", "2")
					  ROW("2", "2", "$1\r\n?", "3")),
			 0);
	assert_string_equal(who(w, 0), "192.0.2.9:1");
	assert_string_equal(who(w, 1), "192.0.2.9:2");
	assert_string_equal(who(w, 2), "");
}

static void a_map_that_makes_no_sense_changes_nothing(void **state)
{
	static const char *const wires[] = {
		"*0\r\n",
		":1\r\n",
		"*1\r\n:1\r\n",
		"*1\r\n*0\r\n",
		"*1\r\n" ROW("-1", "1", "$1\r\na", "1"),
		"*1\r\n" ROW("2", "1", "$1\r\na", "1"),
		"*1\r\n" ROW("0", "16384", "$1\r\na", "1"),
		"*1\r\n" ROW("0", "1", "$1\r\na", "0"),
		"*1\r\n" ROW("0", "1", "$1\r\na", "65536"),
		"*1\r\n" ROW("0", "1", "$1\r\n?", "1"),
		"*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n",
	};
	struct world *w = *state;

	assert_int_equal(
		apply(w, "*1\r\n" ROW("0", "16383", "$9\r\n192.0.2.1", "1")),
		0);
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		assert_int_equal(apply(w, wires[i]), -1);
		assert_string_equal(who(w, 1), "192.0.2.1:1");
	}
}

static void a_map_without_end_is_cut(void **state)
{
	struct world *w = *state;
	char *wire = malloc(1 << 16);
	int n = snprintf(wire, 100, "*300\r\n");

	for (int i = 0; i < 300; i++)
		n += sprintf(wire + n, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\na\r\n"
				       ":%d\r\n",
			     i, i, i + 1);
	assert_int_equal(apply(w, wire), 0);
	assert_int_equal(w->cluster->count, REDIS_NODES_MAX);
	assert_string_equal(who(w, 0), "a:1");
	assert_string_equal(who(w, 299), "");
	free(wire);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_those_of_the_specification),
		TEST(a_map_names_masters_and_is_replaced),
		TEST(a_host_that_is_not_named_is_the_one_asked),
		TEST(a_map_that_makes_no_sense_changes_nothing),
		TEST(a_map_without_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
