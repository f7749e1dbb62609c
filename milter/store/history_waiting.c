/*
 * Messages that were deferred by greylisting, until they come back or have
 * taken too long. One try more that is deferred as well is nothing new. A
 * message for several recipients may come back in parts, so who it was for
 * counts as well as its story.
 */
#include "milter/store/history_private.h"

#include <stdlib.h>
#include <string.h>

/* Recipients that count, and deferred messages of one story. */
#define RECIPIENTS_MAX 1000
#define FOUND_MAX 50
/* Messages that are given up at a time. */
#define GIVE_UP 500

struct marks {
	uint64_t v[RECIPIENTS_MAX];
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Anyone may make two recipients look like one; it would help nobody. */
static void mark_recipients(const struct history_term *terms, size_t count,
			    struct marks *marks)
{
	static const uint64_t key[2];

	marks->n = 0;
	for (size_t i = 0; i < count && marks->n < RECIPIENTS_MAX; i++)
		if (terms[i].kind == KIND_RECIPIENT)
			marks->v[marks->n++] =
				slice_hash_nocase(terms[i].value, key);
	qsort(marks->v, marks->n, sizeof(marks->v[0]), by_value);
}

/* Both in order. */
static bool share_one(const struct marks *marks, struct slice others)
{
	size_t i = 0, n = others.n / sizeof(marks->v[0]), j = 0;

	while (i < marks->n && j < n) {
		uint64_t other;

		memcpy(&other, others.p + j * sizeof(other), sizeof(other));
		if (other == marks->v[i])
			return true;
		if (other < marks->v[i])
			j++;
		else
			i++;
	}
	return false;
}

static struct slice value_of(const struct history_term *terms, size_t count,
			     enum history_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (terms[i].kind == kind)
			return terms[i].value;
	return SLICE_NONE;
}

/* The numbers of what waits for this; how many, or -1. */
static int find_waiting(struct history *h, struct slice story,
			const struct marks *marks, int64_t found_r[FOUND_MAX],
			struct err *err)
{
	int rc, n = 0;

	db_bind_blob(h->db, WAITING_FIND, 1, story);
	db_bind(h->db, WAITING_FIND, 2, FOUND_MAX);
	while ((rc = db_step(h->db, WAITING_FIND, err)) > 0)
		if (share_one(marks, db_column_text(h->db, WAITING_FIND, 1)))
			found_r[n++] = db_column(h->db, WAITING_FIND, 0);
	return rc < 0 ? -1 : n;
}

static int wait_for(struct history *h, int64_t number, struct slice story,
		    const struct marks *marks, struct err *err)
{
	struct slice recipients = {(const char *)marks->v,
				   marks->n * sizeof(marks->v[0])};

	db_bind(h->db, WAITING_ADD, 1, number);
	db_bind_blob(h->db, WAITING_ADD, 2, story);
	db_bind_blob(h->db, WAITING_ADD, 3, recipients);
	return db_step(h->db, WAITING_ADD, err);
}

static int end_waiting(struct history *h, int64_t waiting, int64_t number,
		       struct history_news *news, struct err *err)
{
	if (((number - waiting) >> NUMBER_BITS) <= HISTORY_WAIT_MS)
		news->returned++;
	else
		news->never_returned++;
	db_bind(h->db, WAITING_END, 1, waiting);
	return db_step(h->db, WAITING_END, err);
}

int history_note_story(struct history *h, const struct history_term *terms,
		       size_t count, struct history_news *news, struct err *err)
{
	struct slice action = value_of(terms, count, KIND_ACTION);
	struct slice story = value_of(terms, count, KIND_STORY);
	bool greylisted = slice_eq(action, SLICE("greylist"));
	int64_t found[FOUND_MAX];
	struct marks marks;
	int n;

	if (slice_eq(action, SLICE("tempfail")) ||
	    slice_eq(action, SLICE("ratelimit")))
		return 0;
	mark_recipients(terms, count, &marks);
	n = find_waiting(h, story, &marks, found, err);
	if (n < 0)
		return -1;
	if (greylisted && n == 0 && marks.n > 0)
		return wait_for(h, terms[0].number, story, &marks, err);
	for (int i = 0; i < n && !greylisted; i++)
		if (end_waiting(h, found[i], terms[0].number, news, err) < 0)
			return -1;
	return 0;
}

int history_give_up(struct history *h, int64_t now_ms,
		    struct history_news *news, struct err *err)
{
	int64_t n;

	if (now_ms < HISTORY_WAIT_MS)
		return 0;
	db_bind(h->db, WAITING_OLD, 1,
		(now_ms - HISTORY_WAIT_MS) << NUMBER_BITS);
	db_bind(h->db, WAITING_OLD, 2, GIVE_UP);
	n = db_change(h->db, WAITING_OLD, err);
	if (n < 0)
		return -1;
	news->never_returned += (unsigned)n;
	return n == GIVE_UP;
}
