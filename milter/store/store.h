/*
 * The state that outlives a message and that workers, and hosts, share:
 * who was greylisted, who has a good record, what the administrator allows,
 * how much was sent. One interface; behind it SQLite for one host, or Redis
 * for several (store_backend.h).
 *
 * Each call is handed to a thread of the store's, which runs what is waiting
 * in one go, and is waited for until an absolute deadline at most. A caller
 * that is alone may run its call itself, where that keeps the deadline. When
 * the store does not work, calls return STORE_DOWN at once and the thread
 * tries, with growing pauses, until a write succeeds again; both turns are
 * logged once. So no message waits for a dead store, and nobody need ask
 * before.
 *
 * Thread-safe. Everything passed in is copied; what comes out is plain
 * values or lives in the caller's arena.
 */
#ifndef GATEPOST_STORE_STORE_H
#define GATEPOST_STORE_STORE_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/conf.h"

struct store;

/* Top of the file. */
struct store_conf {
	struct text store;		/* the URL */
};
/* Section "state". */
struct state_conf {
	struct duration timeout;	/* of each call, connecting included */
	struct text prefix;		/* of every key in Redis */
	struct text tls_ca;		/* whom rediss:// trusts; "": the
					 * authorities of the system */
	struct text tls_cert, tls_key;	/* ours; "": none */
	int64_t queue;			/* calls that may wait at a time */
	struct duration retry;		/* longest pause between two tries */
};
extern const struct settings_group store_settings;
extern const struct settings_group state_settings;

enum store_status {
	STORE_DONE,	/* done; what it wrote is confirmed */
	STORE_LATE,	/* no answer before the deadline; may still be done */
	STORE_DOWN,	/* not asked: the store is known not to work */
	STORE_FAILED,	/* the store said that it cannot */
};
/* Plain words: "the store did not answer in time" … */
const char *store_status_words(enum store_status status);

/*
 * What time it is to the store. Ages are taken by the host's own uptime
 * where the same boot saw both ends, so that a clock that is set does not
 * matter; otherwise by wall clock (Redis: the server's), never below 0.
 */
struct store_time {
	uint64_t boot;		/* which boot of which host; not 0 */
	int64_t uptime_ms;	/* CLOCK_BOOTTIME */
	int64_t wall_ms;	/* since the epoch */
};

/* For tests: another source of time. NULL: the host's clocks. */
typedef void store_clock(void *with, struct store_time *now_r);

struct store_options {
	const struct conf *conf;
	const char *state_dir;	/* what a relative SQLite path is below */
	store_clock *clock;
	void *clock_with;
	bool quiet;	/* no log lines: the caller tells what is wrong */
};

/* Whether a store can be made of the configuration; connects to nothing. */
int store_check(const struct conf *conf, const char *state_dir,
		struct err *err);
/* Whether it is kept in files, which the process must be able to write. */
bool store_is_local(const struct conf *conf);
/*
 * Opens the store and starts its thread. A store that does not answer is no
 * error; a URL that cannot be read is. SQLite's file is made if need be.
 */
struct store *store_new(const struct store_options *options, struct err *err);
/* Ends the thread once it has run what waits. Calls must have returned. */
void store_free(struct store **store);
/*
 * Waits until what was handed over by now has been run, notes included, or
 * the deadline has come.
 */
void store_flush(struct store *store, int64_t deadline_ms);
/* "redis 192.0.2.1:6379/0": what to call it; never a password. */
const char *store_name(const struct store *store);
/* Whether it works as far as is known. */
bool store_is_up(const struct store *store);
/* clock_mono_ms() plus state.timeout. */
int64_t store_deadline(const struct store *store);

struct store_stats {
	uint64_t asked;		/* calls that were handed to the thread */
	uint64_t done;
	uint64_t late;
	uint64_t failed;
	uint64_t skipped;	/* calls while the store was down */
	uint64_t downs;		/* times it went down */
	bool down;		/* whether it is now */
};
void store_stats(const struct store *store, struct store_stats *stats_r);

/* ---- greylisting ---- */

#define GREYLIST_ORIGINS_MAX 4
/* As a delay: it passes, whatever is known. */
#define GREYLIST_PASS (-1)

/*
 * A message's try. It counts for each recipient; an entry is a sender, a
 * recipient and an origin. Origins are the names the same client goes by:
 * its network, domains it has authenticated for.
 */
struct greylist_try {
	struct slice sender;		/* normalised; empty for <> */
	const struct slice *rcpts;	/* normalised, no duplicates */
	size_t rcpt_count;		/* at least 1 */
	struct slice origins[GREYLIST_ORIGINS_MAX];
	size_t origin_count;		/* at least 1 */
	struct slice record_id;
	int64_t delay_ms;		/* a retry passes from then on */
	int64_t window_ms;		/* until then; later is a first try */
	int64_t lifetime_ms;		/* of one that has passed, since use */
};

/*
 * For each recipient, an entry of any origin that has passed and is not
 * older than lifetime, or is waiting with delay <= age <= window, lets it
 * pass. The message passes when all its recipients do; then the entries of
 * all origins count as passed, now; new ones are as old as the oldest of
 * that recipient. Otherwise what waits keeps its first try, and origins
 * without an entry get one as old as the oldest of that recipient that
 * still waits; what has passed stays as it is.
 */
