/*
 * gatepost stats: what came of the mail of a day, a week or a month; who
 * sends most; as text, as JSON and as a picture. It only reads.
 */
#include "milter/cli/args.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/open_history.h"
#include "milter/cli/plot.h"
#include "milter/cli/since.h"
#include "milter/cli/sums.h"

#include "common/base/clock.h"
#include "common/verdict/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define MINUTE_MS INT64_C(60000)
/* So far back there are sums of minutes. */
#define MINUTES_MS (47 * HOUR_MS)
#define TOP 10
/* A bar an hour up to so long a time; else a bar a day. */
#define HOURS_MAX 49
#define BARS_MAX 400
#define LABELS_MAX 16

struct options {
	struct args args;
	bool day, week, month, json;
	const char *since, *until, *plot;
};

static const struct arg rows[] = {
	{"--day", ARG_FLAG, offsetof(struct options, day)},
	{"--week", ARG_FLAG, offsetof(struct options, week)},
	{"--month", ARG_FLAG, offsetof(struct options, month)},
	{"--since", ARG_TEXT, offsetof(struct options, since)},
	{"--until", ARG_TEXT, offsetof(struct options, until)},
	{"--plot", ARG_TEXT, offsetof(struct options, plot)},
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{0},
};

/* What is looked for most, in that order. */
static const struct {
	enum history_key key;
	const char *title, *member;
} tops[] = {
	{HISTORY_SENDER, "Senders", "senders"},
	{HISTORY_CLIENT, "Clients", "clients"},
	{HISTORY_SYMBOL, "Findings", "symbols"},
};
#define TOPS (sizeof(tops) / sizeof(tops[0]))

struct stats {
	const struct options *options;
	struct arena *arena;
	struct history *history;
	int64_t now_ms, since_ms, until_ms;
	struct history_total *totals;
	size_t total_count;
	struct sums sums;
	struct history_count *top[TOPS];
	size_t top_count[TOPS];
	uint64_t viruses; /* messages in which one was found */
	struct history_size size;
};

static int failed(const struct err *err)
{
	return verb_failed(&verb_stats, EXIT_FAILED, "%s", err->text);
}

/* ---- the time ---- */

/* Whole hours, as they are counted; the one that runs is the last. */
static int read_span(struct stats *s)
{
	const struct options *o = s->options;
	int64_t hour = s->now_ms - s->now_ms % HOUR_MS;
	int rc;

	if (o->day + o->week + o->month + (o->since != NULL) > 1)
		return verb_usage(&verb_stats, "take one of --day, --week, "
					       "--month and --since");
	s->until_ms = s->now_ms;
	s->since_ms = hour - 23 * HOUR_MS;
	if (o->week || o->month)
		s->since_ms = since_day(s->now_ms, o->week ? -6 : -29);
	rc = args_time(&verb_stats, o->since, false, s->now_ms, &s->since_ms);
	if (rc == 0)
		rc = args_time(&verb_stats, o->until, true, s->now_ms,
			       &s->until_ms);
	if (rc == 0 && s->until_ms > s->now_ms)
		s->until_ms = s->now_ms;
	if (rc == 0 && s->since_ms >= s->until_ms)
		return verb_usage(&verb_stats, "that time ends before it "
					       "begins");
	return rc;
}

/* ---- what the history has ---- */

#define SYMBOLS_MAX 4096
#define VIRUS_SYMBOL "VIRUS_FOUND"

