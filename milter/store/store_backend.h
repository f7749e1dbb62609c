/*
 * What store.c asks of SQLite or Redis. All functions of a back end are
 * called by one thread at a time, so it needs no locks and may wait, but
 * never past the deadline it is given.
 */
#ifndef GATEPOST_STORE_BACKEND_H
#define GATEPOST_STORE_BACKEND_H

#include "common/base/wake.h"
#include "milter/store/store.h"
#include "milter/store/store_url.h"

enum store_op {
	STORE_OP_GREYLIST,
	STORE_OP_TRUST,
	STORE_OP_NOTE,
	STORE_OP_ALLOWED,
	STORE_OP_RATE,
	/* The administrator's: rare, alone in their batch. */
	STORE_OP_LIST,
	STORE_OP_RELEASE,
	STORE_OP_FORGET,
	STORE_OP_ALLOW,
	STORE_OP_ALLOW_LIST,
};

struct store_note_in {
	struct slice domain;
	bool good;
	int64_t lifetime_ms;
};
struct store_names_in {
	const struct slice *names;
	size_t count;
};
struct store_rate_in {
	struct slice subject;
	struct rate rates[RATES_MAX];
	size_t count;
	bool take;
};
struct store_list_in {
	struct greylist_filter filter;	/* release, forget: match only */
	size_t limit;
	int64_t lifetime_ms;		/* release */
};

/*
 * One call. It and all it points to live in its own arena, and it is freed
 * by whoever drops it last: the caller may have gone by the deadline.
 */
struct store_call {
	struct arena *arena;
	enum store_op op;
	struct store_time now;		/* when it was made */
	int64_t deadline_ms;		/* monotonic */
	union {
		struct greylist_try greylist;
		struct slice name;	/* trust: domain; allow: name */
		struct store_note_in note;
		struct store_names_in names;
		struct store_rate_in rate;
		struct store_list_in list;	/* match: lower case */
	} in;
	/* Written by the back end, in the arena, before the status. */
	union {
		struct greylist_answer greylist;
		int64_t number;		/* trust, allowed, release, forget */
		struct rate_answer rate;
		struct greylist_list list;
		struct store_names_in names;	/* allow_list */
	} out;
	struct err err;			/* STORE_FAILED: what it said */
	/* store.c's own. */
	enum store_status result;	/* the back end's word */
	bool settled;			/* ... which it has given */
	atomic_int status;		/* what the caller sees */
	atomic_uint refs;
	struct wake wake;
	struct store_call *next;
};

/* The back end's word on a call, once its `out` is filled. */
static inline void store_call_settle(struct store_call *call,
				     enum store_status result)
{
	call->result = result;
	call->settled = true;
}

struct store_backend;
struct store_backend_class {
	/*
	 * Whether run() ends by the deadline whatever happens, so that who
	 * asks may call it. A write to a disk may not.
	 */
	bool keeps_deadlines;
	/* Ready to connect; opens nothing. Prefix and URL outlive it. */
	struct store_backend *(*make)(const struct store_url *url,
				      const struct state_conf *state,
				      struct err *err);
	/*
	 * Connects (again), until the deadline, and proves that writing
	 * works: the proof must come within state.timeout, though the
	 * deadline may leave more. -1: err says what is wrong, for the log.
	 */
	int (*connect)(struct store_backend *backend, int64_t deadline_ms,
		       struct err *err);
	/*
	 * Runs calls, in any order, all settled at return if 0. -1: the
	 * store as a whole does not work; calls not settled have failed. A
	 * call's own failure (a bad answer, say) is no -1.
	 */
	int (*run)(struct store_backend *backend, struct store_call **calls,
		   size_t count, int64_t deadline_ms, struct err *err);
	/*
	 * About once a minute while it works: forgets what is over. 1:
	 * there is more, call again soon. -1: as of run().
	 */
	int (*sweep)(struct store_backend *backend,
		     const struct store_time *now, int64_t deadline_ms,
		     struct err *err);
	/* Also after -1; harmless twice. */
	void (*disconnect)(struct store_backend *backend);
	/* Disconnects first if need be. */
	void (*free)(struct store_backend *backend);
};
/* Each back end's struct begins with this. */
struct store_backend {
	const struct store_backend_class *class;
};

extern const struct store_backend_class store_sqlite;
extern const struct store_backend_class store_redis;

#endif
