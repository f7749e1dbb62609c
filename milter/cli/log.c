/*
 * gatepost log: the records of the history that match, as lines for people
 * or as JSON; and, with --follow, those that come. It only reads.
 */
#include "milter/cli/args.h"
#include "milter/cli/interrupt.h"
#include "milter/cli/log_lines.h"
#include "milter/cli/open_history.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include "common/base/clock.h"
#include "common/base/nearest.h"
#include "common/verdict/wire.h"
#include "milter/engine/policy.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 50
#define LIMIT_MAX 20000
#define PAGE 500
#define SEARCH_MS 30000
#define FOLLOW_MS 1000

enum { KEYS = HISTORY_SYMBOL + 1 };

struct options {
	struct args args;
	const char *values[KEYS]; /* by key; NULL: not asked for */
	const char *since, *until, *limit;
	bool follow, json;
};

#define FILTER(name, key)                                    \
	{                                                    \
		"--" name, ARG_TEXT,                         \
			offsetof(struct options, values) +   \
				(key) * sizeof(const char *) \
	}

static const struct arg rows[] = {
	FILTER("id", HISTORY_ID),
	FILTER("queue", HISTORY_QUEUE),
	FILTER("message-id", HISTORY_MESSAGE_ID),
	FILTER("sender", HISTORY_SENDER),
	FILTER("recipient", HISTORY_RECIPIENT),
	FILTER("client", HISTORY_CLIENT),
	FILTER("user", HISTORY_USER),
	FILTER("action", HISTORY_ACTION),
	FILTER("direction", HISTORY_DIRECTION),
	FILTER("symbol", HISTORY_SYMBOL),
	{"--since", ARG_TEXT, offsetof(struct options, since)},
	{"--until", ARG_TEXT, offsetof(struct options, until)},
	{"--limit", ARG_TEXT, offsetof(struct options, limit)},
	{"--follow", ARG_FLAG, offsetof(struct options, follow)},
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{0},
};

struct log {
	const struct options *options;
	const struct conf *conf;
	struct history *history;
	struct history_filter filters[KEYS];
	struct history_query query;
	size_t limit; /* 0: all */
	int64_t end;  /* the last row there was when it began */
	struct log_lines lines;
	size_t shown;
};

static int failed(const struct err *err)
{
	return verb_failed(&verb_log, EXIT_FAILED, "%s", err->text);
}

/* ---- the command line ---- */

static int one_of(const char *option, const char *word,
		  const char *const *words)
{
	struct nearest nearest = nearest_begin(slice_cstr(word));
	const char *best;

	for (; *words; words++) {
		if (slice_eq_nocase(slice_cstr(word), slice_cstr(*words)))
			return 0;
		nearest_offer(&nearest, *words);
	}
	best = nearest_result(&nearest);
	return verb_usage(&verb_log, "%s: there is no '%s'%s%s%s", option, word,
			  best ? "; did you mean '" : "", best ? best : "",
			  best ? "'?" : "");
}

static int check_words(const struct options *o)
{
	static const char *const directions[] = {"in", "out", NULL};
	const char *actions[POLICY_ACTIONS + 1] = {NULL};
	int rc = 0;

	for (int i = 0; i < POLICY_ACTIONS; i++)
		actions[i] = action_word((enum action)i);
	if (o->values[HISTORY_ACTION])
		rc = one_of("--action", o->values[HISTORY_ACTION], actions);
	if (rc == 0 && o->values[HISTORY_DIRECTION])
		rc = one_of("--direction", o->values[HISTORY_DIRECTION],
			    directions);
	return rc;
}

static int read_query(struct log *log)
{
	const struct options *o = log->options;
	struct history_query *q = &log->query;
	int64_t now_ms = clock_wall_us() / 1000;
	int rc = check_words(o);

	for (int key = 0; key < KEYS; key++)
		if (o->values[key])
			log->filters[q->filter_count++] =
				(struct history_filter){
					(enum history_key)key,
					slice_cstr(o->values[key])};
	q->filters = log->filters;
	log->limit = LIMIT;
	if (rc == 0)
		rc = args_time(&verb_log, o->since, false, now_ms,
			       &q->since_ms);
	if (rc == 0)
		rc = args_time(&verb_log, o->until, true, now_ms, &q->until_ms);
	if (rc == 0)
		rc = args_limit(&verb_log, o->limit, LIMIT_MAX, &log->limit);
	if (rc == 0 && o->follow && o->until)
		rc = verb_usage(&verb_log, "--follow has no end, so it takes "
					   "no --until");
	return rc;
}

/* ---- showing ---- */

static void show(struct log *log, struct arena *arena,
		 const struct history_row *found, size_t count)
{
	struct record *records = ARENA_ARRAY(arena, struct record, count + 1);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += record_unpack(arena, found[i].packed, &records[n]);
	for (size_t i = 0; log->options->json && i < n; i++) {
		struct slice line = record_json(arena, &records[i], 0);

		fwrite(line.p, 1, line.n, stdout);
		fputc('\n', stdout);
	}
	if (!log->options->json)
		log_lines_put(&log->lines, records, n);
	log->shown += n;
}

