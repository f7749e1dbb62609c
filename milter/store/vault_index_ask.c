/* What the index is asked. */
#include "milter/store/vault_index_private.h"

#include <string.h>
#include <sys/statvfs.h>

/* Each ends with a NUL. */
static void split(struct arena *arena, struct slice joined,
		  struct vault_item *item)
{
	struct slice *rcpts;
	size_t count = 0;

	for (size_t i = 0; i < joined.n; i++)
		count += joined.p[i] == '\0';
	rcpts = ARENA_ARRAY(arena, struct slice, count + 1);
	for (size_t i = 0, from = 0; i < count; i++) {
		size_t end = slice_find(joined, from, '\0');

		rcpts[i] = slice_sub(joined, from, end);
		from = end + 1;
	}
	item->rcpts = rcpts;
	item->rcpt_count = count;
}

/* A number that a damaged file cannot make one of ours. */
static int within(int64_t n, int count)
{
	return n >= 0 && n < count ? (int)n : 0;
}

struct vault_item vault_index_row(struct vault_index *x,
				  enum vault_statement statement,
				  struct arena *arena)
{
	struct db *db = x->db;
	struct slice text[16], digest = db_column_text(db, statement, 15);
	struct vault_item item = {
		.seq = db_column(db, statement, 0),
		.class = (enum vault_class)within(db_column(db, statement, 2),
						  VAULT_CLASSES),
		.state = (enum vault_state)within(db_column(db, statement, 3),
						  VAULT_STATES),
		.rejected = db_column(db, statement, 4) != 0,
		.stored_ms = db_column(db, statement, 5),
		.size = (uint64_t)db_column(db, statement, 12),
		.bytes = (uint64_t)db_column(db, statement, 13),
		.score = (double)db_column(db, statement, 14) / 1000,
	};

	if (digest.n == sizeof(item.digest))
		memcpy(item.digest, digest.p, digest.n);
	for (int i = 6; i <= 11; i++)
		text[i] = arena_dup(arena, db_column_text(db, statement, i));
	item.id = arena_dup(arena, db_column_text(db, statement, 1));
	item.reason = text[6];
	item.sender = text[7];
	item.subject = text[8];
	item.from = text[9];
	item.client = text[10];
	split(arena, text[11], &item);
	return item;
}

/* Whether an address is the one wanted, or in the domain wanted. */
static bool is_named(struct slice address, struct slice wanted)
{
	size_t at = slice_rfind(address, '@');

	if (slice_eq_nocase(address, wanted))
		return true;
	if (wanted.n > 0 && wanted.p[0] == '@')
		wanted = slice_sub(wanted, 1, wanted.n);
	return at < address.n &&
	       slice_eq_nocase(slice_sub(address, at + 1, address.n), wanted);
}

static bool matches(const struct vault_filter *f, const struct vault_item *item)
{
	bool found = f->rcpt.n == 0;

	if (f->sender.n > 0 && !is_named(item->sender, f->sender) &&
	    !(item->sender.n == 0 && slice_eq(f->sender, SLICE("<>"))))
		return false;
	for (size_t i = 0; i < item->rcpt_count && !found; i++)
		found = is_named(item->rcpts[i], f->rcpt);
	if (!found)
		return false;
	return f->subject.n == 0 ||
	       slice_search_nocase(item->subject, f->subject) < item->subject.n;
}

static void add(struct arena *arena, struct vault_list *list, size_t *room,
		const struct vault_item *item)
{
	if (list->count == *room) {
		size_t more = *room ? 2 * *room : 64;
		struct vault_item *items =
			ARENA_ARRAY(arena, struct vault_item, more);

		if (list->count > 0)
			memcpy(items, list->items,
			       list->count * sizeof(*items));
		list->items = items;
		*room = more;
	}
	list->items[list->count++] = *item;
}

int vault_index_list(struct vault_index *x, struct arena *arena,
		     const struct vault_filter *f, struct vault_list *list_r,
		     struct err *err)
{
	size_t room = 0;
	int rc;

