/*
 * The map is an array of pointers, one a slot. CRC16 is the one of XMODEM,
 * as the Cluster specification wants it.
 */
#include "milter/store/redis_cluster.h"

#include <stdio.h>
#include <string.h>

/* Texts that are tried for the probe of a node. */
#define PROBES_MAX 65536

unsigned redis_slot(struct slice tag)
{
	/* Four bits at a time. */
	static const uint16_t table[16] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
		0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
	};
	unsigned crc = 0;

	for (size_t i = 0; i < tag.n; i++) {
		unsigned byte = (unsigned char)tag.p[i];

		crc = (crc << 4 ^ table[(crc >> 12 ^ byte >> 4) & 15]) & 0xffff;
		crc = (crc << 4 ^ table[(crc >> 12 ^ byte) & 15]) & 0xffff;
	}
	return crc % REDIS_SLOTS;
}

void redis_cluster_clear(struct redis_cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++)
		redis_node_free(&cluster->nodes[i]);
	*cluster = (struct redis_cluster){.count = 0};
}

void redis_cluster_be_one(struct redis_cluster *cluster,
			  struct redis_node *node)
{
	redis_cluster_clear(cluster);
	cluster->nodes[0] = node;
	cluster->count = 1;
	cluster->is_one = true;
	for (size_t i = 0; i < REDIS_SLOTS; i++)
		cluster->serves[i] = node;
}

struct redis_node *redis_cluster_at(struct redis_cluster *cluster,
				    struct slice host, int port)
{
	char name[REDIS_HOST_MAX + 1];
	struct redis_node *node;

	if (host.n == 0 || host.n > REDIS_HOST_MAX)
		return NULL;
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	for (size_t i = 0; i < cluster->count; i++) {
		node = cluster->nodes[i];
		if (node->port == port && strcmp(node->host, name) == 0)
			return node;
	}
	if (cluster->count == REDIS_NODES_MAX)
		return NULL;
	node = redis_node_new(name, port);
	node->clustered = true;
	cluster->nodes[cluster->count++] = node;
	return node;
}

/* One row: first slot, last slot, the master, its replicas. */
struct range {
	int64_t first, last;
	struct slice host;
	int64_t port;
};

/* 1; 0: a row whose master has no known address; -1. */
static int read_range(const struct redis_answer *row, const char *asked_host,
		      struct range *range_r)
{
	const struct redis_answer *master;

	range_r->first = redis_answer_integer(row, 0, -1);
	range_r->last = redis_answer_integer(row, 1, -1);
	if (range_r->first < 0 || range_r->last >= REDIS_SLOTS ||
	    range_r->first > range_r->last || row->count < 3 ||
	    row->items[2].type != REDIS_LIST)
		return -1;
	master = &row->items[2];
	range_r->host = redis_answer_text(master, 0);
	range_r->port = redis_answer_integer(master, 1, 0);
	if (range_r->port <= 0 || range_r->port > 65535)
		return -1;
	/* Empty or absent: where it was asked. '?': it does not know. */
	if (range_r->host.n == 0)
		range_r->host = slice_cstr(asked_host);
	return !slice_eq(range_r->host, SLICE("?"));
}

static int check(const struct redis_answer *slots, const char *asked_host)
{
	struct range range;
	bool any = false;

	if (slots->type != REDIS_LIST)
		return -1;
	for (size_t i = 0; i < slots->count; i++) {
		int got = read_range(&slots->items[i], asked_host, &range);

		if (got < 0)
			return -1;
		any = any || got > 0;
	}
	return any ? 0 : -1;
}

/* Frees the nodes that no slot needs. */
static void drop_others(struct redis_cluster *cluster)
{
	size_t kept = 0;

	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->nodes[i]->keep)
			cluster->nodes[kept++] = cluster->nodes[i];
		else
			redis_node_free(&cluster->nodes[i]);
	}
	cluster->count = kept;
}

/* A text in a slot of the node's. */
static void find_probe(const struct redis_cluster *cluster,
		       struct redis_node *node)
{
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		unsigned slot = redis_slot(slice_cstr(node->probe));

		if (node->probe[0] && cluster->serves[slot] == node)
			return;
		snprintf(node->probe, sizeof(node->probe), "%u", i);
	}
}

int redis_cluster_apply(struct redis_cluster *cluster,
			const struct redis_answer *slots,
			const char *asked_host, struct err *err)
{
	struct range range;

	if (check(slots, asked_host) < 0)
		return err_set(err, "CLUSTER SLOTS names no master");
	for (size_t i = 0; i < cluster->count; i++)
		cluster->nodes[i]->keep = false;
	memset(cluster->serves, 0, sizeof(cluster->serves));
	for (size_t i = 0; i < slots->count; i++) {
		struct redis_node *node;

		if (read_range(&slots->items[i], asked_host, &range) <= 0)
			continue;
		node = redis_cluster_at(cluster, range.host, (int)range.port);
		if (!node)
			continue;
		node->keep = true;
		for (int64_t slot = range.first; slot <= range.last; slot++)
			cluster->serves[slot] = node;
	}
	drop_others(cluster);
	for (size_t i = 0; i < cluster->count; i++)
		find_probe(cluster, cluster->nodes[i]);
	return 0;
}