static int read_viruses(struct stats *s, struct err *err)
{
	struct history_count *counts;
	size_t count;

	if (history_top(s->history, s->arena, HISTORY_SYMBOL, s->since_ms,
			s->until_ms, SYMBOLS_MAX, &counts, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (slice_eq_nocase(counts[i].value, SLICE(VIRUS_SYMBOL)))
			s->viruses = counts[i].count;
	return 0;
}

static int read_history(struct stats *s)
{
	struct err err;
	int64_t step =
		s->since_ms > s->now_ms - MINUTES_MS ? MINUTE_MS : HOUR_MS;
	int rc;

	s->since_ms -= s->since_ms % step;
	rc = history_totals(s->history, s->arena, s->since_ms, s->until_ms,
			    step, &s->totals, &s->total_count, &err);

	for (size_t i = 0; rc >= 0 && i < TOPS; i++)
		rc = history_top(s->history, s->arena, tops[i].key, s->since_ms,
				 s->until_ms, TOP, &s->top[i], &s->top_count[i],
				 &err);
	if (rc >= 0)
		rc = read_viruses(s, &err);
	if (rc >= 0)
		rc = history_size(s->history, &s->size, &err);
	if (rc < 0)
		return failed(&err);
	s->sums = sums_between(s->totals, s->total_count, INT64_MIN, INT64_MAX);
	return 0;
}

/* ---- as text ---- */

static void put_number(const char *what, uint64_t number, uint64_t of,
		       const char *remark)
{
	printf("  %-16s %10llu", what, (unsigned long long)number);
	if (of > 0)
		printf("  %5.1f %%", 100.0 * (double)number / (double)of);
	printf("%s%s\n", remark[0] ? "  " : "", remark);
}

static void put_top(const struct stats *s, size_t which)
{
	printf("\n%s\n", tops[which].title);
	if (s->top_count[which] == 0)
		printf("  none\n");
	for (size_t i = 0; i < s->top_count[which]; i++) {
		const struct history_count *c = &s->top[which][i];

		printf("  %8llu  %.*s\n", (unsigned long long)c->count,
		       SLICE_FMT(c->value.n > 0
					 ? explain_text(s->arena, c->value)
					 : SLICE("<> (bounces)")));
	}
}

static void put_stats(const struct stats *s)
{
	const struct sums *n = &s->sums;

	printf("Mail from %s to %s, %.*s\n\n",
	       since_text(s->arena, s->since_ms).p,
	       since_text_zone(s->arena, s->until_ms).p,
	       SLICE_FMT(explain_size(s->arena, n->bytes)));
	put_number("received", n->received, 0, "from outside");
	put_number("sent", n->sent, 0, "by users and hosts that are trusted");
	printf("\nWhat was done with it\n");
	put_number("accepted", n->accepted, n->messages, "");
	put_number("tagged as spam", n->tagged, n->messages, "");
	put_number("refused", n->rejected, n->messages, "");
	put_number("held", n->held, n->messages, "in the vault");
	put_number("deferred", n->deferred, n->messages,
		   "each try of a message counts");
	printf("\n");
	put_number("spam", n->tagged + n->rejected, n->messages,
		   "tagged or refused");
	put_number("viruses", s->viruses, n->messages,
		   "messages in which one was found");
	for (size_t i = 0; i < TOPS; i++)
		put_top(s, i);
	if (s->size.oldest_ms > s->since_ms)
		printf("\nThe oldest record is of %s; senders, clients "
		       "and\nfindings are counted from then on.\n",
		       since_text(s->arena, s->size.oldest_ms).p);
}

/* ---- as JSON ---- */

static void put_json_top(const struct stats *s, size_t which)
{
	printf(",\n  \"%s\": [", tops[which].member);
	for (size_t i = 0; i < s->top_count[which]; i++) {
		const struct history_count *c = &s->top[which][i];
		const struct json_field fields[] = {
			{"value", JSON_FIELD_TEXT, c->value, 0},
			{"count", JSON_FIELD_NUMBER, SLICE_NONE,
			 (int64_t)c->count},
		};

		printf("%s\n    %s", i > 0 ? "," : "",
		       json_line(s->arena, fields, 2).p);
	}
	printf("%s]", s->top_count[which] > 0 ? "\n  " : "");
}

static void put_json(const struct stats *s)
{
	const struct sums *n = &s->sums;
	struct json_field totals[SUMS_FIELDS + 2] = {
		[SUMS_FIELDS] = JSON_NUMBER("spam", n->tagged + n->rejected),
		JSON_NUMBER("viruses", s->viruses),
	};

	sums_fields(n, totals);
	printf("{\n  \"since\": %lld,\n  \"until\": %lld,\n  \"totals\": %s",
	       (long long)(s->since_ms / 1000), (long long)(s->until_ms / 1000),
	       json_line(s->arena, totals, sizeof(totals) / sizeof(totals[0]))
		       .p);
	for (size_t i = 0; i < TOPS; i++)
		put_json_top(s, i);
	printf("\n}\n");
}

/* ---- as a picture ---- */

/* The end of the bar that begins then: the next hour, or local midnight. */
static int64_t next_bar(int64_t at_ms, bool hours)
{
	return hours ? at_ms - at_ms % HOUR_MS + HOUR_MS : since_day(at_ms, 1);
}

static void fill_bar(const struct stats *s, struct plot_bar *bar,
		     int64_t begin_ms, bool hours)
{
	struct sums n = sums_between(s->totals, s->total_count, begin_ms,
				     next_bar(begin_ms, hours));
	struct slice when = since_text(s->arena, begin_ms);

	*bar = (struct plot_bar){
		.count = {n.accepted, n.tagged, n.deferred,
			  n.rejected + n.held},
		/* "2026-11-27 14:00" or "2026-11-27" */
		.title = arena_cstr(s->arena,
				    slice_sub(when, 0, hours ? 16 : 10)),
		.label = arena_cstr(s->arena, hours ? slice_sub(when, 11, 16)
						    : slice_sub(when, 5, 10))};
}

static size_t fill_bars(const struct stats *s, struct plot_bar *bars,
			bool hours)
{
	int64_t at = hours ? s->since_ms - s->since_ms % HOUR_MS
			   : since_day(s->since_ms, 0);
	size_t count = 0, every;

	for (; at < s->until_ms && count < BARS_MAX; at = next_bar(at, hours))
		fill_bar(s, &bars[count++], at, hours);
	every = (count + LABELS_MAX - 1) / LABELS_MAX;
	for (size_t i = 0; i < count; i++)
		if (i % every != 0)
			bars[i].label = NULL;
	return count;
}

static void put_plot(const struct stats *s, FILE *out)
{
	bool hours = s->until_ms - s->since_ms <= HOURS_MAX * HOUR_MS;
	struct plot_bar *bars =
		ARENA_ARRAY(s->arena, struct plot_bar, BARS_MAX);
	struct slice span = arena_printf(
		s->arena, "%s to %s", since_text(s->arena, s->since_ms).p,
		since_text_zone(s->arena, s->until_ms).p);
	struct plot plot = {.title = hours ? "Messages an hour"
					   : "Messages a day",
			    .subtitle = span.p,
			    .bars = bars,
			    .count = fill_bars(s, bars, hours)};

	plot_write(out, &plot);
}

/* Opened before root becomes the history's owner, who may not write there. */
static int open_plot(const char *path, FILE **out_r)
{
	*out_r = NULL;
	if (path)
		*out_r = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	if (!path || *out_r)
		return 0;
	return verb_failed(&verb_stats, EXIT_FAILED, "cannot write %s: %s",
			   path, strerror(errno));
}

static int close_plot(const char *path, FILE *out)
{
	bool bad = fflush(out) != 0 || ferror(out) != 0;

	if (out != stdout)
		bad |= fclose(out) != 0;
	return bad ? verb_failed(&verb_stats, EXIT_FAILED,
				 "cannot write all of %s", path)
		   : EXIT_DONE;
}

static int show(struct stats *s, const struct conf *conf, FILE *plot)
{
	struct err err;
	bool absent;
	int rc;

	s->history = open_history(conf, &absent, &err);
	if (!s->history)
		return verb_failed(&verb_stats,
				   absent ? EXIT_INVALID : EXIT_FAILED, "%s",
				   err.text);
	rc = read_history(s);
	if (rc == 0 && plot)
		put_plot(s, plot);
	else if (rc == 0 && s->options->json)
		put_json(s);
	else if (rc == 0)
		put_stats(s);
	history_close(&s->history);
	return rc;
}

static int run_stats(struct stats *s, const struct conf *conf)
{
	const char *path = s->options->plot;
	FILE *plot;
	int rc = open_plot(path, &plot), closed;

	if (rc != 0)
		return rc;
	rc = show(s, conf, plot);
	closed = plot ? close_plot(path, plot) : EXIT_DONE;
	return rc != 0 ? rc : closed;
}

static int run(int argc, char **argv)
{
	struct options o = {.json = false};
	struct stats s = {.options = &o, .now_ms = clock_wall_us() / 1000};
	struct conf *conf;
	int rc = args_read(&verb_stats, rows, &o, argc, argv);

	if (rc == 0)
		rc = read_span(&s);
	if (rc != 0)
		return rc;
	conf = args_conf(&verb_stats, &o.args, &rc);
	if (!conf)
		return rc;
	s.arena = arena_new(0);
	rc = run_stats(&s, conf);
	arena_free(&s.arena);
	conf_free(&conf);
	return rc;
}

const struct verb verb_stats = {
	.name = "stats",
	.usage = "[-c CONF] [--set key=value]… "
		 "[--day | --week | --month | --since TIME] [--until TIME] "
		 "[--json] [--plot FILE.svg]",
	.doc = "Sums the history up: what came of the mail, who sent most, "
	       "what was found most; or draws it.",
	.run = run,
};
