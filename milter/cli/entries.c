/*
 * Greylist entries as a table or as JSON. A table that is too wide first
 * shortens the three texts, in their middle; on a narrow terminal each
 * entry takes two lines instead, so that addresses stay readable.
 */
#include "milter/cli/entries.h"

#include "common/base/buf.h"
#include "common/base/utf8.h"
#include "common/verdict/json.h"
#include "milter/cli/terminal.h"

enum column { KEY, STATE, TRIES, FROM, TO, VIA, COLUMNS };

static const char *const heads[COLUMNS] = {"KEY",  "STATE", "TRIES",
					   "FROM", "TO",    "VIA"};
#define GAP TERMINAL_GAP
/* Less room than this for from, to and via: two lines an entry. */
#define TEXTS_MIN 64

struct row {
	struct slice cell[COLUMNS];
};

struct table {
	FILE *out;
	struct row *rows; /* the heads first */
	size_t count;
	size_t widths[COLUMNS];
	size_t width; /* 0: any */
};

/* Days are enough where there are days: nobody counts their seconds. */
static struct slice span(struct arena *arena, int64_t ms, bool exact)
{
	long long s = (ms + 999) / 1000;

	if (s >= 86400)
		return arena_printf(arena, "%lldd", s / 86400);
	if (s >= 3600)
		return exact ? arena_printf(arena, "%lldh%02lldm", s / 3600,
					    s / 60 % 60)
			     : arena_printf(arena, "%lldh", s / 3600);
	if (s >= 60)
		return exact ? arena_printf(arena, "%lldm%02llds", s / 60,
					    s % 60)
			     : arena_printf(arena, "%lldm", s / 60);
	return arena_printf(arena, "%llds", s);
}

static struct slice state_of(struct arena *arena,
			     const struct greylist_entry *entry)
{
	if (entry->passed)
		return arena_printf(
			arena, "passed, %.*s left",
			SLICE_FMT(span(arena, entry->left_ms, false)));
	if (entry->wait_ms <= 0)
		return SLICE("may pass now");
	return arena_printf(arena, "waits %.*s",
			    SLICE_FMT(span(arena, entry->wait_ms, true)));
}

static struct row row_of(struct arena *arena,
			 const struct greylist_entry *entry)
{
	struct row row = {{
		[KEY] = entry->key,
		[STATE] = state_of(arena, entry),
		[TRIES] = arena_printf(arena, "%lld", (long long)entry->tries),
		[FROM] = entry->sender.n > 0 ? utf8_shown(arena, entry->sender)
					     : SLICE("<>"),
		[TO] = utf8_shown(arena, entry->rcpt),
		[VIA] = utf8_shown(arena, entry->origin),
	}};

	return row;
}

static void measure(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		for (int c = 0; c < COLUMNS; c++) {
			size_t n = utf8_count(t->rows[i].cell[c]);

			if (n > t->widths[c])
				t->widths[c] = n;
		}
}

/* Takes from the widest of the three texts until all fit. */
static void shrink(struct table *t, size_t room)
{
	size_t *w = t->widths;

	while (w[FROM] + w[TO] + w[VIA] > room) {
		int most = w[FROM] >= w[TO] ? FROM : TO;

		w[w[VIA] > w[most] ? (int)VIA : most]--;
	}
}

static void put_tries(const struct table *t, struct slice tries)
{
	fprintf(t->out, "%*.*s%*s", (int)t->widths[TRIES], SLICE_FMT(tries),
		GAP, "");
}

static void put_line(const struct table *t, const struct row *row)
{
	terminal_cell(t->out, row->cell[KEY], t->widths[KEY], false);
	terminal_cell(t->out, row->cell[STATE], t->widths[STATE], false);
	put_tries(t, row->cell[TRIES]);
	terminal_cell(t->out, row->cell[FROM], t->widths[FROM], false);
	terminal_cell(t->out, row->cell[TO], t->widths[TO], false);
	terminal_cell(t->out, row->cell[VIA], t->widths[VIA], true);
}

