/*
 * The commonest values: counted by the file itself over the postings of one
 * kind, without looking at a record.
 */
#include "milter/store/history_private.h"
#include "common/base/clock.h"

/* How long the file may be locked. */
#define READ_MS 10000

struct range {
	int64_t since_ms, until_ms;
};

static int bind(struct history *h, enum history_kind kind, struct range range,
		size_t limit, struct err *err)
{
	int64_t first, low = history_number_at(range.since_ms);

	/* Postings below lead nowhere. */
	if (history_number(h, RECORD_FIRST, &first, err) < 0)
		return -1;
	db_bind(h->db, TERM_TOP, 1,
		range.until_ms > 0 ? history_number_at(range.until_ms) - 1
				   : INT64_MAX);
	db_bind(h->db, TERM_TOP, 2, low > first ? low : first);
	db_bind(h->db, TERM_TOP, 3, kind);
	db_bind(h->db, TERM_TOP, 4, limit < INT64_MAX ? (int64_t)limit : -1);
	return 0;
}

static int collect(struct history *h, struct arena *arena,
		   struct history_count **counts_r, size_t *count_r,
		   struct err *err)
{
	int rc;

	while ((rc = db_step(h->db, TERM_TOP, err)) > 0) {
		struct slice value = db_column_text(h->db, TERM_TOP, 0);

		*counts_r = history_room(arena, *counts_r, *count_r,
					 sizeof(**counts_r));
		(*counts_r)[(*count_r)++] = (struct history_count){
			.value = arena_dup(arena, value),
			.count = (uint64_t)db_column(h->db, TERM_TOP, 1),
		};
	}
	return rc;
}

/* Its parameters are all that it is about. NOLINTNEXTLINE(*-function-size) */
int history_top(struct history *h, struct arena *arena, enum history_key key,
		int64_t since_ms, int64_t until_ms, size_t limit,
		struct history_count **counts_r, size_t *count_r,
		struct err *err)
{
	const struct range range = {since_ms, until_ms};
	int rc;

	*counts_r = NULL;
	*count_r = 0;
	if (history_ready(h, clock_mono_ms() + READ_MS, err) < 0 ||
	    db_begin(h->db, false, err) != 0)
		return -1;
	rc = bind(h, history_key_kind(key), range, limit, err);
	if (rc == 0)
		rc = collect(h, arena, counts_r, count_r, err);
	db_rollback(h->db);
	return rc;
}
