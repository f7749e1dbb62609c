/*
 * A greylisting try: reads the entries of all recipients and origins, then
 * writes those that change. The rules stand in store.h.
 */
#include "milter/store/sqlite_private.h"
#include "milter/store/store_keys.h"

#include <string.h>

/* Longer texts are cut in the list; the keys are over all of them. */
#define TEXT_MAX 320

/* One recipient and origin. */
struct entry {
	char key[STORE_KEY + 1];
	bool stored; /* there is a row, valid or not */
	bool valid;
	bool passed;
	int64_t tries;
	int64_t age_ms; /* since the first try */
};

/* What all entries of one recipient say together. */
struct outcome {
	bool known; /* one has passed */
	bool any;   /* one is valid */
	bool pass;
	int64_t waiting_ms; /* age of the oldest that waits; -1: none */
	int64_t age_ms;	    /* of the oldest of all */
};

/*
 * The entries of one sender begin alike, so that a message's rows lie on one
 * page: each page that is written costs as much as all else of a call.
 */
static void make_keys(const struct greylist_try *in, struct entry *entries)
{
	const struct slice sender[] = {SLICE("greylist"), in->sender};
	char begin[STORE_KEY + 1];

	store_key(sender, sizeof(sender) / sizeof(sender[0]), begin);
	for (size_t i = 0; i < in->rcpt_count * in->origin_count; i++) {
		const struct slice parts[] = {
			sender[0], in->sender, in->rcpts[i / in->origin_count],
			in->origins[i % in->origin_count]};

		store_key(parts, sizeof(parts) / sizeof(parts[0]),
			  entries[i].key);
		memcpy(entries[i].key, begin, STORE_KEY / 2);
	}
}

static int read_entry(struct db *db, const struct store_call *call,
		      struct entry *entry, struct err *err)
{
	const struct greylist_try *in = &call->in.greylist;
	int64_t idle_ms;
	int rc;

	db_bind_text(db, GREYLIST_GET, 1,
		     (struct slice){entry->key, STORE_KEY});
	rc = db_step(db, GREYLIST_GET, err);
	if (rc <= 0)
		return rc;
	idle_ms = sqlite_age(db, GREYLIST_GET, 3, &call->now);
	entry->stored = true;
	entry->passed = db_column(db, GREYLIST_GET, 0) != 0;
	entry->tries = db_column(db, GREYLIST_GET, 1);
	entry->age_ms = idle_ms + db_column(db, GREYLIST_GET, 2);
	entry->valid = entry->passed ? idle_ms <= in->lifetime_ms
				     : entry->age_ms <= in->window_ms;
	db_done(db, GREYLIST_GET);
	return 0;
}

static void consider(const struct greylist_try *in, const struct entry *entry,
		     struct outcome *outcome)
{
	if (!entry->valid)
		return;
	outcome->any = true;
	outcome->known |= entry->passed;
	outcome->pass |= entry->passed || entry->age_ms >= in->delay_ms;
	if (outcome->age_ms < entry->age_ms)
		outcome->age_ms = entry->age_ms;
	if (!entry->passed && outcome->waiting_ms < entry->age_ms)
		outcome->waiting_ms = entry->age_ms;
}

static int read_rcpt(struct db *db, const struct store_call *call,
		     struct entry *entries, struct outcome *outcome_r,
		     struct err *err)
{
	const struct greylist_try *in = &call->in.greylist;

	*outcome_r = (struct outcome){.waiting_ms = -1,
				      .pass = in->delay_ms == GREYLIST_PASS};
	for (size_t i = 0; i < in->origin_count; i++) {
		if (read_entry(db, call, &entries[i], err) < 0)
			return -1;
		consider(in, &entries[i], outcome_r);
	}
	return 0;
}

static struct slice cut(struct slice text)
{
	return slice_sub(text, 0, TEXT_MAX);
}

