/*
 * Removing: records first, a piece at a time, oldest first; then the
 * postings that have lost theirs, in the order in which they lie. A segment
 * that has no record left is swept before any record of the next one goes,
 * so that how much room there is in use stays true.
 */
#include "milter/store/history_private.h"

#include <string.h>

/* Records, and postings that are looked at, in one transaction. */
#define PIECE_RECORDS 500
#define PIECE_TERMS 5000
/* Behind all postings. */
#define KIND_END 1000000

/* The oldest segment. */
struct oldest {
	int64_t id, records, next_first;
};

/* 1, or 0 if there is none, or -1. */
static int find_oldest(struct history *h, struct oldest *oldest_r,
		       struct err *err)
{
	int rc = db_step(h->db, SEGMENT_FIRST, err);

	if (rc > 0) {
		oldest_r->id = db_column(h->db, SEGMENT_FIRST, 0);
		oldest_r->records = db_column(h->db, SEGMENT_FIRST, 1);
		oldest_r->next_first = db_column(h->db, SEGMENT_FIRST, 2);
	}
	db_done(h->db, SEGMENT_FIRST);
	return rc;
}

/* ---- records ---- */

/* How many are too many by their number or size; *n_r at most a piece. */
static int count_excess(struct history *h, int64_t *n_r, struct err *err)
{
	struct history_size size;
	int64_t n, excess;

	if (history_measure(h, &size, err) < 0)
		return -1;
	n = size.records - h->conf.records;
	excess = size.bytes - h->conf.size.n;
	/* As many as take that room if all are alike. */
	if (excess > 0 && size.records > 0) {
		int64_t each = size.bytes / size.records + 1;

		if (n < excess / each + 1)
			n = excess / each + 1;
	}
	*n_r = n < 0 ? 0 : n < PIECE_RECORDS ? n : PIECE_RECORDS;
	return 0;
}

static int64_t remove_below(struct history *h, const struct oldest *oldest,
			    int64_t below, int64_t n, struct err *err)
{
	int64_t gone;

	db_bind(h->db, RECORD_REMOVE, 1,
		below < oldest->next_first ? below : oldest->next_first);
	db_bind(h->db, RECORD_REMOVE, 2, n);
	gone = db_change(h->db, RECORD_REMOVE, err);
	if (gone <= 0)
		return gone;
	db_bind(h->db, SEGMENT_TAKE, 1, oldest->id);
	db_bind(h->db, SEGMENT_TAKE, 2, gone);
	return db_step(h->db, SEGMENT_TAKE, err) < 0 ? -1 : gone;
}

/* 1 if there may be more to remove, or all of the segment has gone. */
static int remove_records(struct history *h, const struct oldest *oldest,
			  int64_t now_ms, struct err *err)
{
	int64_t too_old = now_ms - h->conf.keep.ms, n, gone;

	if (count_excess(h, &n, err) < 0)
		return -1;
	gone = n == 0 ? 0 : remove_below(h, oldest, INT64_MAX, n, err);
	if (gone < 0)
		return -1;
	if (gone > 0)
		return 1;
	if (too_old <= 0)
		return 0;
	gone = remove_below(h, oldest, history_number_at(too_old),
			    PIECE_RECORDS, err);
	if (gone < 0)
		return -1;
	return gone == PIECE_RECORDS || gone == oldest->records;
}

/* ---- postings ---- */

static void bind_place(struct db *db, unsigned statement, int at,
		       const struct history_term *place)
{
	db_bind(db, statement, at, place->kind);
	db_bind_blob(db, statement, at + 1, place->value);
	db_bind(db, statement, at + 2, place->number);
}

/* The end of this piece; its value goes to `room`. */
static int find_end(struct history *h, struct history_term *end_r,
		    char room[HISTORY_VALUE_MAX], struct err *err)
{
	struct db *db = h->db;
	int rc;

	db_bind(db, TERM_SWEEP_TO, 1, h->sweep.segment);
	bind_place(db, TERM_SWEEP_TO, 2, &h->sweep.at);
	db_bind(db, TERM_SWEEP_TO, 5, PIECE_TERMS);
	rc = db_step(db, TERM_SWEEP_TO, err);
	*end_r = (struct history_term){.kind = KIND_END};
	if (rc > 0) {
		struct slice value = db_column_text(db, TERM_SWEEP_TO, 1);

		end_r->kind =
			(enum history_kind)db_column(db, TERM_SWEEP_TO, 0);
		end_r->number = db_column(db, TERM_SWEEP_TO, 2);
		end_r->value = slice_sub(value, 0, HISTORY_VALUE_MAX);
		if (end_r->value.n > 0)
			memcpy(room, end_r->value.p, end_r->value.n);
		end_r->value.p = room;
	}
	db_done(db, TERM_SWEEP_TO);
	return rc;
}

