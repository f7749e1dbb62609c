/*
 * usage: metrics_ask text|open|status [real]
 *
 * Prints a made-up mapping, or (real) one with the names of an engine with
 * the default configuration, for tests/daemon/test_metrics.py.
 */
#include "milter/checks/table.h"
#include "milter/daemon/account.h"
#include "milter/daemon/metrics.h"
#include "milter/daemon/settings.h"
#include "milter/daemon/status.h"
#include "tests/milter/daemon/metrics_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_real(struct counters *counters, struct err *err)
{
	struct conf *conf = conf_load(settings_all(), NULL, NULL, err);
	struct engine *engine =
		conf ? engine_new(checks_table, conf, NULL, err) : NULL;

	if (!engine || counters_make(counters, err) < 0)
		return -1;
	account_register(counters, engine);
	engine_free(&engine);
	conf_free(&conf);
	return 0;
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	struct buf text = BUF(arena);
	struct counters counters;
	struct err err = {""};
	bool real = argc > 2 && strcmp(argv[2], "real") == 0;

	if (argc < 2 || !(real ? make_real(&counters, &err) == 0
			       : metrics_sample(&counters, &err))) {
		fprintf(stderr, "metrics_ask: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (strcmp(argv[1], "status") == 0)
		buf_add(&text, status_json(arena, &counters));
	else
		metrics_write(&text, &counters,
			      strcmp(argv[1], "open") == 0 ? METRICS_OPEN
							   : METRICS_TEXT);
	fwrite(text.p, 1, text.n, stdout);
	arena_free(&arena);
	counters_free(&counters);
	return EXIT_SUCCESS;
}
