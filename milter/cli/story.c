/* Looks a name up as each kind of id in turn, then gathers its story. */
#include "milter/cli/story.h"

#include "common/base/clock.h"
#include "common/verdict/wire.h"
#include "milter/cli/recipient_view.h"

#define FOUND_MAX 200
#define TRIES_MAX 500
#define SEARCH_MS 30000

struct finder {
	struct history *history;
	struct arena *arena;
	struct slice recipient; /* empty: whoever asks may see all */
	struct err *err;
};

/* Records, oldest first; *cut_r: not all of them. */
static int look_up(const struct finder *f, const struct history_filter *filter,
		   size_t limit, struct story *story_r)
{
	const struct history_query query = {
		.filters = filter,
		.filter_count = 1,
		.limit = limit,
		.deadline_ms = clock_mono_ms() + SEARCH_MS,
	};
	struct history_row *rows;
	size_t count, n = 0;
	int rc = history_search(f->history, f->arena, &query, &rows, &count,
				f->err);

	if (rc < 0)
		return -1;
	*story_r = (struct story){
		.records = ARENA_ARRAY(f->arena, struct record, count + 1),
		.cut = rc > 0 || count == limit};
	for (size_t i = count; i-- > 0;)
		n += record_unpack(f->arena, rows[i].packed,
				   &story_r->records[n]);
	story_r->count = n;
	return 0;
}

static bool is_visible(const struct finder *f, const struct record *record)
{
	struct record view;

	return f->recipient.n == 0 ||
	       recipient_view(f->arena, record, f->recipient, &view);
}

/* Leaves only what the recipient may know of. */
static void keep_visible(const struct finder *f, struct record *records,
			 size_t *count)
{
	size_t n = 0;

	for (size_t i = 0; i < *count; i++)
		if (is_visible(f, &records[i]))
			records[n++] = records[i];
	*count = n;
}

static int find_named(const struct finder *f, struct slice name,
		      struct story *found_r)
{
	static const enum history_key keys[] = {HISTORY_ID, HISTORY_QUEUE,
						HISTORY_MESSAGE_ID};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct history_filter filter = {keys[i], name};

		if (look_up(f, &filter, FOUND_MAX, found_r) < 0)
			return -1;
		keep_visible(f, found_r->records, &found_r->count);
		if (found_r->count > 0)
			return 0;
	}
	return 0;
}

static bool share_recipient(const struct record *a, const struct record *b)
{
	for (size_t i = 0; i < a->rcpt_count; i++)
		for (size_t k = 0; k < b->rcpt_count; k++)
			if (slice_eq_nocase(a->rcpts[i], b->rcpts[k]))
				return true;
	return a->rcpt_count == 0 && b->rcpt_count == 0;
}

static bool is_deferred(const struct record *r)
{
	bool refused = r->reply.n > 0 && r->reply.p[0] == '5';

	return !refused && !slice_eq(r->action, SLICE("accept")) &&
	       !slice_eq(r->action, SLICE("tag")) &&
	       !slice_eq(r->action, SLICE("reject"));
}

/* Drops what lies beyond a try that was the last of its message. */
static void keep_one_fate(const struct record *records, size_t count,
			  size_t anchor, bool *picked)
{
	bool on = true;

	for (size_t i = anchor; i-- > 0;) {
		if (picked[i] && !is_deferred(&records[i]))
			on = false;
		picked[i] = picked[i] && on;
	}
	on = is_deferred(&records[anchor]);
	for (size_t i = anchor + 1; i < count; i++) {
		bool was = picked[i];

		picked[i] = was && on;
		if (was && !is_deferred(&records[i]))
			on = false;
	}
}

void story_pick(struct arena *arena, const struct record *records, size_t count,
		size_t anchor, bool *picked_r)
{
	size_t *queue = ARENA_ARRAY(arena, size_t, count + 1);
	size_t first = 0, last = 0;

	for (size_t i = 0; i < count; i++)
		picked_r[i] = i == anchor;
	queue[last++] = anchor;
	while (first < last) {
		size_t at = queue[first++];

		for (size_t i = 0; i < count; i++) {
			if (picked_r[i] ||
			    !share_recipient(&records[at], &records[i]))
				continue;
			picked_r[i] = true;
			queue[last++] = i;
		}
	}
	if (records[anchor].message_id.n == 0)
		keep_one_fate(records, count, anchor, picked_r);
}

