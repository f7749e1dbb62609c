/*
 * Written from the table of families; a few families that are no counters
 * follow it. Both formats have the same names and labels for the samples,
 * so a monitor that changes format goes on with the same series; they
 * differ in how a family is announced.
 */
#include "config.h"

#include "milter/daemon/metrics.h"
#include "common/base/utf8.h"
#include "milter/daemon/accept.h"
#include "milter/daemon/families.h"
#include "milter/daemon/resident.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_ROOM 40

/* How a family is announced. */
struct announced {
	const char *name, *unit, *help;
	const char *kind; /* in OpenMetrics' words */
};

struct label {
	const char *name, *value;
};

/* The labels of one sample: two of the family, and le. */
struct labels {
	struct label list[3];
	size_t count;
};

struct writer {
	struct buf *out;
	const struct counters *counters;
	bool open; /* OpenMetrics */
};

/* Both formats escape '\' and line ends; the rest depends on the place. */
static void add_escaped(struct buf *out, struct slice text, bool quotes)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n') {
			buf_add_text(out, "\\n");
			continue;
		}
		if (text.p[i] == '\\' || (quotes && text.p[i] == '"'))
			buf_add_char(out, '\\');
		buf_add_char(out, text.p[i]);
	}
}

static void add_line(struct writer *w, const char *word,
		     const struct announced *family, bool total)
{
	buf_add_text(w->out, "# ");
	buf_add_text(w->out, word);
	buf_add_text(w->out, " gatepost_");
	buf_add_text(w->out, family->name);
	if (total)
		buf_add_text(w->out, "_total");
	buf_add_char(w->out, ' ');
}

/* The old format names counters as their samples, and knows no info. */
static void announce(struct writer *w, const struct announced *family)
{
	bool counter = family->kind[0] == 'c', info = family->kind[0] == 'i';
	struct announced named = *family;
	char name[64];

	if (info && !w->open) {
		snprintf(name, sizeof(name), "%s_info", family->name);
		named.name = name;
		named.kind = "gauge";
	}
	add_line(w, "HELP", &named, counter && !w->open);
	add_escaped(w->out, slice_cstr(family->help), w->open);
	buf_add_char(w->out, '\n');
	add_line(w, "TYPE", &named, counter && !w->open);
	buf_add_text(w->out, named.kind);
	buf_add_char(w->out, '\n');
	if (!w->open || !family->unit)
		return;
	add_line(w, "UNIT", &named, false);
	buf_add_text(w->out, family->unit);
	buf_add_char(w->out, '\n');
}

/* Names of a configuration come from a mapping that others write. */
static void add_labels(struct buf *out, const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->list[i];

		buf_add_char(out, i > 0 ? ',' : '{');
		buf_add_text(out, label->name);
		buf_add_text(out, "=\"");
		add_escaped(out,
			    utf8_shown(out->arena, slice_cstr(label->value)),
			    true);
		buf_add_char(out, '"');
	}
	if (labels->count > 0)
		buf_add_char(out, '}');
}

static void add_sample(struct writer *w, const char *name, const char *suffix,
		       const struct labels *labels, const char *number)
{
	buf_add_text(w->out, "gatepost_");
	buf_add_text(w->out, name);
	buf_add_text(w->out, suffix);
	add_labels(w->out, labels);
	buf_add_char(w->out, ' ');
	buf_add_text(w->out, number);
	buf_add_char(w->out, '\n');
}

static void add_whole(struct writer *w, const char *name, const char *suffix,
		      const struct labels *labels, uint64_t value)
{
	char number[NUMBER_ROOM];

	snprintf(number, sizeof(number), "%" PRIu64, value);
	add_sample(w, name, suffix, labels, number);
}

/* Without trailing zeros, but "1.0": the canonical form of OpenMetrics. */
static void seconds_text(int64_t us, char number[NUMBER_ROOM])
{
	int n = snprintf(number, NUMBER_ROOM, "%" PRId64 ".%06" PRId64,
			 us / 1000000, us % 1000000);

	while (n > 2 && number[n - 1] == '0' && number[n - 2] != '.')
		number[--n] = '\0';
}

static void add_histogram(struct writer *w, const struct family *family,
			  unsigned cell, const struct labels *labels)
{
	struct labels with_le = *labels;
	struct label *le = &with_le.list[with_le.count++];
	char number[NUMBER_ROOM];
	uint64_t count = 0;

	le->name = "le";
	le->value = number;
	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		count += family_value(family, w->counters, cell + i);
		if (i < HISTOGRAM_BUCKETS)
			seconds_text(histogram_bounds_us[i], number);
		else
			le->value = "+Inf";
		add_whole(w, family->name, "_bucket", &with_le, count);
	}
	add_whole(w, family->name, "_count", labels, count);
	seconds_text((int64_t)family_value(family, w->counters,
					   cell + HISTOGRAM_SUM),
		     number);
	add_sample(w, family->name, "_sum", labels, number);
}

