/*
 * Adding. Postings are gathered and written in their order: those that lie
 * together are written together, and a page is touched once for all that a
 * batch brings for it.
 */
#include "milter/store/history_private.h"
#include "common/base/clock.h"
#include "common/verdict/wire.h"

#include <stdlib.h>
#include <string.h>

/* Postings that are gathered; those of one record fit whatever it is. */
#define TERMS_ROOM 65536
/* A verdict later than that is none: somebody's clock is wrong. */
#define AHEAD_MS HOUR_MS

struct history_batch {
	struct arena *words;   /* values of the terms */
	struct arena *scratch; /* of one record */
	struct history_term *terms;
	size_t count;
	int64_t segment, first, last, stored;
	int64_t now_ms;
	struct history_sums sums;
};

struct history_batch *history_batch_new(struct arena *arena)
{
	struct history_batch *b = ARENA_NEW(arena, struct history_batch);

	b->words = arena_new(65536);
	b->scratch = arena_new(65536);
	b->terms = ARENA_ARRAY(arena, struct history_term, TERMS_ROOM);
	return b;
}

void history_batch_free(struct history_batch **batch)
{
	if (!*batch)
		return;
	arena_free(&(*batch)->words);
	arena_free(&(*batch)->scratch);
	*batch = NULL;
}

/* As SQLite compares them. */
static int in_order(const void *a, const void *b)
{
	const struct history_term *x = a, *y = b;
	size_t n = x->value.n < y->value.n ? x->value.n : y->value.n;
	int order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = n > 0 ? memcmp(x->value.p, y->value.p, n) : 0;
	if (order == 0 && x->value.n != y->value.n)
		order = x->value.n < y->value.n ? -1 : 1;
	if (order == 0 && x->number != y->number)
		order = x->number < y->number ? -1 : 1;
	return order;
}

static int write_term(struct history *h, const struct history_term *term,
		      struct err *err)
{
	db_bind(h->db, TERM_ADD, 1, h->batch->segment);
	db_bind(h->db, TERM_ADD, 2, term->kind);
	db_bind_blob(h->db, TERM_ADD, 3, term->value);
	db_bind(h->db, TERM_ADD, 4, term->number);
	return db_step(h->db, TERM_ADD, err);
}

static int write_terms(struct history *h, struct err *err)
{
	struct history_batch *b = h->batch;

	qsort(b->terms, b->count, sizeof(b->terms[0]), in_order);
	for (size_t i = 0; i < b->count; i++) {
		if (i > 0 && in_order(&b->terms[i - 1], &b->terms[i]) == 0)
			continue;
		if (write_term(h, &b->terms[i], err) < 0)
			return -1;
	}
	b->count = 0;
	arena_reset(b->words);
	return 0;
}

static int64_t decided(const struct history_batch *b,
		       const struct record *record)
{
	int64_t ms = record_decided_ms(record);

	return ms <= 0 || ms > b->now_ms + AHEAD_MS ? b->now_ms : ms;
}

static int write_record(struct history *h, struct slice packed, int64_t number,
			struct err *err)
{
	struct history_batch *b = h->batch;

	if (b->stored++ == 0)
		b->first = number;
	b->last = number;
	db_bind(h->db, RECORD_ADD, 1, number);
	db_bind_blob(h->db, RECORD_ADD, 2, packed);
	return db_step(h->db, RECORD_ADD, err);
}

static int add_record(struct history *h, struct slice packed,
		      const struct record *record, struct history_news *news,
		      struct err *err)
{
	struct history_batch *b = h->batch;
	int64_t time_ms = decided(b, record);
	int64_t number = time_ms << NUMBER_BITS;
	struct history_term *terms;
	size_t n;

	if (number <= b->last)
		number = b->last + 1;
	if (b->count + HISTORY_TERMS_MAX > TERMS_ROOM &&
	    write_terms(h, err) < 0)
		return -1;
	terms = b->terms + b->count;
	n = history_terms(b->words, record, number, terms);
	b->count += n;
	if (write_record(h, packed, number, err) < 0 ||
	    history_note_story(h, terms, n, news, err) < 0)
		return -1;
	return history_sums_add(h, &b->sums, record, time_ms, err);
}

/* Where the batch goes: nobody else may have written since, but somebody may.
 */
static int begin_batch(struct history *h, struct err *err)
{
	struct history_batch *b = h->batch;
	int rc;

	b->count = b->sums.n = 0;
	b->stored = 0;
	b->now_ms = clock_wall_us() / 1000;
	arena_reset(b->words);
	if (history_begin(h, err) < 0 ||
	    history_number(h, RECORD_LAST, &b->last, err) < 0)
		return -1;
	rc = db_step(h->db, SEGMENT_LAST, err);
	b->segment = 1;
	if (rc > 0)
		b->segment =
			db_column(h->db, SEGMENT_LAST, 0) +
			(db_column(h->db, SEGMENT_LAST, 1) >= SEGMENT_RECORDS);
	db_done(h->db, SEGMENT_LAST);
	return rc < 0 ? -1 : 0;
}

static int end_batch(struct history *h, struct err *err)
{
	struct history_batch *b = h->batch;

	if (write_terms(h, err) < 0 || history_sums_write(h, &b->sums, err) < 0)
		return -1;
	if (b->stored > 0) {
		db_bind(h->db, SEGMENT_ADD, 1, b->segment);
		db_bind(h->db, SEGMENT_ADD, 2, b->first);
		db_bind(h->db, SEGMENT_ADD, 3, b->stored);
		if (db_step(h->db, SEGMENT_ADD, err) < 0)
			return -1;
	}
	return history_commit(h, err);
}

static int add_all(struct history *h, const struct slice *packed, size_t count,
		   unsigned *bad, struct history_news *news, struct err *err)
{
	struct record record;

	if (begin_batch(h, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		arena_reset(h->batch->scratch);
		if (packed[i].n > RECORD_PACKED_MAX ||
		    !record_unpack(h->batch->scratch, packed[i], &record)) {
			++*bad;
			continue;
		}
		if (record.probe)
			continue;
		if (add_record(h, packed[i], &record, news, err) < 0)
			return -1;
	}
	return end_batch(h, err);
}

/* Its parameters are all that it is about. NOLINTNEXTLINE(*-function-size) */
int history_add(struct history *h, const struct slice *packed, size_t count,
		int64_t deadline_ms, unsigned *bad_r,
		struct history_news *news_r, struct err *err)
{
	*bad_r = 0;
	*news_r = (struct history_news){0};
	if (history_ready(h, deadline_ms, err) < 0)
		return -1;
	if (add_all(h, packed, count, bad_r, news_r, err) == 0)
		return 0;
	db_rollback(h->db);
	*bad_r = 0;
	*news_r = (struct history_news){0};
	return -1;
}
