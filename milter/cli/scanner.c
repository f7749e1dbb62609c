/*
 * gatepost scanner status: what scans for viruses here, with which
 * signatures, how old they are, and what it costs in memory.
 */
#include "milter/cli/args.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/recorder.h"
#include "milter/cli/since.h"

#include "common/base/clock.h"
#include "milter/checks/antivirus_conf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY_MAX 256

struct options {
	struct args args;
	bool json;
};

static const struct arg rows[] = {
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{0},
};

/* The supervisor, what it has forked, and what those have. */
struct family {
	int pid[FAMILY_MAX];
	size_t count;
	uint64_t bytes;	 /* of memory, what is shared counted once */
	bool exact;	 /* false: we may not see what is shared */
};

/* A number of the file that stands behind `name`; 0: there is none. */
static uint64_t number_in(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;
	size_t n = strlen(name);
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, n) == 0)
			number = strtoull(line + n, NULL, 10);
	if (file)
		fclose(file);
	return number;
}

static void add_memory(struct family *f, int pid)
{
	char path[64];
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	kib = number_in(path, "Pss:");
	if (kib == 0) {
		f->exact = false;
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		kib = number_in(path, "VmRSS:");
	}
	f->bytes += kib * 1024;
}

static bool has(const struct family *f, int pid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->pid[i] == pid)
			return true;
	return false;
}

/* One look through /proc; whether somebody was found. */
static bool grow(struct family *f)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t before = f->count;
	char path[64];

	while (dir && (entry = readdir(dir)) != NULL) {
		int pid = (int)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || has(f, pid) || f->count == FAMILY_MAX)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		if (has(f, (int)number_in(path, "PPid:")))
			f->pid[f->count++] = pid;
	}
	if (dir)
		closedir(dir);
	return f->count > before;
}

static void find_family(const struct json_value *live, struct family *f)
{
	const struct json_value *list = json_member(live, "processes");

	*f = (struct family){.exact = true};
	for (size_t i = 0; list && i < list->count; i++)
		if (slice_eq(json_text(&list->items[i], "role"),
			     SLICE("scanner")) &&
		    f->count < FAMILY_MAX)
			f->pid[f->count++] =
				(int)json_number(&list->items[i], "pid");
	while (f->count > 0 && grow(f))
		;
	for (size_t i = 0; i < f->count; i++)
		add_memory(f, f->pid[i]);
}

static void line(const char *label, struct slice text)
{
	printf("%-11s %.*s\n", label, SLICE_FMT(text));
}

static struct slice state_words(const struct json_value *scanner)
{
	struct slice state = json_text(scanner, "state");

	if (slice_eq(state, SLICE("serving")))
		return SLICE("scans");
	if (slice_eq(state, SLICE("loading")))
		return SLICE("loads its first signatures; messages wait for "
			     "it");
	if (slice_eq(state, SLICE("old")))
		return SLICE("scans, but see Trouble");
	return SLICE("DOES NOT SCAN; the log says why");
}

static void put_signatures(struct arena *a, const struct json_value *scanner)
{
	int64_t made_ms = (int64_t)json_number(scanner, "database_time") * 1000;
	int64_t age_ms = clock_wall_us() / 1000 - made_ms;

	if (json_number(scanner, "signatures") <= 0) {
		line("Signatures", SLICE("none"));
		return;
	}
	line("Signatures",
	     arena_printf(a, "%.0f, the newest of %.*s, %.*s old",
			  json_number(scanner, "signatures"),
			  SLICE_FMT(since_text(a, made_ms)),
			  SLICE_FMT(since_span(a, age_ms))));
	if (json_number(scanner, "database_version") > 0)
		line("Version",
		     arena_printf(a, "%.0f of the daily signatures",
				  json_number(scanner, "database_version")));
	line("Loaded",
	     since_text(a, (int64_t)json_number(scanner, "loaded") * 1000));
}

static void put_trouble(const struct json_value *scanner)
{
	if (json_number(scanner, "overaged") > 0)
		line("Trouble", SLICE("the signatures are older than "
				      "antivirus.max_age: is freshclam "
				      "running?"));
	if (json_number(scanner, "restless") > 0)
		line("Trouble", SLICE("the signatures keep changing; the log "
				      "says more"));
	if (json_number(scanner, "load_failed") > 0)
		line("Trouble", SLICE("the newest signatures cannot be "
				      "loaded; the log says why"));
}

