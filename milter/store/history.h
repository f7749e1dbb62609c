/*
 * The history: every verdict record, in an SQLite file of its own, found
 * again by what an administrator knows of a message. The recorder is its
 * only writer; any number of processes read meanwhile. Not thread-safe: a
 * struct history belongs to one thread.
 *
 * Rows are numbered in the order in which they came; a number holds the
 * time too, so a range of time is a range of rows.
 */
#ifndef GATEPOST_STORE_HISTORY_H
#define GATEPOST_STORE_HISTORY_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/conf.h"
#include "common/verdict/feedback.h"
#include "common/verdict/record.h"

/* Section "history". */
struct history_conf {
	bool enabled;
	struct duration keep;	/* the age at which a record goes */
	int64_t records;	/* how many are kept */
	struct bytesize size;	/* how large the file's contents may be */
};
extern const struct settings_group history_settings;

struct history;

/* `path` below state_dir: history.db. */
void history_path(const char *state_dir, char *path, size_t room);
/*
 * Opens for writing: makes the file, or brings an older one to the present
 * version in one transaction. A file of a later version is refused.
 */
struct history *history_open(const char *path, const struct history_conf *conf,
			     struct err *err);
/* Opens what is there for reading; NULL and err if there is none. */
struct history *history_read(const char *path, struct err *err);
void history_close(struct history **history);

/* What happened to messages that were deferred by greylisting. */
struct history_news {
	unsigned returned;	/* came back, by a record that was added */
	unsigned never_returned;/* given up after a day */
};

/*
 * Adds packed records (wire.h) in one transaction, all or none. Those that
 * are no records are left out and counted in *bad_r. -1: the file cannot be
 * written; err says why. Waits for other processes until deadline_ms
 * (monotonic) at most.
 */
int history_add(struct history *history, const struct slice *packed,
		size_t count, int64_t deadline_ms, unsigned *bad_r,
		struct history_news *news_r, struct err *err);
/*
 * Removes what is too old, too many or too large, a bounded piece at a time:
 * 1 while there is more to do, 0 when done, -1 on failure. To come to 0 may
 * take a tenth of a second of CPU time, so some rounds a minute are enough.
 */
int history_prune(struct history *history, int64_t now_wall_ms,
		  int64_t deadline_ms, struct history_news *news_r,
		  struct err *err);

/* What a record is found by; the words are those of the options. */
enum history_key {
	HISTORY_ID,		/* record id */
	HISTORY_QUEUE,		/* queue id */
	HISTORY_MESSAGE_ID,	/* with or without <> */
	HISTORY_SENDER,		/* address, DOMAIN or @DOMAIN; "" or <> */
	HISTORY_RECIPIENT,	/* the same */
	HISTORY_CLIENT,		/* address, its /24 (IPv6: /64), or its name */
	HISTORY_USER,		/* who logged in */
	HISTORY_ACTION,
	HISTORY_DIRECTION,
	HISTORY_SYMBOL,
	HISTORY_STORY,		/* history_story() of a record */
};
#define HISTORY_KEYS 11
#define HISTORY_FILTERS_MAX 12

struct history_filter {
	enum history_key key;
	struct slice value;	/* letters without case, but for ids */
};

struct history_query {
	const struct history_filter *filters;	/* all must hold */
	size_t filter_count;		/* HISTORY_FILTERS_MAX at most */
	int64_t since_ms, until_ms;	/* wall clock, until exclusive; 0: no
					 * bound */
	int64_t after, before;		/* row numbers, both exclusive; 0: none */
	bool oldest_first;		/* else the newest */
	size_t limit;
	int64_t deadline_ms;		/* monotonic; past it, what was found */
};

struct history_row {
	int64_t number;
	int64_t time_ms;	/* when the verdict was there; wall clock */
	struct slice packed;	/* in the arena */
};

/*
 * Finds rows; they live in the arena. 1: the deadline came first, there may
 * be more. -1: it could not be read, or a value is none of that key.
 */
int history_search(struct history *history, struct arena *arena,
		   const struct history_query *query,
		   struct history_row **rows_r, size_t *count_r,
		   struct err *err);
/*
 * The name under which the tries of one message are found: sender and
 * Message-ID, or sender, recipients and subject where there is none.
 */
struct slice history_story(struct arena *arena, const struct record *record);

/* What came of the messages of one piece of time. */
struct history_total {
	int64_t start_ms;	/* wall clock */
	struct slice direction, action;
	uint64_t messages, bytes;
};

/*
 * Sums of what began before until_ms (0: no bound), in pieces of step_ms (a minute for two days back, an hour for 400
 * days; rounded up to one of them), oldest first; what has none is left
 * out. They outlive the records.
 */
int history_totals(struct history *history, struct arena *arena,
		   int64_t since_ms, int64_t until_ms, int64_t step_ms,
		   struct history_total **totals_r, size_t *count_r,
		   struct err *err);

struct history_count {
	struct slice value;
	uint64_t count;
};

/*
 * The commonest values of a key in that time among the records that are
 * kept, the most frequent first, at most `limit`. For SENDER and RECIPIENT
 * addresses, not their domains.
 */
int history_top(struct history *history, struct arena *arena,
		enum history_key key, int64_t since_ms, int64_t until_ms,
		size_t limit, struct history_count **counts_r, size_t *count_r,
		struct err *err);

/* What came of noting an opinion. */
struct history_noted {
	bool known;		/* there is a record of that id */
	bool changed;		/* this user had not said so before */
	int64_t number;		/* of the record, if it is known */
	struct record record;	/* in the arena */
};

/*
 * Notes what a user said of one of the messages, in place of what he said
 * of it before. An id without a record is no error: it is not noted.
 */
int history_note_opinion(struct history *history, struct arena *arena,
			 const struct feedback *feedback, struct slice id,
			 int64_t now_wall_ms, struct history_noted *noted_r,
			 struct err *err);
/* Fills in what users said of that record, the oldest first. */
int history_opinions(struct history *history, struct arena *arena,
		     struct record *record, struct err *err);

struct history_size {
	int64_t records;
	int64_t bytes;		/* in use, not counting what is free */
	int64_t oldest_ms, newest_ms;	/* 0: there is none */
};
int history_size(struct history *history, struct history_size *size_r,
		 struct err *err);

#endif
