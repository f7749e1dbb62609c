/* Configuration: defaults, files, --set, and what the errors say. */
#include "common/conf/conf.h"
#include "tests/support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct top {
	bool shadow;
	struct strlist listen;
	struct text name;
};
struct part {
	struct duration timeout;
	struct bytesize limit;
	int64_t count;
	struct points reject;
	struct choice mode;
};
struct block {
	struct strlist answers;
	bool enabled;
};

static const struct setting top_rows[] = {
	SETTING(struct top, shadow, "no", NULL, NULL, "x"),
	SETTING(struct top, listen, "a, b", NULL, NULL, "x"),
	SETTING(struct top, name, "", NULL, NULL, "x"),
	SETTING_END,
};
static const struct setting part_rows[] = {
	SETTING(struct part, timeout, "20s", "1s", "60s", "x"),
	SETTING(struct part, limit, "4m", "1k", NULL, "x"),
	SETTING(struct part, count, "10", "1", "20", "x"),
	SETTING(struct part, reject, "15", NULL, NULL, "x"),
	SETTING(struct part, mode, "own", "own|other", NULL, "x"),
	SETTING_END,
};
static const struct setting block_rows[] = {
	SETTING(struct block, answers, "", NULL, NULL, "x"),
	SETTING(struct block, enabled, "yes", NULL, NULL, "x"),
	SETTING_END,
};
static const struct settings_group top_group = {.section = "",
						.rows = top_rows,
						.conf_size = sizeof(struct top),
						.doc = "x"};
static const struct settings_group part_group = {.section = "part",
						 .rows = part_rows,
						 .conf_size =
							 sizeof(struct part),
						 .doc = "x"};
static const struct settings_group block_group = {.section = "list",
						  .rows = block_rows,
						  .conf_size =
							  sizeof(struct block),
						  .doc = "x",
						  .titled = true};
static const struct settings_group *const groups[] = {
	&top_group, &part_group, &block_group, NULL};

static struct conf *load(const char *text, const char *const *sets,
			 struct err *err)
{
	char path[] = "/tmp/gatepost-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf *conf;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	conf = conf_load(groups, path, sets, err);
	unlink(path);
	return conf;
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct err err;
	struct conf *conf = load("", NULL, &err);
	const struct part *part;
	const struct top *top;

	(void)state;
	assert_non_null(conf);
	part = conf_group(conf, &part_group);
	top = conf_group(conf, &top_group);
	assert_int_equal(part->timeout.ms, 20000);
	assert_int_equal(part->limit.n, 4 << 20);
	assert_false(part->reject.off);
	assert_int_equal(top->listen.n, 2);
	assert_true(slice_eq(top->listen.v[1], SLICE("b")));
	conf_free(&conf);
}

static void a_file_is_read_in_every_kind(void **state)
{
	static const char text[] =
		"# comment\nshadow = yes\nlisten = {\"unix:/run/x\", inet:9}\n"
		"part { timeout = 500ms\n limit = 64k\n count = 20\n"
		" reject = off\n mode = other }\n"
		"list \"zen.example\" { enabled = no }\n"
		"list \"b.example\" { answers = {\"x y\"} }\n"
		"score { SPF_FAIL = -1.5 }\n";
	struct err err = {""};
	struct conf *conf = load(text, NULL, &err);
	const struct conf_block *blocks;
	const struct conf_points *pairs;
	const struct part *part;
	size_t count;

	(void)state;
	(void)part;
	/* 500ms is below the smallest allowed time. */
	assert_null(conf);
	if (!strstr(err.text, ":4: part"))
		fail_msg("%s", err.text);
	assert_non_null(strstr(err.text, ":4: part.timeout: '500ms'"));
	assert_non_null(strstr(err.text, "from 1s to 60s"));
	conf = load(strstr(text, "part {") - 0, NULL, &err);
	assert_null(conf);
	conf = load("part { count = 20\n reject = off\n mode = other }\n"
		    "list \"zen.example\" { enabled = no }\n"
		    "list \"b.example\" { answers = {\"x y\"} }\n"
		    "score { SPF_FAIL = -1.5 }\n",
		    NULL, &err);
	assert_non_null(conf);
	part = conf_group(conf, &part_group);
	assert_true(part->reject.off);
	assert_int_equal(part->mode.value, 1);
	blocks = conf_titled(conf, &block_group, &count);
	assert_int_equal(count, 2);
	assert_true(slice_eq(blocks[0].title, SLICE("zen.example")));
	assert_false(((struct block *)blocks[0].values)->enabled);
	assert_true(blocks[0].given[1]);
	assert_false(blocks[0].given[0]);
	pairs = conf_pairs(conf, "score", &count);
	assert_int_equal(count, 1);
	assert_true(fabs(pairs[0].value + 1.5) < 1e-9);
	assert_int_equal(pairs[0].line, 6);
	conf_free(&conf);
}

