/*
 * gatepost status: how Gatepost is, on one screen. What runs is asked of
 * the recorder; what came of the mail is in the history.
 */
#include "milter/cli/args.h"
#include "milter/cli/interrupt.h"
#include "milter/cli/open_history.h"
#include "milter/cli/recorder.h"
#include "milter/cli/status_screen.h"

#include "common/base/clock.h"
#include "milter/daemon/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define WATCH_MS 2000
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

struct options {
	struct args args;
	bool watch, json;
};

static const struct arg rows[] = {
	{"--watch", ARG_FLAG, offsetof(struct options, watch)},
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{0},
};

struct status {
	const struct conf *conf;
	struct history *history; /* open from the first look on */
	/* Of one look. */
	struct arena *arena;
	struct slice live_text;
	struct status_view view;
	struct err live_err, history_err;
};

static void look_at_daemon(struct status *s)
{
	s->view.live = recorder_status(s->arena, s->conf, &s->live_text,
				       &s->live_err);
	if (!s->view.live)
		s->view.why_not_live = s->live_err.text;
}

static int read_history(struct status *s, struct err *err)
{
	struct status_view *v = &s->view;
	int64_t minute = v->now_ms - v->now_ms % MINUTE_MS;
	struct history_total *totals;
	size_t count;

	if (history_size(s->history, &v->size, err) < 0 ||
	    history_totals(s->history, s->arena, minute - DAY_MS, 0, MINUTE_MS,
			   &totals, &count, err) < 0)
		return -1;
	v->minute = sums_last_minute(totals, count, v->now_ms);
	v->hour = sums_between(totals, count, minute - HOUR_MS + MINUTE_MS,
			       INT64_MAX);
	v->day = sums_between(totals, count, minute - DAY_MS + MINUTE_MS,
			      INT64_MAX);
	return 0;
}

static void look_at_history(struct status *s)
{
	bool absent;

	if (!s->history)
		s->history = open_history(s->conf, &absent, &s->history_err);
	if (s->history && read_history(s, &s->history_err) == 0)
		s->view.has_history = true;
	else
		s->view.why_no_history = s->history_err.text;
}

/* The daemon first: root may ask it whoever owns the history. */
static void look(struct status *s)
{
	s->view = (struct status_view){.now_ms = clock_wall_us() / 1000};
	look_at_daemon(s);
	look_at_history(s);
}

static void put_window(const struct status *s, const char *name,
		       const struct sums *n)
{
	struct json_field fields[SUMS_FIELDS];

	sums_fields(n, fields);
	printf("\"%s\": %s", name,
	       json_line(s->arena, fields, SUMS_FIELDS).p);
}

static void put_json(const struct status *s)
{
	const struct status_view *v = &s->view;
	const struct json_field size[] = {
		JSON_NUMBER("records", v->size.records),
		JSON_NUMBER("bytes", v->size.bytes),
		JSON_NUMBER("oldest", v->size.oldest_ms / 1000),
		JSON_NUMBER("newest", v->size.newest_ms / 1000),
	};
	struct slice live = v->live ? slice_trim(s->live_text) : SLICE("null");

	printf("{\n  \"time\": %lld,\n  \"daemon\": ",
	       (long long)(v->now_ms / 1000));
	fwrite(live.p, 1, live.n, stdout);
	printf(",\n  \"history\": %s",
	       v->has_history ? json_line(s->arena, size,
					  sizeof(size) / sizeof(size[0]))
					.p
			      : "null");
	printf(",\n  ");
	put_window(s, "minute", &v->minute);
	printf(",\n  ");
	put_window(s, "hour", &v->hour);
	printf(",\n  ");
	put_window(s, "day", &v->day);
	printf("\n}\n");
}

/*
 * Writes a screen over the last one in one go: each line to its end, then
 * what is below. No more lines than there are rows, or it would scroll.
 */
static void put_over(const char *text, size_t size)
{
	struct winsize window = {.ws_row = 24};
	struct slice rest = {text, size}, text_line;
	unsigned row = 1;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 ||
	    window.ws_row == 0)
		window.ws_row = 24;
	fputs("\x1b[H", stdout);
	for (; row < window.ws_row && slice_next(&rest, '\n', &text_line);
	     row++)
		printf("%.*s\x1b[K\n", SLICE_FMT(text_line));
	fputs("\x1b[J", stdout);
	fflush(stdout);
}

static void show_over(const struct status *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	status_screen(out, &s->view);
	fputs("Ctrl-C ends this.\n", out);
	fclose(out);
	put_over(text, size);
	free(text);
}

/* On a second screen, without a cursor and without wrapping. */
static int watch(struct status *s)
{
	interrupt_hold();
	fputs("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[J", stdout);
	do {
		arena_reset(s->arena);
		look(s);
		show_over(s);
	} while (!ferror(stdout) && !interrupt_wait(WATCH_MS));
	fputs("\x1b[?7h\x1b[?25h\x1b[?1049l", stdout);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int show(struct status *s, const struct options *o)
{
	if (o->watch)
		return watch(s);
	look(s);
	if (o->json)
		put_json(s);
	else
		status_screen(stdout, &s->view);
	return s->view.live ? EXIT_DONE : EXIT_INVALID;
}

static int run(int argc, char **argv)
{
	struct options o = {.watch = false};
	struct status s = {.history = NULL};
	struct conf *conf;
	int rc = args_read(&verb_status, rows, &o, argc, argv);

	if (rc == 0 && o.watch && o.json)
		rc = verb_usage(&verb_status, "--watch is for eyes: it takes "
					      "no --json");
	if (rc == 0 && o.watch && !isatty(STDOUT_FILENO))
		rc = verb_usage(&verb_status, "--watch needs a terminal");
	if (rc != 0)
		return rc;
	conf = args_conf(&verb_status, &o.args, &rc);
	if (!conf)
		return rc;
	s.conf = conf;
	s.arena = arena_new(0);
	rc = show(&s, &o);
	history_close(&s.history);
	arena_free(&s.arena);
	conf_free(&conf);
	return rc;
}

const struct verb verb_status = {
	.name = "status",
	.usage = "[-c CONF] [--set key=value]… [--watch | --json]",
	.doc = "Shows on one screen how Gatepost is: processes, mail of the "
	       "last minute, hour and day, checks, lists, stores, trouble.",
	.run = run,
};
