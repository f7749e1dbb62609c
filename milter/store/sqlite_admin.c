/*
 * What the administrator asks. Changes are made some rows at a time, each
 * some in a transaction of its own, so that messages need not wait for a
 * long one.
 */
#include "milter/store/sqlite_private.h"
#include "common/base/clock.h"
#include "milter/store/store_keys.h"

#include <string.h>

#define AT_A_TIME 200
#define LIMIT_MAX 1000000000

bool sqlite_named_by(struct slice wanted, const struct slice *texts,
		     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq_nocase(texts[i], wanted))
			return true;
		if (wanted.n > 0 && wanted.p[0] == '@' &&
		    slice_ends_nocase(texts[i], wanted))
			return true;
	}
	return wanted.n == 0;
}

static struct slice copy(struct db *db, struct store_call *call, int column)
{
	return arena_dup(call->arena,
			 db_column_text(db, GREYLIST_LIST, column));
}

/* An array of items of that size, twice as long as before. */
static void *more_room(struct store_call *call, const void *items, size_t size,
		       size_t *room)
{
	size_t more = *room ? *room * 2 : 64;
	void *larger = arena_array(call->arena, more, size);

	if (*room > 0)
		memcpy(larger, items, *room * size);
	*room = more;
	return larger;
}

static void read_entry(struct db *db, struct store_call *call,
		       struct greylist_entry *entry_r)
{
	int64_t delay_ms = db_column(db, GREYLIST_LIST, 9);

	*entry_r = (struct greylist_entry){
		.key = copy(db, call, 0),
		.sender = copy(db, call, 1),
		.rcpt = copy(db, call, 2),
		.origin = copy(db, call, 3),
		.record_id = copy(db, call, 4),
		.passed = db_column(db, GREYLIST_LIST, 5) != 0,
		.tries = db_column(db, GREYLIST_LIST, 6),
		.age_ms = db_column(db, GREYLIST_LIST, 7),
		.idle_ms = db_column(db, GREYLIST_LIST, 8),
		.left_ms = db_column(db, GREYLIST_LIST, 10),
	};
	if (!entry_r->passed && entry_r->age_ms < delay_ms)
		entry_r->wait_ms = delay_ms - entry_r->age_ms;
}

static int list(struct db *db, struct store_call *call, struct err *err)
{
	const struct store_list_in *in = &call->in.list;
	struct greylist_list *out = &call->out.list;
	size_t limit = in->limit < LIMIT_MAX ? in->limit : LIMIT_MAX;
	bool all = in->filter.waiting == in->filter.passed;
	size_t room = 0;
	int rc;

	*out = (struct greylist_list){.count = 0};
	sqlite_bind_now(db, GREYLIST_LIST, &call->now);
	db_bind(db, GREYLIST_LIST, 4, !all && in->filter.passed);
	db_bind(db, GREYLIST_LIST, 5, all || in->filter.passed);
	db_bind_text(db, GREYLIST_LIST, 6, in->filter.match);
	db_bind(db, GREYLIST_LIST, 7, (int64_t)limit + 1);
	while ((rc = db_step(db, GREYLIST_LIST, err)) > 0) {
		if (out->count == limit) {
			out->cut = true;
			break;
		}
		if (out->count == room)
			out->entries = more_room(call, out->entries,
						 sizeof(*out->entries), &room);
		read_entry(db, call, &out->entries[out->count++]);
	}
	db_done(db, GREYLIST_LIST);
	return rc < 0 ? -1 : 0;
}

/* The next keys that match, after *last. */
static int read_keys(struct db *db, const struct store_call *call,
		     unsigned statement, const char *last,
		     char keys_r[AT_A_TIME][STORE_KEY + 1], struct err *err)
{
	int n = 0, rc;

	sqlite_bind_now(db, statement, &call->now);
	db_bind_text(db, statement, 4, slice_cstr(last));
	db_bind_text(db, statement, 6, call->in.list.filter.match);
	db_bind(db, statement, 7, AT_A_TIME);
	while ((rc = db_step(db, statement, err)) > 0) {
		struct slice key = db_column_text(db, statement, 0);

		if (n == AT_A_TIME || key.n != STORE_KEY)
			break;
		memcpy(keys_r[n], key.p, STORE_KEY);
		keys_r[n++][STORE_KEY] = '\0';
	}
	db_done(db, statement);
	return rc < 0 ? -1 : n;
}