/* One value of each label. */
static void add_value(struct writer *w, const struct family *family,
		      unsigned cell, const struct labels *labels)
{
	if (family->kind == FAMILY_HISTOGRAM)
		add_histogram(w, family, cell * HISTOGRAM_CELLS, labels);
	else
		add_whole(w, family->name,
			  family->kind == FAMILY_COUNTER ? "_total" : "",
			  labels, family_value(family, w->counters, cell));
}

/* All values of the label number `depth` and those after it. */
static void add_values(struct writer *w, const struct family *family,
		       unsigned depth, unsigned cell, struct labels *labels)
{
	const struct family_label *label =
		depth < 2 ? family->labels[depth] : NULL;
	unsigned count;

	if (!label) {
		add_value(w, family, cell, labels);
		return;
	}
	count = family_label_values(label, w->counters);
	for (unsigned i = 0; i < count; i++) {
		char room[NAMES_LENGTH + 1];
		unsigned at;
		const char *text =
			family_label_text(label, w->counters, i, room, &at);

		if (!text)
			continue;
		labels->list[labels->count++] =
			(struct label){label->name, text};
		add_values(w, family, depth + 1,
			   cell * family_label_cells(label) + at, labels);
		labels->count--;
	}
}

static void add_family(struct writer *w, const struct family *family)
{
	static const char *const kinds[] = {
		[FAMILY_COUNTER] = "counter",
		[FAMILY_GAUGE] = "gauge",
		[FAMILY_HISTOGRAM] = "histogram",
	};
	struct labels labels = {.count = 0};

	announce(w, &(struct announced){family->name, family->unit,
					family->help, kinds[family->kind]});
	add_values(w, family, 0, 0, &labels);
}

/* What is known of processes by role. */
static void add_processes(struct writer *w)
{
	static const struct announced up = {
		"processes", NULL, "Processes that run.", "gauge"};
	static const struct announced memory = {
		"resident_memory_bytes", "bytes",
		"Resident memory of the processes of a role.", "gauge"};
	struct counters_process *list = ARENA_ARRAY(
		w->out->arena, struct counters_process, COUNTERS_SLOTS);
	size_t count = counters_processes(w->counters, list, COUNTERS_SLOTS);
	uint64_t number[ROLES] = {0}, bytes[ROLES] = {0};

	for (size_t i = 0; i < count; i++) {
		number[list[i].role]++;
		bytes[list[i].role] += resident_bytes(list[i].pid);
	}
	for (int k = 0; k < 2; k++) {
		const struct announced *family = k == 0 ? &up : &memory;

		announce(w, family);
		for (unsigned i = 0; i < ROLES; i++) {
			struct labels labels = {
				.list = {{"role", role_word((enum role)i)}},
				.count = 1};

			add_whole(w, family->name, "", &labels,
				  k == 0 ? number[i] : bytes[i]);
		}
	}
}

static void add_build(struct writer *w)
{
	static const struct announced build = {
		"build", NULL, "The version that runs.", "info"};
	const struct labels version = {.list = {{"version", PACKAGE_VERSION}},
				       .count = 1};

	announce(w, &build);
	add_sample(w, build.name, "_info", &version, "1");
}

static void add_start(struct writer *w)
{
	static const struct announced start = {
		"start_time_seconds", "seconds",
		"When gatepostd started, in seconds since the epoch.",
		"gauge"};
	const struct labels none = {.count = 0};
	char number[NUMBER_ROOM];

	announce(w, &start);
	seconds_text(counters_started_ms(w->counters) * 1000, number);
	add_sample(w, start.name, "", &none, number);
}

void metrics_write(struct buf *out, const struct counters *counters,
		   enum metrics_format format)
{
	struct writer w = {out, counters, format == METRICS_OPEN};
	const struct family *family;

	for (unsigned i = 0; (family = family_at(i)); i++)
		add_family(&w, family);
	add_processes(&w);
	add_start(&w);
	add_build(&w);
	if (w.open)
		buf_add_text(out, "# EOF\n");
}

enum metrics_format metrics_choose(struct slice accept)
{
	const struct media open = {
		SLICE("application"), SLICE("openmetrics-text"),
		SLICE("1.0.0")};
	const struct media plain = {SLICE("text"), SLICE("plain"),
					   SLICE("0.0.4")};

	return accept_weight(accept, &open, true) >
			       accept_weight(accept, &plain, false)
		       ? METRICS_OPEN
		       : METRICS_TEXT;
}

const char *metrics_type(enum metrics_format format)
{
	return format == METRICS_OPEN
		       ? "application/openmetrics-text; version=1.0.0; "
			 "charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}
