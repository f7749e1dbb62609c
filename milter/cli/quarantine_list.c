/*
 * gatepost quarantine list and stats. Where a terminal is too narrow for
 * all columns, what it is about stands on a line of its own; in a pipe
 * nothing is left out.
 */
#include "milter/cli/quarantine.h"

#include "common/base/clock.h"
#include "common/base/nearest.h"
#include "common/base/utf8.h"
#include "common/verdict/json_writer.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/since.h"
#include "milter/cli/terminal.h"

#include <stdio.h>
#include <string.h>

#define LIMIT 50
#define LIMIT_MAX 1000000
#define TEXT_MAX 200

enum column { ID, AGE, CLASS, STATE, SIZE, FROM, TO, WHAT, COLUMNS };
static const char *const heads[COLUMNS] = {"ID",   "AGE",  "CLASS", "STATE",
					   "SIZE", "FROM", "TO",    "WHAT"};
/* Less room than this for the last three: two lines a message. */
#define TEXTS_MIN 90

struct row {
	struct slice cell[COLUMNS];
};

struct table {
	struct row *rows; /* the heads first */
	size_t count;
	size_t widths[COLUMNS];
	size_t width; /* 0: any */
};

/* ---- the command line ---- */

static int word_of(const char *option, const char *word,
		   const char *(*word_at)(int), int count, int *index_r)
{
	struct nearest nearest = nearest_begin(slice_cstr(word));
	const char *best;

	for (*index_r = 0; *index_r < count; (*index_r)++) {
		if (slice_eq_nocase(slice_cstr(word),
				    slice_cstr(word_at(*index_r))))
			return 0;
		nearest_offer(&nearest, word_at(*index_r));
	}
	best = nearest_result(&nearest);
	return verb_usage(&verb_quarantine, "%s: there is no '%s'%s%s%s",
			  option, word, best ? "; did you mean '" : "",
			  best ? best : "", best ? "'?" : "");
}

static const char *class_at(int index)
{
	return vault_class_word((enum vault_class)index);
}

static const char *state_at(int index)
{
	return vault_state_word((enum vault_state)index);
}

static int read_filter(const struct quarantine *q, struct vault_filter *f)
{
	int64_t now_ms = clock_wall_us() / 1000;
	int rc = 0;

	*f = (struct vault_filter){.class = -1,
				   .state = -1,
				   .sender = slice_cstr(q->sender),
				   .rcpt = slice_cstr(q->recipient),
				   .subject = slice_cstr(q->subject),
				   .limit = LIMIT};
	if (q->class)
		rc = word_of("--class", q->class, class_at, VAULT_CLASSES,
			     &f->class);
	if (rc == 0 && q->state)
		rc = word_of("--state", q->state, state_at, VAULT_STATES,
			     &f->state);
	if (rc == 0)
		rc = args_time(&verb_quarantine, q->since, false, now_ms,
			       &f->since_ms);
	if (rc == 0)
		rc = args_time(&verb_quarantine, q->until, true, now_ms,
			       &f->until_ms);
	if (rc == 0)
		rc = args_limit(&verb_quarantine, q->limit, LIMIT_MAX,
				&f->limit);
	return rc;
}

/* ---- the table ---- */

static struct slice age_of(struct arena *a, int64_t stored_ms)
{
	int64_t s = (clock_wall_us() / 1000 - stored_ms) / 1000;

	if (s >= 2 * 86400)
		return arena_printf(a, "%lldd", (long long)s / 86400);
	if (s >= 3600)
		return arena_printf(a, "%lldh", (long long)s / 3600);
	if (s >= 60)
		return arena_printf(a, "%lldm", (long long)s / 60);
	return arena_printf(a, "%llds", (long long)(s > 0 ? s : 0));
}

static struct slice shown(struct arena *a, struct slice text)
{
	return utf8_shown(a, utf8_cut(text, TEXT_MAX));
}

static struct slice rcpts_of(struct arena *a, const struct vault_item *item)
{
	struct slice first;

	if (item->rcpt_count == 0)
		return SLICE("-");
	first = shown(a, item->rcpts[0]);
	return item->rcpt_count == 1
		       ? first
		       : arena_printf(a, "%.*s +%zu", SLICE_FMT(first),
				      item->rcpt_count - 1);
}

static struct slice what_of(struct arena *a, const struct vault_item *item)
{
	struct slice reason = shown(a, item->reason);
	struct slice subject = shown(a, item->subject);