static void errors_name_line_value_and_what_is_allowed(void **state)
{
	static const struct {
		const char *text;
		const char *want[3];
	} cases[] = {
		{"\nshadow = maybe\n", {":2: shadow", "'maybe'", "yes or no"}},
		{"shadw = yes\n",
		 {":1: there is no setting 'shadw'", "did you mean 'shadow'?"}},
		{"part { timout = 3s }\n",
		 {"'timout' in section 'part'", "'timeout'"}},
		{"part { count = 21 }\n", {"part.count", "'21'", "from 1 to 20"}},
		{"part { mode = third }\n", {"part.mode", "own, other"}},
		{"part { count = 5x }\n", {"'5x'", "a whole number"}},
		{"score { A = x }\n", {":1: score.A", "'x'"}},
		{"# c\npart {\n count = 3\n", {":2: the '{'", "never closed"}},
		{"/* a\nb */ // c\n# d\nshadow = x", {":4: shadow"}},
		{"name = \"abc", {":1: ", "never closed"}},
		{"# *\nname = *.a", {":2: ", "'*' in double quotes"}},
		{"part { } }", {":1: '}'"}},
		{"part { limit = 99999999999999999999 }\n", {"part.limit"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		assert_null(load(cases[i].text, NULL, &err));
		for (int k = 0; k < 3 && cases[i].want[k]; k++)
			if (!strstr(err.text, cases[i].want[k]))
				fail_msg("case %zu: '%s' lacks '%s'", i,
					 err.text, cases[i].want[k]);
	}
}

static void the_command_line_wins(void **state)
{
	const char *sets[] = {"part.count=7", "shadow=yes", "listen={a,b,c}",
			      "score.X=2", "list.zen.example.enabled=no", NULL};
	const char *bad[][2] = {{"part.cuont=1", NULL}, {"nonsense", NULL},
				{"part.count=99", NULL}, {"score.X=", NULL}};
	struct err err = {""};
	struct conf *conf = load("part { count = 3 }", sets, &err);
	size_t count;

	(void)state;
	assert_non_null(conf);
	assert_int_equal(
		((const struct part *)conf_group(conf, &part_group))->count, 7);
	assert_int_equal(
		((const struct top *)conf_group(conf, &top_group))->listen.n,
		3);
	assert_true(slice_eq(conf_titled(conf, &block_group, &count)->title,
			     SLICE("zen.example")));
	conf_free(&conf);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(load("", bad[i], &err));
		assert_non_null(strstr(err.text, "--set"));
	}
}

static void the_command_line_may_empty_a_list(void **state)
{
	const char *sets[] = {"listen=", "list.b.example.answers={}", NULL};
	struct err err = {""};
	struct conf *conf =
		load("list \"b.example\" { answers = {\"x\"} }", sets, &err);
	const struct block *block;
	size_t count;

	(void)state;
	assert_non_null(conf);
	assert_int_equal(
		((const struct top *)conf_group(conf, &top_group))->listen.n,
		0);
	block = conf_titled(conf, &block_group, &count)->values;
	assert_int_equal(block->answers.n, 0);
	conf_free(&conf);
}

static void the_place_of_a_value_is_known(void **state)
{
	static const char *const sets[] = {"part.limit=8k", NULL};
	struct err err;
	struct conf *conf = load("shadow = yes\n"
				 "part {\n"
				 "  count = 3\n"
				 "}\n"
				 "listen = {\"x\",\n"
				 "  \"y\"}\n"
				 "part { timeout = 5s }\n",
				 sets, &err);
	const char *place;

	(void)state;
	assert_non_null(conf);
	place = conf_place(conf, &part_group, "count");
	assert_non_null(place);
	assert_string_equal(strrchr(place, ':'), ":3");
	assert_memory_equal(place, "/tmp/gatepost-conf-", 19);
	place = conf_place(conf, &top_group, "shadow");
	assert_string_equal(strrchr(place, ':'), ":1");
	/* A list: where it ends. */
	place = conf_place(conf, &top_group, "listen");
	assert_string_equal(strrchr(place, ':'), ":6");
	place = conf_place(conf, &part_group, "timeout");
	assert_string_equal(strrchr(place, ':'), ":7");
	assert_string_equal(conf_place(conf, &part_group, "limit"), "--set");
	assert_null(conf_place(conf, &part_group, "mode"));
	assert_null(conf_place(conf, &part_group, "nothing"));
	conf_free(&conf);
}

static void a_missing_file_is_an_error(void **state)
{
	struct err err = {""};

	(void)state;
	assert_null(conf_load(groups, "/nonexistent/gp.conf", NULL, &err));
	assert_non_null(strstr(err.text, "/nonexistent/gp.conf: cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(a_file_is_read_in_every_kind),
		cmocka_unit_test(errors_name_line_value_and_what_is_allowed),
		cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(the_command_line_may_empty_a_list),
		cmocka_unit_test(the_place_of_a_value_is_known),
		cmocka_unit_test(a_missing_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
