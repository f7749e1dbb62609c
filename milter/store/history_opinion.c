/*
 * What users said of messages in their mailboxes. It may come long after
 * the record, and is kept as long as that.
 */
#include "milter/store/history_private.h"

#include "common/base/clock.h"
#include "common/verdict/wire.h"

/* To find a record, and to wait for other writers. */
#define FIND_MS 5000
/* Opinions on one message that are told. */
#define OPINIONS_MAX 100

/* The newest record of that id. */
static int find_record(struct history *h, struct arena *arena, struct slice id,
		       struct history_noted *noted, struct err *err)
{
	const struct history_filter filter = {HISTORY_ID, id};
	const struct history_query query = {.filters = &filter,
					    .filter_count = 1,
					    .limit = 1,
					    .deadline_ms = clock_mono_ms() +
							   FIND_MS};
	struct history_row *rows;
	size_t count;
	int rc = history_search(h, arena, &query, &rows, &count, err);

	if (rc < 0)
		return -1;
	if (rc > 0 && count == 0)
		return err_set(err, "the search for a record takes too long");
	noted->known = count > 0 && record_unpack(arena, rows[0].packed,
						  &noted->record);
	if (noted->known)
		noted->number = rows[0].number;
	return 0;
}

/* What the user said before; -1: nothing. -2: err. */
static int said_before(struct history *h, const struct feedback *f,
		       struct slice id, struct err *err)
{
	int rc, said = -1;

	db_bind_blob(h->db, OPINION_SAID, 1, id);
	db_bind_blob(h->db, OPINION_SAID, 2, f->user);
	rc = db_step(h->db, OPINION_SAID, err);
	if (rc > 0)
		said = (int)db_column(h->db, OPINION_SAID, 0);
	db_done(h->db, OPINION_SAID);
	return rc < 0 ? -2 : said;
}

static int put(struct history *h, const struct feedback *f, int64_t now_ms,
	       struct history_noted *noted, struct err *err)
{
	int before = said_before(h, f, noted->record.id, err);

	if (before == -2)
		return -1;
	noted->changed = before != (int)f->said;
	db_bind_blob(h->db, OPINION_PUT, 1, noted->record.id);
	db_bind_blob(h->db, OPINION_PUT, 2, f->user);
	db_bind(h->db, OPINION_PUT, 3, noted->number);
	db_bind(h->db, OPINION_PUT, 4, now_ms);
	db_bind(h->db, OPINION_PUT, 5, f->said);
	db_bind(h->db, OPINION_PUT, 6, f->how);
	return db_step(h->db, OPINION_PUT, err);
}

/* Its parameters are all that it is about. NOLINTNEXTLINE(*-function-size) */
int history_note_opinion(struct history *h, struct arena *arena,
			 const struct feedback *feedback, struct slice id,
			 int64_t now_wall_ms, struct history_noted *noted_r,
			 struct err *err)
{
	*noted_r = (struct history_noted){.known = false};
	if (find_record(h, arena, id, noted_r, err) < 0)
		return -1;
	if (!noted_r->known)
		return 0;
	if (history_begin(h, err) < 0)
		return -1;
	if (put(h, feedback, now_wall_ms, noted_r, err) == 0 &&
	    history_commit(h, err) == 0)
		return 0;
	db_rollback(h->db);
	return -1;
}

int history_opinions(struct history *h, struct arena *arena,
		     struct record *record, struct err *err)
{
	struct record_opinion *list = NULL;
	size_t n = 0;
	int rc;

	db_bind_blob(h->db, OPINION_LIST, 1, record->id);
	db_bind(h->db, OPINION_LIST, 2, OPINIONS_MAX);
	while ((rc = db_step(h->db, OPINION_LIST, err)) > 0) {
		int64_t said = db_column(h->db, OPINION_LIST, 2);
		int64_t how = db_column(h->db, OPINION_LIST, 3);

		if (said < 0 || said >= FEEDBACK_SAIDS || how < 0 ||
		    how >= FEEDBACK_HOWS)
			continue;
		list = history_room(arena, list, n, sizeof(*list));
		list[n++] = (struct record_opinion){
			.user = arena_dup(
				arena, db_column_text(h->db, OPINION_LIST, 0)),
			.said = slice_cstr(feedback_said_word(
				(enum feedback_said)said)),
			.how = slice_cstr(
				feedback_how_word((enum feedback_how)how)),
			.time_ms = db_column(h->db, OPINION_LIST, 1),
		};
	}
	record->opinions = list;
	record->opinion_count = n;
	return rc < 0 ? -1 : 0;
}

int history_opinions_prune(struct history *h, struct err *err)
{
	int64_t first;

	if (history_number(h, RECORD_FIRST, &first, err) < 0)
		return -1;
	/* Without records, all of them. */
	db_bind(h->db, OPINION_OLD, 1, first > 0 ? first : INT64_MAX);
	return db_change(h->db, OPINION_OLD, err) < 0 ? -1 : 0;
}