static size_t find_id(const struct record *records, size_t count,
		      struct slice id)
{
	size_t i = 0;

	while (i < count && !slice_eq(records[i].id, id))
		i++;
	return i;
}

/* The tries that go with one record, which is the named one. */
static int gather(const struct finder *f, const struct record *named,
		  struct story *story_r)
{
	const struct history_filter filter = {HISTORY_STORY,
					      history_story(f->arena, named)};
	bool *picked;
	size_t anchor, n = 0;

	if (look_up(f, &filter, TRIES_MAX, story_r) < 0)
		return -1;
	anchor = find_id(story_r->records, story_r->count, named->id);
	if (anchor == story_r->count) {
		/* Of very many tries, an old one. */
		story_r->records[0] = *named;
		story_r->count = 1;
		anchor = 0;
	}
	picked = ARENA_ARRAY(f->arena, bool, story_r->count + 1);
	story_pick(f->arena, story_r->records, story_r->count, anchor, picked);
	for (size_t i = 0; i < story_r->count; i++)
		if (picked[i])
			story_r->records[n++] = story_r->records[i];
	story_r->count = n;
	return 0;
}

/*
 * The messages that what was found belongs to, each by its newest try; the
 * story of the first of them.
 */
static int gather_all(const struct finder *f, struct story *found,
		      struct story *story_r)
{
	struct record *newest =
		ARENA_ARRAY(f->arena, struct record, found->count + 1);
	size_t messages = 0;

	while (found->count > 0) {
		const struct record last = found->records[found->count - 1];
		struct story story;
		size_t n = 0;

		newest[messages] = last;
		if (gather(f, &last, &story) < 0)
			return -1;
		if (messages++ == 0)
			*story_r = story;
		for (size_t i = 0; i + 1 < found->count; i++)
			if (find_id(story.records, story.count,
				    found->records[i].id) == story.count)
				found->records[n++] = found->records[i];
		found->count = n;
	}
	if (messages > 1)
		*story_r = (struct story){.others = newest,
					  .other_count = messages};
	return 0;
}

static void show_as_seen(const struct finder *f, struct record *records,
			 size_t count)
{
	for (size_t i = 0; f->recipient.n > 0 && i < count; i++) {
		const struct record whole = records[i];

		(void)recipient_view(f->arena, &whole, f->recipient,
				     &records[i]);
	}
}

/* What users said; a recipient sees what he said himself. */
static int add_opinions(const struct finder *f, struct record *record)
{
	struct record_opinion *own;
	size_t n = 0;

	if (history_opinions(f->history, f->arena, record, f->err) < 0)
		return -1;
	if (f->recipient.n == 0)
		return 0;
	own = ARENA_ARRAY(f->arena, struct record_opinion,
			  record->opinion_count + 1);
	for (size_t i = 0; i < record->opinion_count; i++)
		if (slice_eq_nocase(record->opinions[i].user, f->recipient))
			own[n++] = record->opinions[i];
	record->opinions = own;
	record->opinion_count = n;
	return 0;
}

int story_find(struct history *history, struct arena *arena,
	       const struct story_ask *ask, struct story *story_r,
	       struct err *err)
{
	const struct finder f = {history, arena, ask->recipient, err};
	struct story found;

	*story_r = (struct story){.count = 0};
	if (find_named(&f, ask->name, &found) < 0 ||
	    gather_all(&f, &found, story_r) < 0)
		return -1;
	keep_visible(&f, story_r->records, &story_r->count);
	show_as_seen(&f, story_r->records, story_r->count);
	show_as_seen(&f, story_r->others, story_r->other_count);
	for (size_t i = 0; i < story_r->count; i++)
		if (add_opinions(&f, &story_r->records[i]) < 0)
			return -1;
	story_r->detail = find_id(story_r->records, story_r->count, ask->name);
	if (story_r->detail == story_r->count && story_r->count > 0)
		story_r->detail = story_r->count - 1;
	return 0;
}