/*
 * Rows that match, shown oldest first; query.after moves past them. 1: there
 * may be more, 0: these were all, -1: told.
 */
static int show_page(struct log *log)
{
	struct arena *arena = arena_new(0);
	struct history_row *found;
	struct err err;
	size_t count;
	int rc;

	log->query.deadline_ms = clock_mono_ms() + SEARCH_MS;
	rc = history_search(log->history, arena, &log->query, &found, &count,
			    &err);
	if (rc < 0)
		failed(&err);
	if (rc > 0)
		fputs("gatepost log: the search takes long and was ended; "
		      "narrow it down with --since\n",
		      stderr);
	for (size_t i = 0; !log->query.oldest_first && i < count / 2; i++) {
		struct history_row row = found[i];

		found[i] = found[count - 1 - i];
		found[count - 1 - i] = row;
	}
	if (rc >= 0 && count > 0) {
		show(log, arena, found, count);
		log->query.after = found[count - 1].number;
	}
	arena_free(&arena);
	return rc < 0 ? -1 : rc == 0 && count == log->query.limit;
}

static int show_past(struct log *log)
{
	int rc;

	log->query.limit = log->limit ? log->limit : PAGE;
	log->query.oldest_first = log->limit == 0;
	do
		rc = show_page(log);
	while (rc > 0 && log->limit == 0 && !ferror(stdout));
	return rc < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* What was there before and is not shown is not shown later either. */
static int find_end(struct log *log)
{
	struct arena *arena = arena_new(0);
	struct history_query query = {
		.limit = 1, .deadline_ms = clock_mono_ms() + SEARCH_MS};
	struct history_row *found;
	struct err err;
	size_t count;
	int rc = history_search(log->history, arena, &query, &found, &count,
				&err);

	if (rc < 0)
		failed(&err);
	else if (count > 0)
		log->end = found[0].number;
	arena_free(&arena);
	return rc < 0 ? -1 : 0;
}

/* Until a signal ends it, which it waits for between two looks. */
static int follow(struct log *log)
{
	interrupt_hold();
	if (log->query.after < log->end)
		log->query.after = log->end;
	log->query.oldest_first = true;
	log->query.limit = PAGE;
	log->query.since_ms = 0;
	while (!interrupt_wait(FOLLOW_MS)) {
		int rc;

		do
			rc = show_page(log);
		while (rc > 0);
		if (rc < 0)
			return EXIT_FAILED;
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int tell_nothing(const struct log *log)
{
	const char *hint = open_history_hint(log->conf);
	struct history_size size = {.records = 0};
	struct arena *arena;
	struct err err;

	if (history_size(log->history, &size, &err) < 0)
		return failed(&err);
	arena = arena_new(0);
	if (size.records == 0)
		verb_failed(&verb_log, 0, "the history is empty");
	else
		verb_failed(&verb_log, 0,
			    "nothing matches; the history has %lld records, "
			    "the oldest of %.*s",
			    (long long)size.records,
			    SLICE_FMT(since_text(arena, size.oldest_ms)));
	if (hint)
		verb_failed(&verb_log, 0, "%s", hint);
	arena_free(&arena);
	return EXIT_INVALID;
}

static int run_log(struct log *log)
{
	struct err err;
	bool absent;
	int rc;

	log->history = open_history(log->conf, &absent, &err);
	if (!log->history)
		return verb_failed(&verb_log,
				   absent ? EXIT_INVALID : EXIT_FAILED, "%s",
				   err.text);
	rc = log->options->follow && find_end(log) < 0 ? EXIT_FAILED
						       : show_past(log);
	if (rc == EXIT_DONE && log->options->follow && fflush(stdout) == 0)
		rc = follow(log);
	else if (rc == EXIT_DONE && log->shown == 0)
		rc = tell_nothing(log);
	history_close(&log->history);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {.follow = false};
	struct log log = {.options = &o,
			  .lines = {stdout, terminal_width(), {0}}};
	struct conf *conf;
	int rc = args_read(&verb_log, rows, &o, argc, argv);

	if (rc == 0)
		rc = read_query(&log);
	if (rc != 0)
		return rc;
	conf = args_conf(&verb_log, &o.args, &rc);
	if (!conf)
		return rc;
	log.conf = conf;
	rc = run_log(&log);
	conf_free(&conf);
	return rc;
}

const struct verb verb_log = {
	.name = "log",
	.usage = "[-c CONF] [--set key=value]… [--id ID] [--queue ID] "
		 "[--message-id ID] [--sender ADDR|DOMAIN] "
		 "[--recipient ADDR|DOMAIN] [--client ADDR|NAME] "
		 "[--user NAME] [--action WORD] [--direction in|out] "
		 "[--symbol NAME] [--since TIME] [--until TIME] "
		 "[--limit N|all] [--follow] [--json]",
	.doc = "Shows what was done with messages, from the history: those "
	       "that match all that is asked for. TIME is 2h, today, "
	       "yesterday, 14:05, 2026-11-27 or 2026-11-27T14:05.",
	.run = run,
};