/* 1: there are more; 0: all have been swept. */
static int sweep_piece(struct history *h, struct err *err)
{
	struct history_sweep *sweep = &h->sweep;
	struct history_term end;
	char room[HISTORY_VALUE_MAX];
	int rc = find_end(h, &end, room, err);

	if (rc < 0)
		return -1;
	db_bind(h->db, TERM_SWEEP, 1, sweep->segment);
	bind_place(h->db, TERM_SWEEP, 2, &sweep->at);
	bind_place(h->db, TERM_SWEEP, 5, &end);
	db_bind(h->db, TERM_SWEEP, 8, sweep->below);
	if (db_step(h->db, TERM_SWEEP, err) < 0)
		return -1;
	memcpy(sweep->value, room, sizeof(room));
	sweep->at = end;
	sweep->at.value.p = sweep->value;
	return rc;
}

static void begin_sweep(struct history_sweep *sweep, int64_t segment,
			int64_t below)
{
	int64_t done = sweep->done;

	*sweep = (struct history_sweep){
		.segment = segment, .below = below, .done = done};
}

static int end_sweep(struct history *h, const struct oldest *oldest,
		     struct err *err)
{
	h->sweep.segment = 0;
	h->sweep.done = h->sweep.below;
	if (oldest->records > 0)
		return 0;
	h->sweep.done = 0;
	db_bind(h->db, SEGMENT_END, 1, oldest->id);
	return db_step(h->db, SEGMENT_END, err);
}

/* What is left of a segment, unless that has been done for its records. */
static int begin_partial(struct history *h, const struct oldest *oldest,
			 struct err *err)
{
	int64_t first;

	if (history_number(h, RECORD_FIRST, &first, err) < 0)
		return -1;
	if (first <= h->sweep.done)
		return 0;
	begin_sweep(&h->sweep, oldest->id, first);
	return 1;
}

static int sweep_on(struct history *h, const struct oldest *oldest,
		    struct err *err)
{
	int rc = sweep_piece(h, err);

	if (rc != 0)
		return rc;
	if (end_sweep(h, oldest, err) < 0)
		return -1;
	/* That was the last of a round, or there is another segment. */
	return oldest->records == 0;
}

static int prune_piece(struct history *h, int64_t now_ms, struct err *err)
{
	struct oldest oldest;
	int rc = find_oldest(h, &oldest, err);

	if (rc <= 0)
		return rc;
	/* Somebody may have added to a segment that was being emptied. */
	if (h->sweep.segment != oldest.id ||
	    (oldest.records > 0 && h->sweep.below == INT64_MAX))
		h->sweep.segment = 0;
	if (oldest.records == 0 &&
	    (h->sweep.segment == 0 || h->sweep.below != INT64_MAX))
		begin_sweep(&h->sweep, oldest.id, INT64_MAX);
	if (h->sweep.segment != 0)
		return sweep_on(h, &oldest, err);
	rc = remove_records(h, &oldest, now_ms, err);
	return rc != 0 ? rc : begin_partial(h, &oldest, err);
}

static int prune(struct history *h, int64_t now_ms, struct history_news *news,
		 struct err *err)
{
	int given_up, pruned;

	if (history_begin(h, err) < 0)
		return -1;
	given_up = history_give_up(h, now_ms, news, err);
	if (given_up < 0 || history_sums_prune(h, now_ms, err) < 0 ||
	    history_opinions_prune(h, err) < 0)
		return -1;
	pruned = prune_piece(h, now_ms, err);
	if (pruned < 0 || history_commit(h, err) < 0)
		return -1;
	return given_up || pruned;
}

int history_prune(struct history *h, int64_t now_wall_ms, int64_t deadline_ms,
		  struct history_news *news_r, struct err *err)
{
	int rc;

	*news_r = (struct history_news){0};
	if (history_ready(h, deadline_ms, err) < 0)
		return -1;
	rc = prune(h, now_wall_ms, news_r, err);
	if (rc >= 0)
		return rc;
	db_rollback(h->db);
	/* What was swept is there again. */
	h->sweep = (struct history_sweep){.segment = 0};
	*news_r = (struct history_news){0};
	return -1;
}
