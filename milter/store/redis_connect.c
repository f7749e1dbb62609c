/*
 * All servers that may know something are asked at the same time and the
 * first good answer is taken, so that a dead one among them costs nothing.
 * What follows shows whether it was right: a map is only needed of a
 * Cluster, a master says that it is one, and a write must work.
 */
#include "milter/store/redis_private.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <stdio.h>
#include <string.h>

#define SEEDS_MAX (STORE_HOSTS_MAX + 16)

/* Servers to begin with. */
struct seeds {
	struct redis_node *node[SEEDS_MAX];
	size_t count;
	unsigned greeting;
	bool is_told; /* by Sentinel: its hosts are no servers */
};

static void seeds_add(struct seeds *seeds, const char *host, int port)
{
	for (size_t i = 0; i < seeds->count; i++) {
		if (seeds->node[i]->port == port &&
		    strcmp(seeds->node[i]->host, host) == 0)
			return;
	}
	if (seeds->count < SEEDS_MAX)
		seeds->node[seeds->count++] = redis_node_new(host, port);
}

static void seeds_free(struct seeds *seeds)
{
	for (size_t i = 0; i < seeds->count; i++)
		redis_node_free(&seeds->node[i]);
	seeds->count = 0;
}

static int seeds_find(struct redis *redis, struct seeds *seeds,
		      int64_t deadline_ms, struct err *err)
{
	const struct store_url *url = redis->shared.url;
	struct redis_place master;

	seeds->greeting = REDIS_GREET_SLOTS | REDIS_GREET_SCRIPTS;
	if (url->kind == STORE_KIND_REDIS_UNIX) {
		seeds->node[seeds->count++] = redis_node_new_unix(url->path);
		return 0;
	}
	if (url->kind == STORE_KIND_REDIS_SENTINEL) {
		seeds->greeting |= REDIS_GREET_ROLE;
		if (redis_sentinel_find(&redis->shared, deadline_ms, &master,
					err) < 0)
			return -1;
		seeds_add(seeds, master.host, master.port);
		seeds->is_told = true;
		return 0;
	}
	for (size_t i = 0; i < url->host_count; i++)
		seeds_add(seeds, url->hosts[i].host, url->hosts[i].port);
	/* The Cluster may have moved away from the hosts in the settings. */
	for (size_t i = 0; i < redis->cluster.count; i++)
		seeds_add(seeds, redis->cluster.nodes[i]->host,
			  redis->cluster.nodes[i]->port);
	return 0;
}

/* Starts all look-ups of names at once, rather than one after the other. */
static void warm_names(const struct redis_shared *shared,
		       const struct seeds *seeds)
{
	struct redis_addresses ignored;
	struct err err;

	for (size_t i = 0; i < seeds->count && seeds->count > 1; i++) {
		if (seeds->node[i]->host[0])
			redis_names_find(shared->names, seeds->node[i]->host,
					 seeds->node[i]->port, 0, &ignored,
					 &err);
	}
}

/* Takes greetings that are complete: the node of a good one, or NULL. */
static struct redis_node *seeds_greeted(struct seeds *seeds,
					struct redis_shared *shared,
					struct err *err)
{
	for (size_t i = 0; i < seeds->count; i++) {
		struct redis_node *node = seeds->node[i];

		if (node->state != REDIS_NODE_GREETING ||
		    redis_conn_missing(node->conn) > 0)
			continue;
		if (redis_node_greeted(node, shared, &node->fault) == 0)
			return node;
		err_set(err, "%s%s%s", seeds->count > 1 ? node->name : "",
			seeds->count > 1 ? ": " : "", node->fault.text);
	}
	return NULL;
}

/* The first seed that answers well; NULL and err. */
static struct redis_node *seeds_ask(struct seeds *seeds,
				    struct redis_shared *shared,
				    int64_t deadline_ms, struct err *err)
{
	struct redis_conn *conns[SEEDS_MAX];
	struct redis_node *good;
	size_t n = 0;
	bool more = true;

	err_set(err, "no server is named");
	warm_names(shared, seeds);
	for (size_t i = 0; i < seeds->count; i++) {
		struct redis_node *node = seeds->node[i];

		if (redis_node_open(node, shared, seeds->greeting, deadline_ms,
				    err) == 0)
			conns[n++] = node->conn;
	}
	for (;;) {
		good = seeds_greeted(seeds, shared, err);
		if (good || !more || clock_mono_ms() >= deadline_ms)
			break;
		more = redis_conns_step(conns, n, deadline_ms);
	}
	if (good || !more)
		return good;
	redis_conns_wait(conns, n, 0);
	return seeds_greeted(seeds, shared, err);
}

/* Of a single server, store.c tells. */
static void tell_lost(const struct redis *redis, struct redis_node *node)
{
	if (node->told || redis->cluster.is_one)
		return;
	node->told = true;
	log_warn("store %s: node %s does not work: %s; what it has is out of "
		 "reach until it does or another takes over",
		 redis->shared.url->name, node->name, node->fault.text);
}

void redis_lose_node(struct redis *redis, struct redis_node *node)
{
	redis_node_fail(node, &redis->shared);
	node->awaited = false;
	redis->cluster.stale = true;
	tell_lost(redis, node);
}

void redis_welcome_node(struct redis *redis, struct redis_node *node)
{
	if (node->told)
		log_warn("store %s: node %s works again",
			 redis->shared.url->name, node->name);
	node->told = false;
}

