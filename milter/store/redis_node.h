/*
 * A Redis server as we use it: where it is, the connection to it, and what
 * is said first on each connection: who we are, our scripts, a write that
 * shows that it works. Owned by the back end; one thread.
 */
#ifndef GATEPOST_STORE_REDIS_NODE_H
#define GATEPOST_STORE_REDIS_NODE_H

#include "milter/store/redis_conn.h"
#include "milter/store/redis_names.h"
#include "milter/store/redis_scripts.h"
#include "milter/store/redis_trouble.h"
#include "milter/store/store_url.h"

#define REDIS_PREFIX_MAX 64
#define REDIS_HOST_MAX 255

/* What all servers of a store have in common. */
struct redis_shared {
	const struct store_url *url;
	struct slice prefix;
	int64_t timeout_ms, retry_ms;	/* state.timeout, state.retry */
	struct redis_names *names;
	struct redis_tls *tls;		/* NULL: none */
	struct redis_scripts scripts;
};

enum redis_node_state {
	REDIS_NODE_DOWN,	/* not used before retry_ms */
	REDIS_NODE_GREETING,	/* the greeting is under way */
	REDIS_NODE_READY,
};

/* What is part of the greeting, besides AUTH and SELECT. */
enum redis_greeting {
	REDIS_GREET_ROLE = 1,	 /* must be a master */
	REDIS_GREET_SLOTS = 2,	 /* asks for the map of a Cluster */
	REDIS_GREET_SCRIPTS = 4, /* loads them */
	REDIS_GREET_PROBE = 8,	 /* writes a key */
};

struct redis_node {
	char host[REDIS_HOST_MAX + 1];	/* empty: the unix socket */
	int port;
	char name[REDIS_HOST_MAX + 16];	/* for messages */
	struct redis_conn *conn;
	enum redis_node_state state;
	unsigned greeting;		/* what was asked for */
	/* Of a Cluster: a text in one of its slots, for the probe; or "". */
	bool clustered;
	char probe[16];
	/* The answer to CLUSTER SLOTS, while the connection is open. */
	const struct redis_answer *slots;
	bool slots_refused;		/* the user may not ask for it */
	int64_t opened_ms;
	int64_t retry_ms;		/* DOWN: when to try again */
	int64_t pause_ms;
	struct err fault;		/* why it is DOWN */
	bool cluster_down;		/* as the last probe was told */
	bool told;			/* that it is down is in the log */
	bool awaited;			/* the batch waits for its answers */
	bool keep;			/* while a new map is read */
	bool load_scripts;		/* it has lost them */
};

struct redis_node *redis_node_new(const char *host, int port);
/* The server of redis+unix: */
struct redis_node *redis_node_new_unix(const char *path);
void redis_node_free(struct redis_node **node);

/*
 * Begins to connect and appends the greeting; commands may follow at once.
 * -1: the name is not known by the deadline.
 */
int redis_node_open(struct redis_node *node, const struct redis_shared *shared,
		    unsigned greeting, int64_t deadline_ms, struct err *err);
/*
 * Takes the answers to the greeting, all of which must be there or the
 * connection lost. 0: the node is READY. -1: closed, and err says why.
 */
int redis_node_greeted(struct redis_node *node, struct redis_shared *shared,
		       struct err *err);
/* Appends the commands of the probe; and takes their answers. */
void redis_node_probe(struct redis_node *node,
		      const struct redis_shared *shared);
int redis_node_probed(struct redis_node *node, struct err *err);
/* Appends the loading of a script; its answer is a text. */
void redis_node_load(struct redis_node *node,
		     const struct redis_shared *shared,
		     enum redis_script script);
/*
 * DOWN for a pause that grows while it is not READY in between; `fault` is
 * to say why.
 */
void redis_node_fail(struct redis_node *node,
		     const struct redis_shared *shared);
/* Closes; it may be opened again at once. */
void redis_node_close(struct redis_node *node);

#endif