static void put_waits(struct arena *a, const struct json_value *waits)
{
	double most_ms = waits ? json_number(waits, "at_most_ms") : 0;

	if (most_ms > 0)
		line("Waits", arena_printf(a, "%.1f ms for a scanner in the "
					   "mean, none over %.0f ms",
					   json_number(waits, "mean_ms"),
					   most_ms));
}

static void put_text(struct arena *a, const struct conf *conf,
		     const struct json_value *scanner, const struct family *f)
{
	const struct antivirus_conf *antivirus =
		conf_group(conf, &antivirus_settings);
	bool ours = slice_eq(antivirus->engine.s, SLICE("libclamav"));

	struct slice version = json_text(scanner, "engine");

	line("Engine", version.n > 0
			       ? arena_printf(a, "%.*s, %.*s",
					      SLICE_FMT(antivirus->engine.s),
					      SLICE_FMT(version))
			       : antivirus->engine.s);
	if (f->count > 0)
		line("Scanner", ours ? state_words(scanner)
				     : SLICE("takes messages apart for "
					     "attachment rules"));
	if (ours)
		put_signatures(a, scanner);
	if (f->count > 0)
		line("Memory",
		     arena_printf(a, "%.*s in %zu processes%s",
				  SLICE_FMT(explain_size(a, f->bytes)),
				  f->count,
				  f->exact ? ""
					   : ", what they share counted for "
					     "each (root sees more)"));
	line("Queue", arena_printf(a, "%.0f wait, %.0f of %.0f scanners at "
				   "work",
				   json_number(scanner, "queued"),
				   json_number(scanner, "busy"),
				   json_number(scanner, "scanners")));
	put_waits(a, json_member(scanner, "queue_wait"));
	line("Since start",
	     arena_printf(a, "%.0f clean, %.0f infected, %.0f unscanned",
			  json_number(scanner, "clean"),
			  json_number(scanner, "infected"),
			  json_number(scanner, "unscanned")));
	put_trouble(scanner);
}

static void put_json(struct arena *a, const struct json_value *scanner,
		     const struct family *f)
{
	const char *const numbers[] = {
		"signatures", "database_version", "database_time", "loaded",
		"overaged",   "restless",	  "load_failed",   "queued",
		"scanners",   "busy",		  "clean",	   "infected",
		"unscanned"};
	const size_t count = sizeof(numbers) / sizeof(numbers[0]);
	struct json_field fields[20] = {
		{"state", JSON_FIELD_TEXT, json_text(scanner, "state"), 0},
		{"engine", JSON_FIELD_TEXT, json_text(scanner, "engine"), 0},
		JSON_NUMBER("processes", f->count),
		JSON_NUMBER("memory_bytes", f->bytes),
	};

	for (size_t i = 0; i < count; i++)
		fields[4 + i] = (struct json_field)JSON_NUMBER(
			numbers[i], json_number(scanner, numbers[i]));
	printf("%s\n", json_line(a, fields, 4 + count).p);
}

static int show(const struct options *o, const struct conf *conf)
{
	struct arena *arena = arena_new(0);
	const struct json_value *live, *scanner;
	struct slice text;
	struct family family;
	struct err err;
	int rc = EXIT_DONE;

	live = recorder_status(arena, conf, &text, &err);
	scanner = live ? json_member(live, "scanner") : NULL;
	if (!scanner) {
		rc = verb_failed(&verb_scanner, EXIT_FAILED, "%s",
				 live ? "the daemon is of another version"
				      : err.text);
	} else {
		find_family(live, &family);
		if (o->json)
			put_json(arena, scanner, &family);
		else
			put_text(arena, conf, scanner, &family);
	}
	arena_free(&arena);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {.args = {.words_max = 1}};
	int rc = args_read(&verb_scanner, rows, &o, argc, argv);
	struct conf *conf;

	if (rc != 0)
		return rc;
	if (o.args.word_count == 0 || strcmp(o.args.words[0], "status") != 0)
		return verb_usage(&verb_scanner, "say what: status");
	conf = args_conf(&verb_scanner, &o.args, &rc);
	if (!conf)
		return rc;
	rc = show(&o, conf);
	conf_free(&conf);
	return rc;
}

const struct verb verb_scanner = {
	.name = "scanner",
	.usage = "[-c CONF] [--set key=value]… status [--json]",
	.doc = "What scans for viruses, with which signatures.",
	.run = run,
};
