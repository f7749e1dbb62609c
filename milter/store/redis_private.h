/*
 * The back end for Redis from within: redis.c is what store.c sees,
 * redis_connect.c finds and greets the servers, redis_run.c takes a batch
 * through them, redis_calls.c turns calls into commands and answers into
 * results, redis_admin.c does what the administrator asks.
 */
#ifndef GATEPOST_STORE_REDIS_PRIVATE_H
#define GATEPOST_STORE_REDIS_PRIVATE_H

#include "milter/store/redis_cluster.h"
#include "milter/store/store_backend.h"
#include "milter/store/store_keys.h"

struct redis_task;
struct redis_step;

struct redis {
	struct store_backend backend;
	struct arena *arena;
	struct redis_shared shared;
	struct redis_cluster cluster;
	/* Of the batch, kept for the next. */
	struct redis_task *tasks;
	size_t task_room;
	struct redis_step *steps;
	size_t step_count, step_room;
};

/* ---- redis_connect.c ---- */

int redis_connect(struct redis *redis, int64_t deadline_ms, struct err *err);
/* A node that cannot be used, as its fault says, or can again; the log says
 * either once. A lost one is closed for a while. */
void redis_lose_node(struct redis *redis, struct redis_node *node);
void redis_welcome_node(struct redis *redis, struct redis_node *node);

/* ---- redis_sentinel.c ---- */

struct redis_place {
	char host[REDIS_HOST_MAX + 1];
	int port;
};
/* Where the sentinels say that the master is. */
int redis_sentinel_find(struct redis_shared *shared, int64_t deadline_ms,
			struct redis_place *master_r, struct err *err);

/* ---- redis_run.c ---- */

int redis_run(struct redis *redis, struct store_call **calls, size_t count,
	      int64_t deadline_ms, struct err *err);

/* ---- redis_calls.c ---- */

/* The part in braces of all keys of a call. */
void redis_call_tag(const struct store_call *call, char tag_r[STORE_KEY + 1]);
/* Appends the call's command, which has one answer. */
void redis_call_send(struct redis_conn *conn, const struct redis_shared *shared,
		     const struct store_call *call);
/* Fills `out` from an answer that is no error; settles the call. */
void redis_call_read(struct store_call *call,
		     const struct redis_answer *answer);

/* ---- redis_admin.c ---- */

/* As run(), for one call of the administrator's. */
int redis_admin_run(struct redis *redis, struct store_call *call,
		    int64_t deadline_ms, struct err *err);

#endif