/* How many of these rows the statement changed, or -1. */
static int64_t change_keys(struct db *db, const struct store_call *call,
			   unsigned statement,
			   char keys[AT_A_TIME][STORE_KEY + 1], int count,
			   struct err *err)
{
	int64_t changed = 0;

	if (db_begin(db, true, err) != 0)
		return -1;
	for (int i = 0; i < count; i++) {
		int64_t n;

		sqlite_bind_now(db, statement, &call->now);
		db_bind_text(db, statement, 4,
			     (struct slice){keys[i], STORE_KEY});
		if (statement == GREYLIST_RELEASE)
			db_bind(db, statement, 5, call->in.list.lifetime_ms);
		n = db_change(db, statement, err);
		if (n < 0)
			return -1;
		changed += n;
	}
	return db_commit(db, err) < 0 ? -1 : changed;
}

/* Of all entries that match. */
static int change_all(struct db *db, struct store_call *call, unsigned reading,
		      unsigned changing, struct err *err)
{
	char keys[AT_A_TIME][STORE_KEY + 1];
	char last[STORE_KEY + 1] = "";
	int64_t changed = 0;
	int n;

	do {
		n = read_keys(db, call, reading, last, keys, err);
		if (n > 0) {
			int64_t some =
				change_keys(db, call, changing, keys, n, err);

			if (some < 0)
				return -1;
			changed += some;
			memcpy(last, keys[n - 1], sizeof(last));
		}
		if (n == AT_A_TIME && clock_mono_ms() >= call->deadline_ms) {
			err_set(&call->err,
				"there was time for %lld entries "
				"only: do it again",
				(long long)changed);
			store_call_settle(call, STORE_FAILED);
			return 0;
		}
	} while (n == AT_A_TIME);
	call->out.number = changed;
	return n < 0 ? -1 : 0;
}

static int forget(struct db *db, struct store_call *call, struct err *err)
{
	int64_t names;

	if (change_all(db, call, GREYLIST_KEYS, GREYLIST_FORGET, err) < 0)
		return -1;
	if (db_begin(db, true, err) != 0)
		return -1;
	db_bind_text(db, ALLOWED_END, 1, call->in.list.filter.match);
	names = db_change(db, ALLOWED_END, err);
	if (names < 0)
		return -1;
	call->out.number += names;
	return db_commit(db, err);
}

static int allow(struct db *db, const struct store_call *call, struct err *err)
{
	if (db_begin(db, true, err) != 0)
		return -1;
	db_bind_text(db, ALLOWED_ADD, 1, call->in.name);
	if (db_change(db, ALLOWED_ADD, err) < 0)
		return -1;
	return db_commit(db, err);
}

static int allow_list(struct db *db, struct store_call *call, struct err *err)
{
	struct store_names_in *out = &call->out.names;
	struct slice *names = NULL;
	size_t count = 0, room = 0;
	int rc;

	while ((rc = db_step(db, ALLOWED_LIST, err)) > 0) {
		if (count == room)
			names = more_room(call, names, sizeof(*names), &room);
		names[count++] = arena_dup(call->arena,
					   db_column_text(db, ALLOWED_LIST, 0));
	}
	*out = (struct store_names_in){.names = names, .count = count};
	return rc;
}

int sqlite_admin(struct db *db, struct store_call *call, struct err *err)
{
	switch (call->op) {
	case STORE_OP_LIST:
		return list(db, call, err);
	case STORE_OP_RELEASE:
		return change_all(db, call, GREYLIST_WAITING_KEYS,
				  GREYLIST_RELEASE, err);
	case STORE_OP_FORGET:
		return forget(db, call, err);
	case STORE_OP_ALLOW:
		return allow(db, call, err);
	default:
		return allow_list(db, call, err);
	}
}
