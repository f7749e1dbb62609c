/*
 * gatepost lists: the DNS lists in force, in the words of the configuration
 * so that a block can be copied and changed; and whether each is well.
 */
#include "milter/cli/args.h"

#include "common/base/log.h"
#include "common/conf/value.h"
#include "milter/checks/rbl_health.h"
#include "milter/daemon/settings.h"
#include "milter/net/dns.h"

#include <stdio.h>
#include <time.h>

#define SHORT 60      /* lists of that length stand on one line */
#define TEST_MS 15000 /* a little longer than a test waits */

struct options {
	struct args args;
	bool all;
	bool test;
};

static const struct arg rows[] = {
	{"--all", ARG_FLAG, offsetof(struct options, all)},
	{"--test", ARG_FLAG, offsetof(struct options, test)},
	{0},
};

/* One answer a line; each is quoted as a list of its own would be. */
static void show_list(struct arena *arena, const struct setting *row,
		      const struct rbl_list_conf *conf)
{
	struct rbl_list_conf one = *conf;
	struct strlist *list = (void *)((char *)&one + row->offset);
	const struct strlist whole = *list;
	struct slice line = value_text(row, arena, conf);

	if (line.n <= SHORT) {
		printf("\t%s = %.*s\n", row->name, SLICE_FMT(line));
		return;
	}
	printf("\t%s = {\n", row->name);
	for (size_t i = 0; i < whole.n; i++) {
		struct slice text;

		*list = (struct strlist){&whole.v[i], 1};
		text = value_text(row, arena, &one);
		printf("\t\t%.*s%s\n",
		       SLICE_FMT(slice_sub(text, 1, text.n - 1)),
		       i + 1 < whole.n ? "," : "");
	}
	printf("\t}\n");
}

static void show(struct arena *arena, const struct rbl_described *described)
{
	const struct setting *row = rbl_list_settings.rows;

	printf("%s \"%.*s\" {\n", rbl_list_settings.section,
	       SLICE_FMT(described->zone));
	for (; row->name; row++) {
		if (row->kind == SETTING_LIST)
			show_list(arena, row, &described->conf);
		else
			printf("\t%s = %.*s\n", row->name,
			       SLICE_FMT(value_text(row, arena,
						    &described->conf)));
	}
	printf("}\n");
}

static int show_all(struct arena *arena, const struct conf *conf, bool all)
{
	const struct rbl_described *described;
	size_t count;

	described = rbl_lists_describe(arena, conf, &count);
	for (size_t i = 0; i < count; i++)
		if (all || described[i].conf.enabled)
			show(arena, &described[i]);
	return EXIT_DONE;
}

static void wait_for_tests(struct rbl_health *health, size_t count,
			   struct resolver *resolver)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000000};
	int64_t now = 0;
	bool running = true;

	/* Ticks of our own clock, so that a moved clock cannot hold us up. */
	for (; running && now < TEST_MS; now += 10) {
		rbl_health_tick(health, resolver, now);
		nanosleep(&pause, NULL);
		running = false;
		for (size_t i = 0; i < count; i++) {
			bool testing;

			rbl_health_last(health, i, &testing);
			running |= testing;
		}
	}
}

static int test_all(struct arena *arena, const struct rbl_lists *lists,
		    struct dns *dns)
{
	struct rbl_health *health = rbl_health_new(arena, lists, TEST_MS * 2);
	int rc = EXIT_DONE;

	wait_for_tests(health, lists->count, dns_resolver(dns));
	for (size_t i = 0; i < lists->count; i++) {
		bool testing;
		enum rbl_trouble trouble = rbl_health_last(health, i, &testing);

		printf("%-32.*s %s\n", SLICE_FMT(lists->list[i].zone),
		       trouble == RBL_TROUBLE_NONE
			       ? "well"
			       : rbl_trouble_words(trouble));
		if (trouble != RBL_TROUBLE_NONE)
			rc = EXIT_INVALID;
	}
	rbl_health_stop(health, dns_resolver(dns));
	return rc;
}

static int test_lists(struct arena *arena, const struct conf *conf)
{
	struct rbl_lists lists = {0};
	struct dns *dns = NULL;
	struct err err;
	int rc = EXIT_FAILED;

	/* What is wrong is our answer, not an event for the log. */
	log_open("gatepost", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
		 LOG_LEVEL_ERROR);
	if (rbl_lists_make(arena, conf, &lists, &err) == 0)
		dns = dns_new(conf_group(conf, &dns_settings), &err);
	if (!dns)
		return verb_failed(&verb_lists, rc, "%s", err.text);
	rc = test_all(arena, &lists, dns);
	dns_free(&dns);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {0};
	struct arena *arena;
	struct conf *conf;
	int rc = args_read(&verb_lists, rows, &o, argc, argv);

	if (rc != 0)
		return rc;
	conf = args_conf(&verb_lists, &o.args, &rc);
	if (!conf)
		return rc;
	arena = arena_new(0);
	rc = o.test ? test_lists(arena, conf) : show_all(arena, conf, o.all);
	arena_free(&arena);
	conf_free(&conf);
	return rc;
}

const struct verb verb_lists = {
	.name = "lists",
	.usage = "[-c CONF] [--set key=value]… [--all | --test]",
	.doc = "Shows the DNS lists in force as blocks of a configuration, or "
	       "all that are known, or tests whether each answers as it "
	       "should.",
	.run = run,
};
