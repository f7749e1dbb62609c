/*
 * Searching. In each segment the postings of all filters are walked side by
 * side, each leaping to where the others already are; so a search costs as
 * much as its rarest filter, and nobody needs to know which one that is.
 * The numbers that all of them have are the rows.
 */
#include "milter/store/history_private.h"
#include "common/base/clock.h"

/* Postings that are passed one by one before it leaps. */
#define STEPS_BEFORE_LEAP 8
/* Steps between two looks at the clock. */
#define STEPS_BETWEEN_LOOKS 64

/* The postings of one filter in one segment. */
struct walker {
	unsigned statement;
	struct history_term term;
	bool begun;
	int64_t at;
};

struct search {
	struct history *history;
	struct arena *arena;
	const struct history_query *query;
	struct walker walkers[HISTORY_FILTERS_MAX];
	size_t count;
	int64_t low, high; /* numbers that are wanted, both inclusive */
	int64_t segment;
	unsigned steps;
	bool late;
	struct history_row *rows;
	size_t row_count;
	struct err *err;
};

static bool is_late(struct search *s)
{
	if (!s->late && s->steps++ % STEPS_BETWEEN_LOOKS == 0)
		s->late = clock_mono_ms() >= s->query->deadline_ms;
	return s->late;
}

/* Whether a comes before b in the order of the search. */
static bool is_before(const struct search *s, int64_t a, int64_t b)
{
	return s->query->oldest_first ? a < b : a > b;
}

/* 1, 0 if there is none any more, or -1. */
static int step(struct search *s, struct walker *w)
{
	struct db *db = s->history->db;
	int rc = db_step(db, w->statement, s->err);

	if (rc > 0)
		w->at = db_column(db, w->statement, 0);
	return rc;
}

/* To the first one at `target` or behind it. */
static int leap(struct search *s, struct walker *w, int64_t target)
{
	struct db *db = s->history->db;
	bool oldest = s->query->oldest_first;

	db_done(db, w->statement);
	w->begun = true;
	db_bind(db, w->statement, 1, s->segment);
	db_bind(db, w->statement, 2, w->term.kind);
	db_bind_blob(db, w->statement, 3, w->term.value);
	db_bind(db, w->statement, 4, oldest ? target : s->low);
	db_bind(db, w->statement, 5, oldest ? s->high : target);
	return step(s, w);
}

static int reach(struct search *s, struct walker *w, int64_t target)
{
	int rc = 1;

	if (!w->begun)
		return leap(s, w, target);
	for (int i = 0; i < STEPS_BEFORE_LEAP && rc > 0; i++) {
		if (!is_before(s, w->at, target))
			return 1;
		rc = step(s, w);
	}
	if (rc > 0 && is_before(s, w->at, target))
		rc = leap(s, w, target);
	return rc;
}

/* The first number at *at or behind it that all have: 1, 0 or -1. */
static int agree(struct search *s, int64_t *at)
{
	size_t agreed = 0;

	for (size_t i = 0; agreed < s->count; i = (i + 1) % s->count) {
		struct walker *w = &s->walkers[i];
		int rc = is_late(s) ? 0 : reach(s, w, *at);

		if (rc <= 0)
			return rc;
		agreed = w->at == *at ? agreed + 1 : 1;
		*at = w->at;
	}
	return 1;
}

static bool is_full(const struct search *s)
{
	return s->row_count >= s->query->limit;
}

static void keep_row(struct search *s, int64_t number, struct slice body)
{
	s->rows =
		history_room(s->arena, s->rows, s->row_count, sizeof(*s->rows));
	s->rows[s->row_count++] = (struct history_row){
		.number = number,
		.time_ms = number >> NUMBER_BITS,
		.packed = arena_dup(s->arena, body),
	};
}

static int fetch_row(struct search *s, int64_t number)
{
	struct db *db = s->history->db;
	int rc;

	db_bind(db, RECORD_GET, 1, number);
	rc = db_step(db, RECORD_GET, s->err);
	if (rc > 0)
		keep_row(s, number, db_column_text(db, RECORD_GET, 0));
	db_done(db, RECORD_GET);
	return rc < 0 ? -1 : 0;
}

