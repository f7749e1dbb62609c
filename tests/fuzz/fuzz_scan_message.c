/*
 * A message on its way through the scanner: taken apart by GMime, its
 * archives listed by libarchive, its leaves given to an engine that knows
 * one signature and counts what it gets. The first byte picks the limits, and
 * whether the walk over MIME is looked at alone.
 */
#include "milter/scan/kind.h"
#include "milter/scan/mime.h"
#include "milter/scan/scan_message.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE SLICE("no-virus-but-found")
#define HOUR_MS (3600 * 1000)

/* What the first byte picks: '0' and '8' the first. */
static const struct scan_limits limits_of[8] = {
	{64 << 20, 2000, 50, HOUR_MS}, {64 << 20, 1, 50, HOUR_MS},
	{64 << 20, 3, 50, HOUR_MS},    {64 << 20, 2000, 1, HOUR_MS},
	{64 << 20, 5, 2, HOUR_MS},     {100, 2000, 50, HOUR_MS},
	{4000, 2000, 50, HOUR_MS},     {64 << 20, 2000, 50, -1},
};
static const struct scan_limits *const wide = &limits_of[0];

struct tally {
	size_t looks;
	uint64_t bytes; /* of leaves */
	bool found;
};

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void look(const void *with, struct slice bytes, struct scan_found *found)
{
	struct tally *tally = *(struct tally *const *)with;

	/* The first is the whole message. */
	if (tally->looks++ > 0)
		tally->bytes += bytes.n;
	if (slice_search_nocase(bytes, SIGNATURE) == bytes.n)
		return;
	tally->found = true;
	found->signature = true;
	found->names[0] = SLICE("Fuzz");
	found->name_count = 1;
}

static void check_part(const struct scan_report *report, size_t i)
{
	const struct scan_part *part = &report->parts[i];
	const struct scan_part *parent;

	need(part->name.n <= SCAN_TEXT_MAX && part->type.n <= SCAN_TEXT_MAX);
	need(part->kind.n <= SCAN_TEXT_MAX);
	if (part->depth == 0)
		return;
	need(part->parent < i);
	parent = &report->parts[part->parent];
	need(parent->depth == part->depth - 1);
	need(kind_is_archive(parent->kind));
}

/* A worker can read what is told, and it is the same then. */
static void check_report(struct arena *a, const struct scan_report *report)
{
	struct slice packed = scan_report_pack(a, report);
	struct scan_report again;

	need(report->part_count <= SCAN_PARTS_MAX);
	for (size_t i = 0; i < report->part_count; i++)
		check_part(report, i);
	need(packed.n <= SCAN_REPORT_MAX);
	need(scan_report_unpack(a, packed, &again));
	need(again.result == report->result);
	need(again.part_count == report->part_count || !again.parts_complete);
}

static struct tally run(struct arena *a, struct slice message,
			const struct scan_limits *limits,
			struct scan_report *report_r)
{
	struct tally tally = {.looks = 0}, *with = &tally;
	const struct scan_engine engine = {look, &with};

	scan_message(a, message, &engine, limits, report_r);
	check_report(a, report_r);
	need((report_r->result == SCAN_INFECTED) == tally.found);
	need(tally.bytes <= limits->scan_size);
	return tally;
}

/* What is clean within limits has been looked at as without them. */
static void check_limits(struct arena *a, struct slice message,
			 const struct scan_limits *limits)
{
	struct scan_report report, all, listed;
	struct tally some = run(a, message, limits, &report);
	struct tally every = some;

	all = report;
	if (limits != wide)
		every = run(a, message, wide, &all);
	if (report.result == SCAN_CLEAN)
		need(some.looks == every.looks && some.bytes == every.bytes);
	if (report.parts_complete)
		need(report.part_count == all.part_count && all.parts_complete);
	scan_message(a, message, NULL, limits, &listed);
	check_report(a, &listed);
	need(listed.result == SCAN_CLEAN);
	if (report.parts_complete && listed.parts_complete)
		need(listed.part_count == report.part_count);
}

struct count {
	unsigned sure, all;
};

static int count_leaf(void *with, const struct mime_leaf *leaf)
{
	struct count *count = with;

	count->sure += !leaf->doubtful;
	count->all++;
	return 0;
}

static void check_walk(struct slice message, const struct mime_limits *limits)
{
	const struct mime_limits none = {100000, 1000};
	struct count some = {0, 0}, every = {0, 0};
	bool whole = mime_walk(message, limits, count_leaf, &some);

	mime_walk(message, &none, count_leaf, &every);
	need(some.sure <= limits->leaves);
	need(!whole || some.all == every.all);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mime_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scan_limits *limits;
	struct slice message;
	struct arena *a;
	char *copy;

	/* Of its own, so that a read past its end is seen. */
	if (size == 0 || !(copy = malloc(size - 1 ? size - 1 : 1)))
		return 0;
	memcpy(copy, data + 1, size - 1);
	message = (struct slice){copy, size - 1};
	limits = &limits_of[data[0] % 8];
	a = arena_new(0);
	if (data[0] & 8)
		check_walk(message, &(struct mime_limits){limits->files,
							  limits->recursion});
	else
		check_limits(a, message, limits);
	arena_free(&a);
	free(copy);
	return 0;
}