	memset(list_r, 0, sizeof(*list_r));
	if (vault_index_ready(x, err) < 0)
		return -1;
	db_bind(x->db, ITEMS_LIST, 1, f->since_ms);
	db_bind(x->db, ITEMS_LIST, 2, f->until_ms ? f->until_ms : INT64_MAX);
	db_bind(x->db, ITEMS_LIST, 3, f->class);
	db_bind(x->db, ITEMS_LIST, 4, f->state);
	while ((rc = db_step(x->db, ITEMS_LIST, err)) > 0) {
		struct vault_item item = vault_index_row(x, ITEMS_LIST, arena);

		if (!matches(f, &item))
			continue;
		list_r->more = f->limit > 0 && list_r->count == f->limit;
		if (list_r->more)
			break;
		add(arena, list_r, &room, &item);
	}
	db_done(x->db, ITEMS_LIST);
	return rc < 0 ? -1 : 0;
}

int vault_index_find(struct vault_index *x, struct arena *arena,
		     struct slice prefix, struct vault_item *items_r,
		     size_t room, struct err *err)
{
	size_t n = 0;
	int rc;

	if (vault_index_ready(x, err) < 0)
		return -1;
	db_bind_blob(x->db, ITEMS_FIND, 1, prefix);
	db_bind(x->db, ITEMS_FIND, 2, (int64_t)room);
	while (n < room && (rc = db_step(x->db, ITEMS_FIND, err)) != 0) {
		if (rc < 0)
			return -1;
		items_r[n] = vault_index_row(x, ITEMS_FIND, arena);
		/* The whole id comes first in order. */
		if (slice_eq(items_r[n++].id, prefix))
			break;
	}
	db_done(x->db, ITEMS_FIND);
	return (int)n;
}

int vault_index_each_since(struct vault_index *x, int64_t seq,
			   bool (*take)(void *with,
					const struct vault_item *item),
			   void *with, struct err *err)
{
	struct arena *arena;
	bool more = true;
	int rc;

	if (vault_index_ready(x, err) < 0)
		return -1;
	arena = arena_new(0);
	db_bind(x->db, ITEMS_SINCE, 1, seq);
	while (more && (rc = db_step(x->db, ITEMS_SINCE, err)) != 0) {
		struct vault_item item;

		if (rc < 0)
			break;
		arena_reset(arena);
		item = vault_index_row(x, ITEMS_SINCE, arena);
		more = take(with, &item);
	}
	db_done(x->db, ITEMS_SINCE);
	arena_free(&arena);
	return more && rc < 0 ? -1 : 0;
}

static void add_sum(struct db *db, struct vault_stats *s)
{
	int class = within(db_column(db, ITEMS_SUM, 0), VAULT_CLASSES);
	int state = within(db_column(db, ITEMS_SUM, 1), VAULT_STATES);
	int64_t oldest = db_column(db, ITEMS_SUM, 4);
	int64_t newest = db_column(db, ITEMS_SUM, 5);
	struct vault_sum sum = {db_column(db, ITEMS_SUM, 2),
				db_column(db, ITEMS_SUM, 3)};

	s->sums[class][state].messages += sum.messages;
	s->sums[class][state].bytes += sum.bytes;
	s->all.messages += sum.messages;
	s->all.bytes += sum.bytes;
	if (s->oldest_ms == 0 || oldest < s->oldest_ms)
		s->oldest_ms = oldest;
	if (state == VAULT_HELD &&
	    (s->oldest_held_ms == 0 || oldest < s->oldest_held_ms))
		s->oldest_held_ms = oldest;
	if (newest > s->newest_ms)
		s->newest_ms = newest;
}

int vault_index_stats(struct vault_index *x, struct vault_stats *stats_r,
		      struct err *err)
{
	struct statvfs fs;
	int rc;

	memset(stats_r, 0, sizeof(*stats_r));
	if (vault_index_ready(x, err) < 0)
		return -1;
	while ((rc = db_step(x->db, ITEMS_SUM, err)) > 0)
		add_sum(x->db, stats_r);
	if (rc == 0 && (rc = db_step(x->db, DAMAGED_COUNT, err)) > 0)
		stats_r->damaged = db_column(x->db, DAMAGED_COUNT, 0);
	db_done(x->db, DAMAGED_COUNT);
	if (rc < 0)
		return -1;
	if (fstatvfs(x->vault->root, &fs) == 0)
		stats_r->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}