static int search_segment(struct search *s)
{
	bool oldest = s->query->oldest_first;
	int64_t at = oldest ? s->low : s->high;
	int rc = 1;

	for (size_t i = 0; i < s->count; i++)
		s->walkers[i].begun = false;
	while (!is_full(s) && at >= s->low && at <= s->high) {
		rc = agree(s, &at);
		if (rc > 0)
			rc = fetch_row(s, at) < 0 ? -1 : 1;
		if (rc <= 0)
			break;
		at += oldest ? 1 : -1;
	}
	for (size_t i = 0; i < s->count; i++)
		db_done(s->history->db, s->walkers[i].statement);
	return rc < 0 ? -1 : 0;
}

static int search_postings(struct search *s)
{
	struct db *db = s->history->db;
	unsigned statement =
		s->query->oldest_first ? SEGMENTS_OLDEST : SEGMENTS_NEWEST;
	int rc = 1;

	db_bind(db, statement, 1, s->high);
	db_bind(db, statement, 2, s->low);
	while (rc > 0 && !is_full(s) && !s->late) {
		rc = db_step(db, statement, s->err);
		if (rc <= 0)
			break;
		s->segment = db_column(db, statement, 0);
		rc = search_segment(s) < 0 ? -1 : 1;
	}
	db_done(db, statement);
	return rc < 0 ? -1 : 0;
}

/* Without a filter, all there is. */
static int search_records(struct search *s)
{
	struct db *db = s->history->db;
	unsigned statement =
		s->query->oldest_first ? RECORDS_OLDEST : RECORDS_NEWEST;
	int rc = 1;

	db_bind(db, statement, 1, s->low);
	db_bind(db, statement, 2, s->high);
	while (!is_full(s) && !is_late(s)) {
		rc = db_step(db, statement, s->err);
		if (rc <= 0)
			break;
		keep_row(s, db_column(db, statement, 0),
			 db_column_text(db, statement, 1));
	}
	db_done(db, statement);
	return rc < 0 ? -1 : 0;
}

/* Nothing below the first record: postings there lead nowhere. */
static int set_bounds(struct search *s)
{
	const struct history_query *q = s->query;
	int64_t first;

	if (history_number(s->history, RECORD_FIRST, &first, s->err) < 0)
		return -1;
	s->low = first;
	s->high = INT64_MAX;
	if (q->since_ms > 0 && history_number_at(q->since_ms) > s->low)
		s->low = history_number_at(q->since_ms);
	if (q->after >= s->low && q->after < INT64_MAX)
		s->low = q->after + 1;
	if (q->until_ms > 0)
		s->high = history_number_at(q->until_ms) - 1;
	if (q->before > 0 && q->before <= s->high)
		s->high = q->before - 1;
	return 0;
}

static int take_filters(struct search *s)
{
	const struct history_query *q = s->query;

	if (q->filter_count > HISTORY_FILTERS_MAX)
		return err_set(s->err,
			       "at most %d things can be looked for "
			       "at once",
			       HISTORY_FILTERS_MAX);
	for (size_t i = 0; i < q->filter_count; i++) {
		struct walker *w = &s->walkers[s->count++];

		w->statement =
			(q->oldest_first ? POSTING_OLDEST : POSTING_NEWEST) +
			(unsigned)i;
		if (history_filter_term(s->arena, &q->filters[i], &w->term,
					s->err) < 0)
			return -1;
	}
	return 0;
}

static int run(struct search *s)
{
	int rc = set_bounds(s);

	if (rc == 0 && s->low <= s->high)
		rc = s->count > 0 ? search_postings(s) : search_records(s);
	return rc;
}

int history_search(struct history *h, struct arena *arena,
		   const struct history_query *query,
		   struct history_row **rows_r, size_t *count_r,
		   struct err *err)
{
	struct search *s = ARENA_NEW(arena, struct search);
	int rc;

	*rows_r = NULL;
	*count_r = 0;
	s->history = h;
	s->arena = arena;
	s->query = query;
	s->err = err;
	if (take_filters(s) < 0 ||
	    history_ready(h, query->deadline_ms, err) < 0 ||
	    db_begin(h->db, false, err) != 0)
		return -1;
	rc = run(s);
	db_rollback(h->db);
	if (rc < 0)
		return -1;
	*rows_r = s->rows;
	*count_r = s->row_count;
	return s->late;
}
