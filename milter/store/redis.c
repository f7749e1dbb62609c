/*
 * The back end as store.c sees it. Nothing is opened before connect(), and
 * Redis forgets by itself what is over, so there is nothing to sweep.
 */
#include "milter/store/redis_private.h"

#include "common/base/clock.h"

#include <stdlib.h>

static void redis_free(struct store_backend *backend)
{
	struct redis *redis = (struct redis *)backend;

	redis_cluster_clear(&redis->cluster);
	redis_names_free(&redis->shared.names);
	redis_tls_free(&redis->shared.tls);
	arena_free(&redis->arena);
	free(redis->tasks);
	free(redis->steps);
	free(redis);
}

static int check_prefix(struct slice prefix, struct err *err)
{
	if (prefix.n == 0 || prefix.n > REDIS_PREFIX_MAX ||
	    !slice_is_printable(prefix) ||
	    slice_find(prefix, 0, ' ') < prefix.n ||
	    slice_find(prefix, 0, '{') < prefix.n ||
	    slice_find(prefix, 0, '}') < prefix.n)
		return err_set(err,
			       "state.prefix: must be 1 to %d printable "
			       "characters, none of them a space or a brace",
			       REDIS_PREFIX_MAX);
	return 0;
}

static struct store_backend *redis_make(const struct store_url *url,
					const struct state_conf *state,
					struct err *err)
{
	struct redis *redis;

	if (check_prefix(state->prefix.s, err) < 0)
		return NULL;
	redis = calloc(1, sizeof(*redis));
	if (redis)
		redis->shared.names = redis_names_new();
	if (!redis || !redis->shared.names) {
		free(redis);
		err_set(err, "store: out of memory");
		return NULL;
	}
	redis->backend.class = &store_redis;
	redis->arena = arena_new(0);
	redis->shared.url = url;
	redis->shared.prefix = state->prefix.s;
	redis->shared.timeout_ms = state->timeout.ms;
	redis->shared.retry_ms = state->retry.ms;
	redis_scripts_init(&redis->shared.scripts, redis->arena);
	if (url->tls) {
		redis->shared.tls = redis_tls_new(state, err);
		if (!redis->shared.tls) {
			redis_free(&redis->backend);
			return NULL;
		}
	}
	return &redis->backend;
}

static int redis_class_connect(struct store_backend *backend,
			       int64_t deadline_ms, struct err *err)
{
	return redis_connect((struct redis *)backend, deadline_ms, err);
}

static int redis_class_run(struct store_backend *backend,
			   struct store_call **calls, size_t count,
			   int64_t deadline_ms, struct err *err)
{
	struct redis *redis = (struct redis *)backend;

	if (count == 1 && calls[0]->op >= STORE_OP_LIST)
		return redis_admin_run(redis, calls[0], deadline_ms, err);
	return redis_run(redis, calls, count, deadline_ms, err);
}

static int redis_sweep(struct store_backend *backend,
		       const struct store_time *now, int64_t deadline_ms,
		       struct err *err)
{
	(void)backend;
	(void)now;
	(void)deadline_ms;
	(void)err;
	return 0;
}

static void redis_disconnect(struct store_backend *backend)
{
	struct redis *redis = (struct redis *)backend;

	for (size_t i = 0; i < redis->cluster.count; i++)
		redis_node_close(redis->cluster.nodes[i]);
}

const struct store_backend_class store_redis = {
	.keeps_deadlines = true,
	.make = redis_make,
	.connect = redis_class_connect,
	.run = redis_class_run,
	.sweep = redis_sweep,
	.disconnect = redis_disconnect,
	.free = redis_free,
};