	if (reason.n == 0 || subject.n == 0)
		return reason.n > 0 ? reason : subject;
	return arena_printf(a, "%.*s: \"%.*s\"", SLICE_FMT(reason),
			    SLICE_FMT(subject));
}

static struct row row_of(struct arena *a, const struct vault_item *item)
{
	struct row row = {{
		[ID] = item->id,
		[AGE] = age_of(a, item->stored_ms),
		[CLASS] = slice_cstr(vault_class_word(item->class)),
		[STATE] = item->state == VAULT_HELD && item->rejected
				  ? SLICE("copy")
				  : slice_cstr(vault_state_word(item->state)),
		[SIZE] = explain_size(a, item->size),
		[FROM] = item->sender.n > 0 ? shown(a, item->sender)
					    : SLICE("<>"),
		[TO] = rcpts_of(a, item),
		[WHAT] = what_of(a, item),
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

/* Takes from the widest of those columns until they fit. */
static void shrink(struct table *t, int last, size_t room)
{
	for (;;) {
		size_t sum = 0;
		int most = FROM;

		for (int c = FROM; c <= last; c++) {
			sum += t->widths[c];
			if (t->widths[c] > t->widths[most])
				most = c;
		}
		if (sum <= room || t->widths[most] <= 1)
			return;
		t->widths[most]--;
	}
}

static void put_table(struct arena *a, const struct vault_list *list)
{
	struct table t = {.rows = ARENA_ARRAY(a, struct row, list->count + 1),
			  .count = list->count + 1,
			  .width = terminal_width()};
	size_t fixed = (COLUMNS - 1) * TERMINAL_GAP;
	int last = WHAT;

	for (int c = 0; c < COLUMNS; c++)
		t.rows[0].cell[c] = slice_cstr(heads[c]);
	for (size_t i = 0; i < list->count; i++)
		t.rows[i + 1] = row_of(a, &list->items[i]);
	measure(&t);
	for (int c = 0; c < FROM; c++)
		fixed += t.widths[c];
	if (t.width > 0 && t.width < fixed + TEXTS_MIN)
		last = TO;
	if (t.width > 0)
		shrink(&t, last, t.width > fixed + 20 ? t.width - fixed : 20);
	for (size_t i = 0; i < t.count; i++) {
		for (int c = 0; c <= last; c++)
			terminal_cell(stdout, t.rows[i].cell[c], t.widths[c],
				      c == last);
		if (last == TO && t.rows[i].cell[WHAT].n > 0) {
			fputs("    ", stdout);
			terminal_cell(stdout, t.rows[i].cell[WHAT],
				      t.width > 24 ? t.width - 4 : 20, true);
		}
	}
}

/* ---- JSON ---- */

static void put_json(struct arena *a, const struct vault_item *item)
{
	struct buf out = BUF(a);
	struct json_writer w = {.out = &out};

	json_open_object(&w, NULL);
	json_add_text(&w, "id", item->id);
	json_add_text(&w, "class", slice_cstr(vault_class_word(item->class)));
	json_add_text(&w, "reason", item->reason);
	json_add_text(&w, "state", slice_cstr(vault_state_word(item->state)));
	json_add_bool(&w, "rejected", item->rejected);
	json_add_number(&w, "stored_ms", (uint64_t)item->stored_ms);
	json_add_text(&w, "sender", item->sender);
	json_open_list(&w, "recipients");
	for (size_t i = 0; i < item->rcpt_count; i++)
		json_add_text(&w, NULL, item->rcpts[i]);
	json_close_list(&w);
	json_add_text(&w, "from", item->from);
	json_add_text(&w, "subject", item->subject);
	json_add_text(&w, "client", item->client);
	json_add_number(&w, "size", item->size);
	json_add_real(&w, "score", item->score);
	json_close_object(&w);
	buf_add_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
}

/* ---- the verbs ---- */

static int tell_none(const struct quarantine *q)
{
	struct vault_stats stats;
	struct err err;

	if (vault_index_stats(q->index, &stats, &err) < 0)
		return quarantine_failed(&err);
	if (stats.all.messages == 0) {
		if (!q->json)
			puts("The vault is empty.");
		return EXIT_DONE;
	}
	return verb_failed(&verb_quarantine, EXIT_INVALID,
			   "nothing matches; the vault has %lld messages, the "
			   "oldest of %.*s",
			   (long long)stats.all.messages,
			   SLICE_FMT(since_text(q->arena, stats.oldest_ms)));
}

int quarantine_list(const struct quarantine *q)
{
	struct vault_filter filter;
	struct vault_list list;
	struct err err;
	int rc = read_filter(q, &filter);

	if (rc != 0)
		return rc;
	if (vault_index_list(q->index, q->arena, &filter, &list, &err) < 0)
		return quarantine_failed(&err);
	if (list.count == 0)
		rc = tell_none(q);
	else if (!q->json)
		put_table(q->arena, &list);
	for (size_t i = 0; q->json && i < list.count; i++)
		put_json(q->arena, &list.items[i]);
	if (list.more && !q->json)
		verb_failed(&verb_quarantine, 0,
			    "these are the newest %zu; there are more: "
			    "--limit all shows them",
			    list.count);
	quarantine_warn(q);
	return rc;
}

static void stats_json(struct arena *a, const struct vault_stats *s)
{
	struct buf out = BUF(a);
	struct json_writer w = {.out = &out};

	json_open_object(&w, NULL);
	json_add_number(&w, "messages", (uint64_t)s->all.messages);
	json_add_number(&w, "bytes", (uint64_t)s->all.bytes);
	json_add_number(&w, "oldest_ms", (uint64_t)s->oldest_ms);
	json_add_number(&w, "newest_ms", (uint64_t)s->newest_ms);
	json_add_number(&w, "damaged", (uint64_t)s->damaged);
	json_add_number(&w, "free_bytes", s->free_bytes);
	json_open_object(&w, "classes");
	for (int c = 0; c < VAULT_CLASSES; c++) {
		json_open_object(&w, class_at(c));
		for (int state = 0; state < VAULT_STATES; state++) {
			const struct vault_sum *sum = &s->sums[c][state];

			json_open_object(&w, state_at(state));
			json_add_number(&w, "messages",
					(uint64_t)sum->messages);
			json_add_number(&w, "bytes", (uint64_t)sum->bytes);
			json_close_object(&w);
		}
		json_close_object(&w);
	}
	json_close_object(&w);
	json_close_object(&w);
	printf("%.*s\n", SLICE_FMT(buf_slice(&out)));
}

static struct slice sum_text(struct arena *a, const struct vault_sum *sum)
{
	if (sum->messages == 0)
		return SLICE("-");
	return arena_printf(a, "%lld (%.*s)", (long long)sum->messages,
			    SLICE_FMT(explain_size(a, (uint64_t)sum->bytes)));
}

static void stats_line(struct slice name, struct slice held,
		       struct slice released)
{
	printf("%-12.*s  %20.*s  %20.*s\n", SLICE_FMT(name), SLICE_FMT(held),
	       SLICE_FMT(released));
}

static void stats_table(struct arena *a, const struct vault_stats *s)
{
	struct vault_sum sums[VAULT_STATES] = {{0}};

	stats_line(SLICE("CLASS"), SLICE("HELD"), SLICE("RELEASED"));
	for (int c = 0; c < VAULT_CLASSES; c++) {
		for (int state = 0; state < VAULT_STATES; state++) {
			sums[state].messages += s->sums[c][state].messages;
			sums[state].bytes += s->sums[c][state].bytes;
		}
		stats_line(slice_cstr(class_at(c)),
			   sum_text(a, &s->sums[c][VAULT_HELD]),
			   sum_text(a, &s->sums[c][VAULT_RELEASED]));
	}
	stats_line(SLICE("all"), sum_text(a, &sums[VAULT_HELD]),
		   sum_text(a, &sums[VAULT_RELEASED]));
	if (s->all.messages > 0)
		printf("\nThe oldest is of %.*s, the newest of %.*s.\n",
		       SLICE_FMT(since_text(a, s->oldest_ms)),
		       SLICE_FMT(since_text(a, s->newest_ms)));
	printf("%s%.*s are free on that file system.\n",
	       s->all.messages > 0 ? "" : "\n",
	       SLICE_FMT(explain_size(a, s->free_bytes)));
}

int quarantine_stats(const struct quarantine *q)
{
	struct vault_stats stats;
	struct err err;

	if (vault_index_stats(q->index, &stats, &err) < 0)
		return quarantine_failed(&err);
	if (q->json)
		stats_json(q->arena, &stats);
	else
		stats_table(q->arena, &stats);
	quarantine_warn(q);
	return EXIT_DONE;
}
