/* The engine's inside, for engine.c and run.c only. */
#ifndef GATEPOST_ENGINE_TABLE_H
#define GATEPOST_ENGINE_TABLE_H

#include "milter/engine/engine.h"
#include "milter/engine/score.h"

struct engine_check {
	const struct check *check;
	const void *ready;
	int64_t wait_ms, total_ms;
	uint32_t after;
};

struct engine {
	struct arena *arena;
	const struct conf *conf;
	struct resolver *resolver;
	struct store *store;	/* or NULL */
	const struct vault *vault;	/* or NULL */
	const struct scan_options *scans;	/* or NULL */
	const struct limits_conf *limits;
	const struct score *score;
	struct ip_net *nets;
	size_t net_count;
	struct engine_check checks[LOOKUPS_OWNERS];
	unsigned count;
	uint32_t awaiters;	/* checks with an await hook */
};

#endif