/* What is to stand in the row from now on. */
static int write_entry(struct db *db, const struct store_call *call,
		       const struct entry *entry, size_t rcpt, size_t origin,
		       struct err *err)
{
	const struct greylist_try *in = &call->in.greylist;
	unsigned statement = entry->stored ? GREYLIST_SET : GREYLIST_ADD;
	int64_t left_ms =
		entry->passed ? in->lifetime_ms : in->window_ms - entry->age_ms;

	sqlite_bind_now(db, statement, &call->now);
	db_bind_text(db, statement, 4, (struct slice){entry->key, STORE_KEY});
	db_bind(db, statement, 5, entry->passed);
	db_bind(db, statement, 6, entry->tries);
	db_bind(db, statement, 7, entry->age_ms);
	db_bind(db, statement, 8, in->delay_ms > 0 ? in->delay_ms : 0);
	db_bind(db, statement, 9, call->now.uptime_ms + left_ms);
	db_bind_text(db, statement, 10, cut(in->record_id));
	if (!entry->stored) {
		db_bind_text(db, statement, 11, cut(in->sender));
		db_bind_text(db, statement, 12, cut(in->rcpts[rcpt]));
		db_bind_text(db, statement, 13, cut(in->origins[origin]));
	}
	return db_step(db, statement, err);
}

static int write_rcpt(struct db *db, const struct store_call *call, size_t rcpt,
		      struct entry *entries, const struct outcome *outcome,
		      struct err *err)
{
	bool pass = call->out.greylist.pass;
	int64_t oldest_ms = pass ? outcome->age_ms : outcome->waiting_ms;

	for (size_t i = 0; i < call->in.greylist.origin_count; i++) {
		struct entry *entry = &entries[i];

		if (!entry->valid) {
			entry->tries = 0;
			entry->age_ms = oldest_ms > 0 ? oldest_ms : 0;
			entry->passed = false;
		}
		/* Of one that has passed, a try that is deferred is no use. */
		if (!pass && entry->passed)
			continue;
		entry->tries++;
		entry->passed = pass;
		if (write_entry(db, call, entry, rcpt, i, err) < 0)
			return -1;
	}
	return 0;
}

static void conclude(const struct greylist_try *in,
		     const struct outcome *outcomes,
		     struct greylist_answer *answer_r)
{
	*answer_r = (struct greylist_answer){.pass = true,
					     .known = true,
					     .first = true,
					     .age_ms = INT64_MAX};
	for (size_t i = 0; i < in->rcpt_count; i++) {
		const struct outcome *o = &outcomes[i];
		int64_t waited_ms = o->waiting_ms > 0 ? o->waiting_ms : 0;

		answer_r->pass &= o->pass;
		answer_r->known &= o->known;
		answer_r->first &= !o->any;
		if (answer_r->age_ms > o->age_ms)
			answer_r->age_ms = o->age_ms;
		if (!o->pass && answer_r->wait_ms < in->delay_ms - waited_ms)
			answer_r->wait_ms = in->delay_ms - waited_ms;
	}
	answer_r->known &= answer_r->pass;
	answer_r->first &= !answer_r->pass;
	if (answer_r->pass)
		answer_r->wait_ms = 0;
}

int sqlite_greylist(struct db *db, struct store_call *call, struct err *err)
{
	const struct greylist_try *in = &call->in.greylist;
	struct entry *entries = ARENA_ARRAY(call->arena, struct entry,
					    in->rcpt_count * in->origin_count);
	struct outcome *outcomes =
		ARENA_ARRAY(call->arena, struct outcome, in->rcpt_count);

	make_keys(in, entries);
	for (size_t i = 0; i < in->rcpt_count; i++) {
		if (read_rcpt(db, call, &entries[i * in->origin_count],
			      &outcomes[i], err) < 0)
			return -1;
	}
	conclude(in, outcomes, &call->out.greylist);
	for (size_t i = 0; i < in->rcpt_count; i++) {
		if (write_rcpt(db, call, i, &entries[i * in->origin_count],
			       &outcomes[i], err) < 0)
			return -1;
	}
	return 0;
}