/* The origin stands below key and state, the recipient below the sender. */
static void put_two_lines(const struct table *t, const struct row *row,
			  size_t room)
{
	size_t left =
		t->widths[KEY] + t->widths[STATE] + t->widths[TRIES] + 2 * GAP;

	terminal_cell(t->out, row->cell[KEY], t->widths[KEY], false);
	terminal_cell(t->out, row->cell[STATE], t->widths[STATE], false);
	put_tries(t, row->cell[TRIES]);
	terminal_cell(t->out, row->cell[FROM], room, true);
	fprintf(t->out, "%*s", GAP, "");
	terminal_cell(t->out, row->cell[VIA], left - GAP, false);
	terminal_cell(t->out, row->cell[TO], room, true);
}

static void put_table(struct table *t)
{
	const size_t *w = t->widths;
	size_t fixed = w[KEY] + w[STATE] + w[TRIES] + 5 * GAP;
	size_t texts = w[FROM] + w[TO] + w[VIA];
	bool fits = t->width == 0 || fixed + texts <= t->width;

	if (fits || t->width >= fixed + TEXTS_MIN) {
		if (!fits)
			shrink(t, t->width - fixed);
		for (size_t i = 0; i < t->count; i++)
			put_line(t, &t->rows[i]);
		return;
	}
	fixed -= 2 * GAP;
	for (size_t i = 0; i < t->count; i++)
		put_two_lines(t, &t->rows[i],
			      t->width > fixed + 20 ? t->width - fixed : 20);
}

void entries_table(FILE *out, struct arena *arena,
		   const struct greylist_list *list, size_t width)
{
	struct table t = {
		.out = out,
		.rows = ARENA_ARRAY(arena, struct row, list->count + 1),
		.count = list->count + 1,
		.width = width};

	for (int c = 0; c < COLUMNS; c++)
		t.rows[0].cell[c] = slice_cstr(heads[c]);
	for (size_t i = 0; i < list->count; i++)
		t.rows[i + 1] = row_of(arena, &list->entries[i]);
	measure(&t);
	put_table(&t);
}

static struct json_field text_field(const char *name, struct slice text)
{
	return (struct json_field){name, JSON_FIELD_TEXT, text, 0};
}

static struct json_field number_field(const char *name, int64_t number)
{
	return (struct json_field){name, JSON_FIELD_NUMBER, SLICE_NONE, number};
}

/* Whole seconds after which that time is over. */
static int64_t until(int64_t ms)
{
	return (ms + 999) / 1000;
}

static struct slice entry_json(struct arena *arena,
			       const struct greylist_entry *entry)
{
	const struct json_field fields[] = {
		text_field("key", entry->key),
		text_field("state",
			   entry->passed ? SLICE("passed") : SLICE("waiting")),
		text_field("sender", entry->sender),
		text_field("recipient", entry->rcpt),
		text_field("origin", entry->origin),
		text_field("record", entry->record_id),
		number_field("tries", entry->tries),
		number_field("age_s", entry->age_ms / 1000),
		number_field("idle_s", entry->idle_ms / 1000),
		number_field("wait_s",
			     entry->passed ? 0 : until(entry->wait_ms)),
		number_field("left_s", until(entry->left_ms)),
	};

	return json_line(arena, fields, sizeof(fields) / sizeof(fields[0]));
}

static void put_item(FILE *out, struct slice object, bool first)
{
	fputs(first ? "\n  " : ",\n  ", out);
	fwrite(object.p, 1, object.n, out);
}

void entries_json(FILE *out, struct arena *arena,
		  const struct greylist_list *list)
{
	fputc('[', out);
	for (size_t i = 0; i < list->count; i++)
		put_item(out, entry_json(arena, &list->entries[i]), i == 0);
	fputs(list->count > 0 ? "\n]\n" : "]\n", out);
}

void entries_names_json(FILE *out, struct arena *arena,
			const struct slice *names, size_t count)
{
	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		const struct json_field field = text_field("name", names[i]);

		put_item(out, json_line(arena, &field, 1), i == 0);
	}
	fputs(count > 0 ? "\n]\n" : "]\n", out);
}