struct greylist_answer {
	bool pass;
	bool known;		/* pass: every recipient had passed before */
	bool first;		/* !pass: no recipient had an entry */
	int64_t wait_ms;	/* !pass: until a retry passes, at most delay */
	/* Since the first try: of the last recipient, by its first origin. */
	int64_t age_ms;
};

/* Fills *answer_r only at STORE_DONE. */
enum store_status store_greylist(struct store *store,
				 const struct greylist_try *attempt,
				 int64_t deadline_ms,
				 struct greylist_answer *answer_r);

/*
 * From now on, what would be such a try has passed: an entry for each
 * recipient and origin, which lives as any that has. For who vouches for a
 * sender: an administrator, a recipient. Its delay and window do not matter.
 * With seconds of time; -1: err says why it cannot be done.
 */
int store_greylist_pass(struct store *store, const struct greylist_try *attempt,
			struct err *err);

/* ---- what is known of a domain, and what the administrator allows ---- */

#define STORE_NAMES_MAX 8192

/*
 * How many good messages in a row that domain has sent; 0: unknown. Past
 * STORE_TRUST_MAX a store need not count every one, nor renew the record
 * more than a hundred times in its lifetime: most mail is from such domains.
 */
#define STORE_TRUST_MAX 1000
enum store_status store_trust(struct store *store, struct slice domain,
			      int64_t deadline_ms, int64_t *good_r);
/*
 * Notes a message of that domain: a good one adds one and renews the record
 * for lifetime; a bad one ends it. Not waited for, nor known to be done.
 */
void store_note(struct store *store, struct slice domain, bool good,
		int64_t lifetime_ms);
/*
 * Which of these names (addresses, domains, networks; lower case) is
 * allowed: its index, or -1. At most STORE_NAMES_MAX are looked at.
 */
enum store_status store_allowed(struct store *store, const struct slice *names,
				size_t count, int64_t deadline_ms,
				int *index_r);

/* Both of the above in one go. */
struct store_standing {
	const struct slice *names;
	size_t count;
	struct slice domain;	/* empty: is not asked for */
	/* The answers; -1 and 0 unless STORE_DONE. */
	int index;
	int64_t good;
};
enum store_status store_standing(struct store *store,
				 struct store_standing *standing,
				 int64_t deadline_ms);

/* ---- rates ---- */

#define RATES_MAX 8

/*
 * A sliding window: what was used in the interval that ends now, taken as
 * this interval's part plus the share of the last one that still counts.
 */
struct rate {
	struct slice name;	/* which limit: part of its key */
	int64_t limit;		/* at least 1 */
	int64_t amount;		/* what the message wants, 1 to limit */
	int64_t interval_ms;
};
struct rate_answer {
	bool over;
	size_t which;		/* over: the rate that asks for most patience */
	int64_t wait_ms;	/* over: until the amount fits */
	int64_t used;		/* of rate `which`, rounded up, before it */
	int64_t refused;	/* of `which`, in this interval, this one too */
};

/* The rates of one subject, at most RATES_MAX. */
struct rate_ask {
	struct slice subject; /* "user alice" */
	const struct rate *rates;
	size_t count;
	bool take; /* use them up, not only look */
};

/*
 * Whether the amounts of all rates fit; if so and `take`, they are used up;
 * if not, nothing is, and with `take` the refusal is counted. One step:
 * exact however many hosts ask.
 */
enum store_status store_rate(struct store *store, const struct rate_ask *ask,
			     int64_t deadline_ms, struct rate_answer *answer_r);

/* ---- for the administrator; seconds, not milliseconds ---- */

struct greylist_entry {
	struct slice key;	/* 16 characters: names the entry */
	struct slice sender, rcpt, origin;
	struct slice record_id;	/* of its last try */
	bool passed;
	int64_t age_ms;		/* since its first try */
	int64_t idle_ms;	/* since its last try */
	int64_t wait_ms;	/* waiting: until a retry passes, 0: now */
	int64_t left_ms;	/* until it is forgotten */
	int64_t tries;
};
/* Which entries: all that match every field that is set. */
struct greylist_filter {
	bool waiting, passed;	/* neither: both */
	/*
	 * Key, sender or recipient, a whole address or (from '@' on) a
	 * domain, without case. Empty: any.
	 */
	struct slice match;
};
struct greylist_list {
	struct greylist_entry *entries;	/* oldest first try first */
	size_t count;
	bool cut;		/* there were more than the limit */
};

int store_greylist_list(struct store *store, struct arena *arena,
			const struct greylist_filter *filter, size_t limit,
			struct greylist_list *list_r, struct err *err);
/* Lets the waiting entries that match pass; the number, or -1. */
int64_t store_greylist_release(struct store *store, struct slice match,
			       int64_t lifetime_ms, struct err *err);
/* Removes entries that match, and an allowed name; the number, or -1. */
int64_t store_greylist_forget(struct store *store, struct slice match,
			      struct err *err);
/* From now on that name (as in store_allowed()) is never deferred. */
int store_allow(struct store *store, struct slice name, struct err *err);
/* All allowed names, in order. */
int store_allow_list(struct store *store, struct arena *arena,
		     struct slice **names_r, size_t *count_r,
		     struct err *err);

#endif
