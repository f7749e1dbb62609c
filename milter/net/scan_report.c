/*
 * Numbers are eight bytes, the least first; texts a number and that many
 * bytes. A list is its length and its items. Nothing is aligned.
 */
#include "milter/net/scan_report.h"
#include "common/base/utf8.h"

#include <string.h>

#define VERSION 1
/* The least a packed part takes: five numbers and three lengths. */
#define PART_BYTES (8 * (size_t)8)
/* Kept back for all that is not parts. */
#define HEAD_BYTES ((size_t)(SCAN_NAMES_MAX + 4) * (SCAN_TEXT_MAX + 8) + 256)

const char *scan_result_word(enum scan_result result)
{
	static const char *const words[SCAN_RESULTS] = {
		[SCAN_CLEAN] = "clean",
		[SCAN_INFECTED] = "infected",
		[SCAN_UNSCANNED] = "unscanned",
	};

	return words[result];
}

const char *scan_trouble_word(enum scan_trouble trouble)
{
	static const char *const words[SCAN_TROUBLES] = {
		[SCAN_NO_TROUBLE] = "none",
		[SCAN_DOWN] = "down",
		[SCAN_NO_DATABASE] = "no_database",
		[SCAN_BUSY] = "busy",
		[SCAN_TIMEOUT] = "timeout",
		[SCAN_CRASHED] = "crashed",
		[SCAN_LIMIT] = "limit",
		[SCAN_ERROR] = "error",
	};

	return words[trouble];
}

bool scan_trouble_is_the_message(enum scan_trouble trouble)
{
	return trouble == SCAN_TIMEOUT || trouble == SCAN_CRASHED ||
	       trouble == SCAN_LIMIT || trouble == SCAN_ERROR;
}

static void put_number(struct buf *out, uint64_t value)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(value >> (8 * i));
	buf_add(out, (struct slice){bytes, sizeof(bytes)});
}

static void put_text(struct buf *out, struct slice text)
{
	text = utf8_cut(text, SCAN_TEXT_MAX);
	put_number(out, text.n);
	buf_add(out, text);
}

static void put_part(struct buf *out, const struct scan_part *part)
{
	put_text(out, part->name);
	put_text(out, part->type);
	put_text(out, part->kind);
	put_number(out, part->size);
	put_number(out, part->depth);
	put_number(out, part->parent);
	put_number(out, part->encrypted);
	put_number(out, 0);
}

/* How many of the parts find room, at most. */
static size_t parts_that_fit(const struct scan_report *report)
{
	size_t room = SCAN_REPORT_MAX - HEAD_BYTES, n = 0;

	while (n < report->part_count && n < SCAN_PARTS_MAX) {
		const struct scan_part *part = &report->parts[n];
		size_t need = PART_BYTES +
			      utf8_cut(part->name, SCAN_TEXT_MAX).n +
			      utf8_cut(part->type, SCAN_TEXT_MAX).n +
			      utf8_cut(part->kind, SCAN_TEXT_MAX).n;

		if (need > room)
			break;
		room -= need;
		n++;
	}
	return n;
}

struct slice scan_report_pack(struct arena *arena,
			      const struct scan_report *report)
{
	struct buf out = BUF(arena);
	size_t parts = parts_that_fit(report);
	size_t names = report->name_count < SCAN_NAMES_MAX ? report->name_count
							   : SCAN_NAMES_MAX;

	put_number(&out, VERSION);
	put_number(&out, report->result);
	put_number(&out, report->trouble);
	put_text(&out, report->reason);
	put_number(&out, names);
	for (size_t i = 0; i < names; i++)
		put_text(&out, report->names[i]);
	put_number(&out, report->parts_complete && parts == report->part_count);
	put_number(&out, report->parts_known);
	put_text(&out, report->engine);
	put_number(&out, report->database_version);
	put_number(&out, (uint64_t)report->database_time);
	put_number(&out, report->signatures);
	put_number(&out, (uint64_t)report->us);
	put_number(&out, parts);
	for (size_t i = 0; i < parts; i++)
		put_part(&out, &report->parts[i]);
	return buf_slice(&out);
}

