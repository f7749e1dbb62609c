/*
 * The history from within.
 *
 * A record is a row, and a posting in `term` for each thing it is found by.
 * Postings are kept in segments, of so many records each: what is written
 * and removed at a time then lies together and stays in memory, however
 * long the history is, and a search looks into each segment in turn. A
 * segment knows its first number and how many records it has left; postings
 * whose record is gone lie below the first record and are swept later.
 */
#ifndef GATEPOST_STORE_HISTORY_PRIVATE_H
#define GATEPOST_STORE_HISTORY_PRIVATE_H

#include "milter/store/history_terms.h"
#include "milter/store/sqlite_checkpoint.h"
#include "milter/store/sqlite_db.h"

/* Of a number: what is above is the time in milliseconds. */
#define NUMBER_BITS 12
#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)
/*
 * A greylisted message that took longer is given up. It is the default of
 * greylist.window, which cannot be seen from here.
 */
#define HISTORY_WAIT_MS DAY_MS
/* Records after which a segment is full. */
#define SEGMENT_RECORDS 16384

enum history_statement {
	RECORD_LAST,
	RECORD_FIRST,
	RECORD_ADD,
	RECORD_GET,
	RECORD_REMOVE,
	RECORDS_NEWEST,
	RECORDS_OLDEST,
	SEGMENT_LAST,
	SEGMENT_FIRST,
	SEGMENT_ADD,
	SEGMENT_TAKE,
	SEGMENT_END,
	SEGMENT_SUM,
	SEGMENTS_NEWEST,
	SEGMENTS_OLDEST,
	TERM_ADD,
	TERM_SWEEP_TO,
	TERM_SWEEP,
	TERM_TOP,
	OPINION_SAID,
	OPINION_PUT,
	OPINION_LIST,
	OPINION_OLD,
	WAITING_FIND,
	WAITING_ADD,
	WAITING_END,
	WAITING_OLD,
	TOTAL_ADD,
	TOTAL_LIST,
	TOTAL_OLD,
	/* One for each filter, in either direction. */
	POSTING_NEWEST,
	POSTING_OLDEST = POSTING_NEWEST + HISTORY_FILTERS_MAX,
	HISTORY_STATEMENTS = POSTING_OLDEST + HISTORY_FILTERS_MAX,
};
extern const char *const history_statements[HISTORY_STATEMENTS];

/* The postings of the oldest segment that are being swept. */
struct history_sweep {
	int64_t segment;	       /* 0: none is */
	int64_t below;		       /* numbers that go */
	int64_t done;		       /* numbers below are gone already */
	struct history_term at;	       /* swept with all before it */
	char value[HISTORY_VALUE_MAX]; /* of `at` */
};

struct history_batch;

struct history {
	struct arena *arena; /* holds all of it */
	const char *path;
	struct history_conf conf;
	bool writes;
	struct db *db;
	struct checkpointer *checkpointer; /* of one that writes */
	struct history_batch *batch;	   /* the same */
	struct history_sweep sweep;
};

/*
 * Opens anew if the path names another file by now. Who writes is waited
 * for until then, now and in what follows.
 */
int history_ready(struct history *history, int64_t deadline_ms,
		  struct err *err);
/* Begins to write; after a failure, db_rollback(). */
int history_begin(struct history *history, struct err *err);
int history_commit(struct history *history, struct err *err);
/* The number that a statement without parameters gives; NULL is 0. */
int history_number(struct history *history, unsigned statement,
		   int64_t *number_r, struct err *err);

/* history_size() within a transaction. */
int history_measure(struct history *history, struct history_size *size_r,
		    struct err *err);
/* The least number of a time. */
int64_t history_number_at(int64_t ms);
/* Room for one more item than `count` in a list that grows. */
void *history_room(struct arena *arena, void *items, size_t count, size_t size);

/* Brings a file that is open to the present version. */
int history_upgrade(struct history *history, struct err *err);
/* That a file opened for reading has it. */
int history_check_version(struct history *history, int64_t deadline_ms,
			  struct err *err);

/* What a batch gathers before it is written. */
struct history_batch *history_batch_new(struct arena *arena);
void history_batch_free(struct history_batch **batch);

/* Of a record that was added, by its terms; within the transaction. */
int history_note_story(struct history *history,
		       const struct history_term *terms, size_t count,
		       struct history_news *news, struct err *err);
/* Drops what was said of records that are gone; within the transaction. */
int history_opinions_prune(struct history *history, struct err *err);
/* Gives up what has waited too long: 1 if there may be more. */
int history_give_up(struct history *history, int64_t now_ms,
		    struct history_news *news, struct err *err);

/* Sums that have not been written yet. */
#define TOTALS_PENDING 64
#define TOTAL_WORD 32
struct history_sum {
	int64_t minute;			/* its start */
	struct slice direction, action; /* in `words` */
	char words[2 * TOTAL_WORD];
	int64_t messages, bytes;
};
struct history_sums {
	struct history_sum v[TOTALS_PENDING];
	size_t n;
};
/* Within the transaction; history_sums_write() once all were added. */
int history_sums_add(struct history *history, struct history_sums *sums,
		     const struct record *record, int64_t time_ms,
		     struct err *err);
int history_sums_write(struct history *history, struct history_sums *sums,
		       struct err *err);
int history_sums_prune(struct history *history, int64_t now_ms,
		       struct err *err);

#endif