static int probe_one(struct redis *redis, struct redis_node *node,
		     int64_t deadline_ms, struct err *err)
{
	redis_node_probe(node, &redis->shared);
	redis_conns_wait(&node->conn, 1, deadline_ms);
	if (redis_node_probed(node, err) < 0) {
		redis_node_close(node);
		return -1;
	}
	redis_conn_forget(node->conn);
	return 0;
}

static size_t conns_of(const struct redis_cluster *cluster,
		       enum redis_node_state state,
		       struct redis_conn *conns_r[REDIS_NODES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->nodes[i]->state == state)
			conns_r[n++] = cluster->nodes[i]->conn;
	}
	return n;
}

static void greet_masters(struct redis *redis, int64_t deadline_ms)
{
	struct redis_cluster *cluster = &redis->cluster;
	struct redis_conn *conns[REDIS_NODES_MAX];
	size_t n;

	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (redis_node_open(node, &redis->shared, REDIS_GREET_SCRIPTS,
				    deadline_ms, &node->fault) < 0)
			redis_node_fail(node, &redis->shared);
	}
	n = conns_of(cluster, REDIS_NODE_GREETING, conns);
	redis_conns_wait(conns, n, deadline_ms);
	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->state == REDIS_NODE_GREETING &&
		    redis_node_greeted(node, &redis->shared, &node->fault) < 0)
			redis_node_fail(node, &redis->shared);
	}
}

/* -1: one says that the Cluster as a whole is down. */
static int probe_masters(struct redis *redis, int64_t deadline_ms,
			 struct err *err)
{
	int rc = 0;
	struct redis_cluster *cluster = &redis->cluster;
	struct redis_conn *conns[REDIS_NODES_MAX];
	size_t n = conns_of(cluster, REDIS_NODE_READY, conns);

	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->nodes[i]->state == REDIS_NODE_READY)
			redis_node_probe(cluster->nodes[i], &redis->shared);
	}
	redis_conns_wait(conns, n, deadline_ms);
	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->state != REDIS_NODE_READY)
			continue;
		if (redis_node_probed(node, &node->fault) < 0)
			redis_node_fail(node, &redis->shared);
		redis_conn_forget(node->conn);
		if (node->cluster_down)
			rc = err_set(err, "%s", node->fault.text);
	}
	return rc;
}

/* If some work, the others are told; if none does, that is. */
static bool tell_masters(struct redis *redis)
{
	struct redis_cluster *cluster = &redis->cluster;
	struct redis_conn *conns[REDIS_NODES_MAX];

	if (conns_of(cluster, REDIS_NODE_READY, conns) == 0)
		return false;
	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->state == REDIS_NODE_READY) {
			redis_welcome_node(redis, node);
			continue;
		}
		cluster->stale = true;
		tell_lost(redis, node);
	}
	return true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int connect_cluster(struct redis *redis, const struct redis_node *seed,
			   int64_t deadline_ms, struct err *err)
{
	struct redis_cluster *cluster = &redis->cluster;
	int64_t now_ms = clock_mono_ms();

	cluster->is_one = false;
	if (redis_cluster_apply(cluster, seed->slots, seed->host, err) < 0)
		return -1;
	cluster->stale = false;
	cluster->asked_ms = now_ms;
	greet_masters(redis, now_ms + (deadline_ms - now_ms) / 2);
	if (probe_masters(redis,
			  sooner(deadline_ms, clock_mono_ms() +
						      redis->shared.timeout_ms),
			  err) < 0)
		return -1;
	if (tell_masters(redis))
		return 0;
	return err_set(err, "no node of the Cluster works; node %s: %s",
		       cluster->nodes[0]->name, cluster->nodes[0]->fault.text);
}

static int connect_seed(struct redis *redis, struct seeds *seeds,
			struct redis_node *seed, int64_t deadline_ms,
			struct err *err)
{
	int64_t probe_ms = clock_mono_ms() + redis->shared.timeout_ms;

	if (seed->slots && seed->slots->count > 0)
		return connect_cluster(redis, seed, deadline_ms, err);
	if (redis->shared.url->host_count > 1 && seed->slots_refused &&
	    !seeds->is_told)
		return err_set(err, "the user of `store` needs the right "
				    "+cluster|slots; docs/redis.md has the "
				    "ACL line");
	if (redis->shared.url->host_count > 1 && !seeds->is_told)
		return err_set(err,
			       "several hosts are named, but %s is no node of "
			       "a Cluster: name one host, or use "
			       "redis-sentinel://",
			       seed->name);
	/* The cluster owns it from now on. */
	for (size_t i = 0; i < seeds->count; i++) {
		if (seeds->node[i] == seed)
			seeds->node[i] = seeds->node[--seeds->count];
	}
	redis_cluster_be_one(&redis->cluster, seed);
	return probe_one(redis, seed, sooner(deadline_ms, probe_ms), err);
}

int redis_connect(struct redis *redis, int64_t deadline_ms, struct err *err)
{
	struct seeds seeds = {.count = 0};
	struct redis_node *seed;
	int rc = seeds_find(redis, &seeds, deadline_ms, err);

	if (rc == 0) {
		seed = seeds_ask(&seeds, &redis->shared, deadline_ms, err);
		rc = seed ? connect_seed(redis, &seeds, seed, deadline_ms, err)
			  : -1;
	}
	seeds_free(&seeds);
	return rc;
}
