/*
 * The samples as a command, for the tests of gatepost:
 *
 *	samples explain NAME		as `gatepost check` would
 *	samples list			names, ids, times, queue ids
 *	samples fill DIR [NAME…]	adds them (all) to DIR/history.db
 *	samples twins DIR		two messages with one queue id
 *	samples traffic DIR END HOURS	as many hours of traffic up to then
 */
#include "common/base/clock.h"
#include "common/verdict/wire.h"
#include "milter/cli/explain.h"
#include "milter/store/history.h"
#include "tests/support/samples.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 100

struct filler {
	struct arena *arena;
	struct history *history;
	struct slice packed[BATCH];
	size_t count;
};

static void flush(struct filler *f)
{
	struct history_news news;
	struct err err;
	unsigned bad = 0;

	if (f->count > 0 &&
	    history_add(f->history, f->packed, f->count,
			clock_mono_ms() + 10000, &bad, &news, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	if (bad > 0)
		exit(1);
	f->count = 0;
}

static void add(struct filler *f, const struct record *record)
{
	struct buf out = BUF(f->arena);

	record_pack(&out, record);
	f->packed[f->count++] = buf_slice(&out);
	if (f->count == BATCH)
		flush(f);
}

static void open_filler(struct filler *f, const char *folder)
{
	const struct history_conf conf = {.enabled = true,
					  .keep = {INT64_C(3650) * 86400000},
					  .records = 1000000,
					  .size = {INT64_C(1) << 32}};
	char path[4096];
	struct err err;

	history_path(folder, path, sizeof(path));
	f->history = history_open(path, &conf, &err);
	if (!f->history) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 3;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = (*(const struct record *const *)a)->time_ms;
	int64_t y = (*(const struct record *const *)b)->time_ms;

	return x < y ? -1 : x > y;
}

static void fill(struct filler *f, const struct sample *samples, int argc,
		 char **argv)
{
	const struct record *wanted[100];
	size_t count = 0;

	for (const struct sample *s = samples; s->name; s++)
		for (size_t i = 0; i < s->count; i++)
			if (is_wanted(s->name, argc, argv))
				wanted[count++] = &s->records[i];
	qsort(wanted, count, sizeof(wanted[0]), by_time);
	for (size_t i = 0; i < count; i++)
		add(f, wanted[i]);
}

/* Each hour some of each kind, more of them by day. */
static void traffic(struct filler *f, const struct sample *samples,
		    int64_t end_s, int hours)
{
	static const struct {
		const char *name;
		int per_hour;
	} mix[] = {{"clean", 20}, {"tagged", 4},     {"rejected", 7},
		   {"sent", 9},	  {"greylisted", 3}, {"deferred_by_dns", 1},
		   {"shadow", 0}};

	for (int hour = 0; hour < hours; hour++)
		for (size_t k = 0; k < sizeof(mix) / sizeof(mix[0]); k++) {
			const struct sample *s =
				samples_find(samples, mix[k].name);
			int64_t begin = end_s - (hours - hour) * 3600;
			int n = mix[k].per_hour * (hour % 24 + 6) / 12;

			for (int i = 0; i < n; i++) {
				struct record r = s->records[0];

				r.id = arena_printf(f->arena, "t%05d%02d%08d",
						    hour, (int)k, i);
				r.time_ms = (begin + i * 3600 / n) * 1000;
				r.sender = arena_printf(
					f->arena, "user%d@example.org", i % 7);
				add(f, &r);
			}
		}
}

static void twins(struct filler *f, const struct sample *samples)
{
	for (int i = 1; i < 3; i++) {
		struct record r = samples_find(samples, "clean")->records[0];

		r.id = arena_printf(f->arena, "twin%d", i);
		r.queue_id = SLICE("4QTWINz");
		r.message_id =
			arena_printf(f->arena, "<twin%d@example.org>", i);
		add(f, &r);
	}
}

static void list(const struct sample *samples)
{
	for (const struct sample *s = samples; s->name; s++)
		for (size_t i = 0; i < s->count; i++)
			printf("%s %.*s %lld %.*s\n", s->name,
			       SLICE_FMT(s->records[i].id),
			       (long long)s->records[i].time_ms / 1000,
			       strcmp(s->name, "hostile") == 0
				       ? 1
				       : (int)s->records[i].queue_id.n,
			       s->records[i].queue_id.p);
}

int main(int argc, char **argv)
{
	struct filler f = {.arena = arena_new(0)};
	const struct sample *samples = samples_make(f.arena), *one;
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		list(samples);
	if (argc == 3 && strcmp(verb, "explain") == 0) {
		one = samples_find(samples, argv[2]);
		if (one)
			explain_story(stdout, one->records, one->count,
				      one->count - 1);
	}
	if (argc > 2 && strcmp(verb, "fill") == 0) {
		open_filler(&f, argv[2]);
		fill(&f, samples, argc, argv);
	}
	if (argc == 3 && strcmp(verb, "twins") == 0) {
		open_filler(&f, argv[2]);
		twins(&f, samples);
	}
	if (argc == 5 && strcmp(verb, "traffic") == 0) {
		open_filler(&f, argv[2]);
		traffic(&f, samples, strtoll(argv[3], NULL, 10),
			(int)strtol(argv[4], NULL, 10));
	}
	if (f.history) {
		flush(&f);
		history_close(&f.history);
	}
	arena_free(&f.arena);
	return 0;
}
