/*
 * Sums of messages by minute and hour. A batch is summed up in memory
 * first: most of it falls into one minute.
 */
#include "milter/store/history_private.h"
#include "common/base/clock.h"

#include <string.h>

#define MINUTES_MS (2 * DAY_MS)
#define HOURS_MS (400 * DAY_MS)
/* No message is larger; sums of what a sender claims must not run over. */
#define BYTES_MAX ((uint64_t)1 << 40)
/* How long another that writes is waited for. */
#define READ_MS 10000

static int add_total(struct history *h, const struct history_sum *sum,
		     int64_t span_ms, struct err *err)
{
	db_bind(h->db, TOTAL_ADD, 1, span_ms);
	db_bind(h->db, TOTAL_ADD, 2, sum->minute - sum->minute % span_ms);
	db_bind_blob(h->db, TOTAL_ADD, 3, sum->direction);
	db_bind_blob(h->db, TOTAL_ADD, 4, sum->action);
	db_bind(h->db, TOTAL_ADD, 5, sum->messages);
	db_bind(h->db, TOTAL_ADD, 6, sum->bytes);
	return db_step(h->db, TOTAL_ADD, err);
}

int history_sums_write(struct history *h, struct history_sums *sums,
		       struct err *err)
{
	for (size_t i = 0; i < sums->n; i++)
		if (add_total(h, &sums->v[i], MINUTE_MS, err) < 0 ||
		    add_total(h, &sums->v[i], HOUR_MS, err) < 0)
			return -1;
	sums->n = 0;
	return 0;
}

static struct slice keep_word(char room[TOTAL_WORD], struct slice word)
{
	size_t n = word.n < TOTAL_WORD ? word.n : TOTAL_WORD;

	if (n > 0)
		memcpy(room, word.p, n);
	return (struct slice){room, n};
}

static bool is_of(const struct history_sum *sum, const struct record *record,
		  int64_t minute)
{
	return sum->minute == minute &&
	       slice_eq(sum->direction,
			slice_sub(record->direction, 0, TOTAL_WORD)) &&
	       slice_eq(sum->action, slice_sub(record->action, 0, TOTAL_WORD));
}

int history_sums_add(struct history *h, struct history_sums *sums,
		     const struct record *record, int64_t time_ms,
		     struct err *err)
{
	int64_t minute = time_ms - time_ms % MINUTE_MS;
	uint64_t bytes = record->size < BYTES_MAX ? record->size : BYTES_MAX;
	struct history_sum *sum;
	size_t i = 0;

	while (i < sums->n && !is_of(&sums->v[i], record, minute))
		i++;
	if (i == TOTALS_PENDING) {
		if (history_sums_write(h, sums, err) < 0)
			return -1;
		i = 0;
	}
	sum = &sums->v[i];
	if (i == sums->n) {
		*sum = (struct history_sum){.minute = minute};
		sum->direction = keep_word(sum->words, record->direction);
		sum->action =
			keep_word(sum->words + TOTAL_WORD, record->action);
		sums->n++;
	}
	sum->messages++;
	sum->bytes += (int64_t)bytes;
	return 0;
}

int history_sums_prune(struct history *h, int64_t now_ms, struct err *err)
{
	static const int64_t spans[][2] = {{MINUTE_MS, MINUTES_MS},
					   {HOUR_MS, HOURS_MS}};

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		db_bind(h->db, TOTAL_OLD, 1, spans[i][0]);
		db_bind(h->db, TOTAL_OLD, 2, now_ms - spans[i][1]);
		if (db_step(h->db, TOTAL_OLD, err) < 0)
			return -1;
	}
	return 0;
}

/* Its parameters are all that it is about. NOLINTNEXTLINE(*-function-size) */
int history_totals(struct history *h, struct arena *arena, int64_t since_ms,
		   int64_t until_ms, int64_t step_ms,
		   struct history_total **totals_r, size_t *count_r,
		   struct err *err)
{
	int64_t span = step_ms <= MINUTE_MS ? MINUTE_MS : HOUR_MS;
	int rc;

	*totals_r = NULL;
	*count_r = 0;
	if (history_ready(h, clock_mono_ms() + READ_MS, err) < 0)
		return -1;
	db_bind(h->db, TOTAL_LIST, 1, span);
	db_bind(h->db, TOTAL_LIST, 2, since_ms - since_ms % span);
	db_bind(h->db, TOTAL_LIST, 3, until_ms > 0 ? until_ms - 1 : INT64_MAX);
	while ((rc = db_step(h->db, TOTAL_LIST, err)) > 0) {
		*totals_r = history_room(arena, *totals_r, *count_r,
					 sizeof(**totals_r));
		(*totals_r)[(*count_r)++] = (struct history_total){
			.start_ms = db_column(h->db, TOTAL_LIST, 0),
			.direction = arena_dup(
				arena, db_column_text(h->db, TOTAL_LIST, 1)),
			.action = arena_dup(
				arena, db_column_text(h->db, TOTAL_LIST, 2)),
			.messages = (uint64_t)db_column(h->db, TOTAL_LIST, 3),
			.bytes = (uint64_t)db_column(h->db, TOTAL_LIST, 4),
		};
	}
	return rc;
}
