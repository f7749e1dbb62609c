/* The pages that the counters fill. */
#include "milter/daemon/pages.h"
#include "milter/daemon/resident.h"
#include "tests/milter/daemon/metrics_sample.h"
#include "tests/support/cmocka.h"

#include <string.h>
#include <unistd.h>

struct world {
	struct counters counters;
	struct pages pages;
	struct arena *arena;
	struct http_reply reply;
};

static void open_world(struct world *w)
{
	struct err err;

	assert_true(metrics_sample(&w->counters, &err));
	w->pages.counters = &w->counters;
	w->arena = arena_new(0);
	w->reply = (struct http_reply){.arena = w->arena, .status = 200};
}

static void close_world(struct world *w)
{
	arena_free(&w->arena);
	counters_free(&w->counters);
}

static bool holds(const struct world *w, const char *part)
{
	return slice_search_nocase(w->reply.body, slice_cstr(part)) <
	       w->reply.body.n;
}

static void test_metrics_come_as_they_are_asked_for(void **state)
{
	struct http_request request = {.path = SLICE("/metrics")};
	struct world w;

	(void)state;
	open_world(&w);
	page_metrics(&w.pages, &request, &w.reply);
	assert_string_equal(w.reply.type,
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_true(holds(&w, "# TYPE gatepost_sessions_total counter\n"));
	assert_false(holds(&w, "# EOF"));
	request.accept = SLICE("application/openmetrics-text;version=1.0.0");
	page_metrics(&w.pages, &request, &w.reply);
	assert_string_equal(w.reply.type,
			    "application/openmetrics-text; version=1.0.0; "
			    "charset=utf-8");
	assert_true(holds(&w, "# TYPE gatepost_sessions counter\n"));
	assert_true(slice_ends_nocase(w.reply.body, SLICE("\n# EOF\n")));
	assert_int_equal(w.reply.status, 200);
	close_world(&w);
}

static void test_status_is_one_line_of_json(void **state)
{
	static const char *const parts[] = {
		"{\"version\":\"",
		"\"generation\":3,",
		"{\"role\":\"recorder\",\"pid\":1073741826,\"slot\":3,"
		"\"rss_bytes\":0}]",
		"\"sessions\":{\"now\":4,\"total\":14,\"refused\":0},"
		"\"waiting\":0,",
		"\"in\":{\"accept\":0,\"tag\":0,\"reject\":4,",
		"\"bytes\":{\"in\":8192,\"out\":0}",
		"{\"name\":\"rbl\",\"mean_ms\":1.001,\"at_most_ms\":5,"
		"\"count\":2}]",
		"{\"name\":\"bl.example\",\"asked\":6,\"listed\":2,"
		"\"errors\":2,\"suspended\":2,\"mean_ms\":13676.967,"
		"\"at_most_ms\":null}]",
		"\"store\":{\"asked\":0,\"late\":2,",
		"\"queued\":0,\"history_up\":true},\"vault\":{\"messages\":0,"
		"\"bytes\":0,\"released\":0,\"oldest_held_s\":0,"
		"\"free_bytes\":0,\"held\":{\"virus\":0,",
		"\"crashes\":{\"worker\":0,\"recorder\":0,\"scanner\":0}}\n",
	};
	struct http_request request = {.path = SLICE("/status")};
	struct world w;

	(void)state;
	open_world(&w);
	page_status(&w.pages, &request, &w.reply);
	assert_string_equal(w.reply.type, "application/json");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!holds(&w, parts[i]))
			fail_msg("%s is not in %.*s", parts[i],
				 SLICE_FMT(w.reply.body));
	assert_int_equal(slice_find(w.reply.body, 0, '\n'),
			 w.reply.body.n - 1);
	close_world(&w);
}

static void test_resident_memory_is_that_of_the_process(void **state)
{
	(void)state;
	assert_true(resident_bytes(getpid()) > 100000);
	assert_int_equal(resident_bytes(1 << 30), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics_come_as_they_are_asked_for),
		cmocka_unit_test(test_status_is_one_line_of_json),
		cmocka_unit_test(test_resident_memory_is_that_of_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