/* What is left to read; `bad` once something did not hold. */
struct reader {
	struct slice rest;
	bool bad;
};

/* A number that must be below `bound`; 0 once the bytes are bad. */
static uint64_t get_number(struct reader *r, uint64_t bound)
{
	uint64_t value = 0;

	if (r->bad || r->rest.n < 8) {
		r->bad = true;
		return 0;
	}
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)(unsigned char)r->rest.p[i] << (8 * i);
	r->rest = slice_sub(r->rest, 8, r->rest.n);
	if (value < bound)
		return value;
	r->bad = true;
	return 0;
}

static struct slice get_text(struct reader *r)
{
	uint64_t n = get_number(r, SCAN_REPORT_MAX);
	struct slice text;

	if (r->bad || n > r->rest.n) {
		r->bad = true;
		return SLICE_NONE;
	}
	text = slice_sub(r->rest, 0, (size_t)n);
	r->rest = slice_sub(r->rest, (size_t)n, r->rest.n);
	return utf8_cut(text, SCAN_TEXT_MAX);
}

static void get_part(struct reader *r, const struct scan_report *report,
		     size_t index, struct scan_part *part)
{
	part->name = get_text(r);
	part->type = get_text(r);
	part->kind = get_text(r);
	part->size = get_number(r, UINT64_MAX);
	part->depth = (unsigned)get_number(r, UINT16_MAX);
	part->parent = (unsigned)get_number(r, SCAN_PARTS_MAX);
	part->encrypted = get_number(r, 2) != 0;
	(void)get_number(r, 1);
	if (part->depth > 0 &&
	    (part->parent >= index ||
	     report->parts[part->parent].depth != part->depth - 1))
		r->bad = true;
}

static void get_parts(struct reader *r, struct arena *arena,
		      struct scan_report *report)
{
	size_t count = (size_t)get_number(r, SCAN_PARTS_MAX + 1);

	if (r->bad || count > r->rest.n / PART_BYTES) {
		r->bad = true;
		return;
	}
	report->parts = ARENA_ARRAY(arena, struct scan_part, count + 1);
	for (size_t i = 0; i < count && !r->bad; i++)
		get_part(r, report, i, &report->parts[i]);
	report->part_count = count;
}

bool scan_report_unpack(struct arena *arena, struct slice packed,
			struct scan_report *report_r)
{
	struct reader r = {packed, packed.n > SCAN_REPORT_MAX};
	struct scan_report *to = report_r;

	*to = (struct scan_report){.result = SCAN_UNSCANNED};
	if (get_number(&r, VERSION + 1) != VERSION)
		r.bad = true;
	to->result = (enum scan_result)get_number(&r, SCAN_RESULTS);
	to->trouble = (enum scan_trouble)get_number(&r, SCAN_TROUBLES);
	to->reason = get_text(&r);
	to->name_count = (size_t)get_number(&r, SCAN_NAMES_MAX + 1);
	for (size_t i = 0; i < to->name_count && !r.bad; i++)
		to->names[i] = get_text(&r);
	to->parts_complete = get_number(&r, 2) != 0;
	to->parts_known = get_number(&r, 2) != 0;
	to->engine = get_text(&r);
	to->database_version = get_number(&r, UINT64_MAX);
	to->database_time = (int64_t)get_number(&r, INT64_MAX);
	to->signatures = get_number(&r, UINT64_MAX);
	to->us = (int64_t)get_number(&r, INT64_MAX);
	get_parts(&r, arena, to);
	/* An unscanned message has a reason, an infected one a name. */
	if ((to->result == SCAN_UNSCANNED) != (to->trouble != SCAN_NO_TROUBLE) ||
	    (to->result == SCAN_INFECTED && to->name_count == 0))
		r.bad = true;
	return !r.bad && r.rest.n == 0;
}
