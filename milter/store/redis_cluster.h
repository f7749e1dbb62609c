/*
 * The servers of a store, and which of them has a key. Of a single server,
 * it has all; of a Cluster, each of 16384 slots is one master's, and a key
 * is in the slot of its part in braces.
 */
#ifndef GATEPOST_STORE_REDIS_CLUSTER_H
#define GATEPOST_STORE_REDIS_CLUSTER_H

#include "milter/store/redis_node.h"

#define REDIS_SLOTS 16384
#define REDIS_NODES_MAX 128

struct redis_cluster {
	struct redis_node *nodes[REDIS_NODES_MAX];
	size_t count;
	bool is_one;	/* not a Cluster */
	struct redis_node *serves[REDIS_SLOTS];	/* NULL: nobody known */
	bool stale;	/* the map is to be asked for again */
	int64_t asked_ms;	/* when it last was */
};

/* The slot of a key whose part in braces is `tag`. */
unsigned redis_slot(struct slice tag);

/* Becomes that one server, and owns it. */
void redis_cluster_be_one(struct redis_cluster *cluster,
			  struct redis_node *node);
/*
 * Takes over what `asked` answered to CLUSTER SLOTS. Nodes that are no
 * master any more are freed. -1: it cannot be read; nothing has changed.
 */
int redis_cluster_apply(struct redis_cluster *cluster,
			const struct redis_answer *slots,
			const char *asked_host, struct err *err);
/* The node at that place, new if need be; NULL if there are too many. */
struct redis_node *redis_cluster_at(struct redis_cluster *cluster,
				    struct slice host, int port);
/* Frees all nodes. */
void redis_cluster_clear(struct redis_cluster *cluster);

#endif
