/*
 * The greeting is sent in one go with what follows it, so a connection that
 * was lost while idle costs a call one round trip and no more.
 */
#include "milter/store/redis_node.h"

#include "common/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAUSE_FIRST_MS 100
#define PROBE_TEXT "10000" /* milliseconds for which it stays at most */
#define PROBES 5

static struct redis_node *node_new(void)
{
	struct redis_node *node = calloc(1, sizeof(*node));

	if (!node) {
		fputs("gatepost: out of memory\n", stderr);
		abort();
	}
	node->conn = redis_conn_new();
	return node;
}

struct redis_node *redis_node_new(const char *host, int port)
{
	struct redis_node *node = node_new();
	bool is_ip6 = strchr(host, ':') != NULL;

	snprintf(node->host, sizeof(node->host), "%s", host);
	node->port = port;
	snprintf(node->name, sizeof(node->name), "%s%s%s:%d",
		 is_ip6 ? "[" : "", node->host, is_ip6 ? "]" : "", port);
	return node;
}

struct redis_node *redis_node_new_unix(const char *path)
{
	struct redis_node *node = node_new();

	snprintf(node->name, sizeof(node->name), "%s", path);
	return node;
}

void redis_node_free(struct redis_node **node)
{
	if (!*node)
		return;
	redis_conn_free(&(*node)->conn);
	free(*node);
	*node = NULL;
}

static int find_addresses(const struct redis_node *node,
			  const struct redis_shared *shared,
			  int64_t deadline_ms, struct redis_addresses *found,
			  struct err *err)
{
	if (node->host[0] == '\0')
		return redis_names_path(shared->url->path, found, err);
	return redis_names_find(shared->names, node->host, node->port,
				deadline_ms, found, err);
}

static void send_login(struct redis_conn *conn, const struct store_url *url)
{
	char db[16];

	if (url->password && url->user)
		redis_conn_command(conn, (const char *[]){"AUTH", url->user,
							  url->password, NULL});
	else if (url->password)
		redis_conn_command(
			conn, (const char *[]){"AUTH", url->password, NULL});
	if (url->db == 0)
		return;
	snprintf(db, sizeof(db), "%d", url->db);
	redis_conn_command(conn, (const char *[]){"SELECT", db, NULL});
}

void redis_node_load(struct redis_node *node,
		     const struct redis_shared *shared,
		     enum redis_script script)
{
	redis_conn_begin(node->conn, 3);
	redis_conn_word(node->conn, SLICE("SCRIPT"));
	redis_conn_word(node->conn, SLICE("LOAD"));
	redis_conn_word(node->conn, shared->scripts.text[script]);
}

/*
 * A write, and each command that a message may need: a user without the
 * right to one of them is noticed here, and not call by call.
 */
void redis_node_probe(struct redis_node *node,
		      const struct redis_shared *shared)
{
	const char *tag = node->clustered ? node->probe : "probe";
	const char *script = shared->scripts.sha[REDIS_SCRIPT_RELEASE];
	char key[REDIS_PREFIX_MAX + sizeof(node->probe) + 16];
	char hash[sizeof(key) + 8];
	const char *const commands[PROBES][7] = {
		{"SET", key, "1", "PX", PROBE_TEXT},
		{"GET", key},
		{"EVALSHA", script, "1", key, "0", "0"},
		{"HMGET", hash, "x"},
		{"DEL", key},
	};

	snprintf(key, sizeof(key), "%.*s:{%s}:probe", SLICE_FMT(shared->prefix),
		 tag);
	snprintf(hash, sizeof(hash), "%s:hash", key);
	for (size_t i = 0; i < PROBES; i++)
		redis_conn_command(node->conn, commands[i]);
}

int redis_node_open(struct redis_node *node, const struct redis_shared *shared,
		    unsigned greeting, int64_t deadline_ms, struct err *err)
{
	struct redis_addresses addresses;

	node->state = REDIS_NODE_DOWN;
	node->slots = NULL;
	node->slots_refused = false;
	node->load_scripts = false;
	if (find_addresses(node, shared, deadline_ms, &addresses, err) < 0)
		return -1;
	redis_conn_open(node->conn, &addresses, shared->tls, node->host);
	node->state = REDIS_NODE_GREETING;
	node->greeting = greeting;
	node->opened_ms = clock_mono_ms();
	send_login(node->conn, shared->url);
	if (greeting & REDIS_GREET_ROLE)
		redis_conn_command(node->conn, (const char *[]){"ROLE", NULL});
	if (greeting & REDIS_GREET_SLOTS)
		redis_conn_command(node->conn, (const char *[]){
						       "CLUSTER", "SLOTS", NULL});
	for (int i = 0; greeting & REDIS_GREET_SCRIPTS && i < REDIS_SCRIPT_COUNT;
	     i++)
		redis_node_load(node, shared, (enum redis_script)i);
	if (greeting & REDIS_GREET_PROBE)
		redis_node_probe(node, shared);
	return 0;
}

/* The next answer, which must be no error. */
static const struct redis_answer *take_good(struct redis_node *node,
					    struct err *err)
{
	const struct redis_answer *answer = redis_conn_take(node->conn);

	if (!answer) {
		err_set(err, "%s", redis_conn_error(node->conn));
		return NULL;
	}
	if (answer->type == REDIS_ERROR) {
		redis_trouble_explain(answer->text, err);
		return NULL;
	}
	return answer;
}

static int take_login(struct redis_node *node, const struct store_url *url,
		      struct err *err)
{
	if (url->password && !take_good(node, err))
		return -1;
	if (url->db != 0 && !take_good(node, err))
		return -1;
	return 0;
}

static int take_role(struct redis_node *node, struct err *err)
{
	const struct redis_answer *answer = take_good(node, err);
	struct slice role;

	if (!answer)
		return -1;
	role = redis_answer_text(answer, 0);
	if (!slice_eq(role, SLICE("master")))
		return err_set(err,
			       "its role is \"%.*s\", not master: no failover "
			       "has taken place yet, or a sentinel is behind",
			       SLICE_FMT(slice_sub(role, 0, 32)));
	return 0;
}

/* Not of a Cluster, or not allowed to ask, is no failure. */
static int take_slots(struct redis_node *node, struct err *err)
{
	const struct redis_answer *answer = redis_conn_take(node->conn);
	enum redis_trouble trouble;

	if (!answer)
		return err_set(err, "%s", redis_conn_error(node->conn));
	if (answer->type == REDIS_LIST)
		node->slots = answer;
	if (answer->type != REDIS_ERROR)
		return 0;
	node->slots_refused =
		slice_starts_nocase(answer->text, SLICE("NOPERM"));
	trouble = redis_trouble_of(answer->text);
	if (trouble == REDIS_TROUBLE_CALL || node->slots_refused)
		return 0;
	return redis_trouble_explain(answer->text, err);
}

static int take_script(struct redis_node *node, struct redis_shared *shared,
		       int script, struct err *err)
{
	const struct redis_answer *answer = take_good(node, err);

	if (!answer)
		return -1;
	if (answer->type != REDIS_TEXT || answer->text.n != REDIS_SHA)
		return err_set(err, "SCRIPT LOAD was answered by no SHA1");
	memcpy(shared->scripts.sha[script], answer->text.p, REDIS_SHA);
	return 0;
}

static int take_probe(struct redis_node *node, struct err *err)
{
	const struct redis_answer *answer = redis_conn_take(node->conn);
	enum redis_trouble trouble;

	if (!answer)
		return err_set(err, "%s", redis_conn_error(node->conn));
	if (answer->type != REDIS_ERROR)
		return 0;
	trouble = redis_trouble_of(answer->text);
	node->cluster_down = trouble == REDIS_TROUBLE_CLUSTER;
	/* Its slot has gone to another node: it serves all the same. */
	if (node->clustered && (trouble == REDIS_TROUBLE_MOVED ||
				trouble == REDIS_TROUBLE_ASK))
		return 0;
	return redis_trouble_explain(answer->text, err);
}

int redis_node_probed(struct redis_node *node, struct err *err)
{
	node->cluster_down = false;
	for (int i = 0; i < PROBES; i++) {
		if (take_probe(node, err) < 0)
			return -1;
	}
	return 0;
}

static int take_greeting(struct redis_node *node, struct redis_shared *shared,
			 struct err *err)
{
	unsigned greeting = node->greeting;

	if (take_login(node, shared->url, err) < 0)
		return -1;
	if (greeting & REDIS_GREET_ROLE && take_role(node, err) < 0)
		return -1;
	if (greeting & REDIS_GREET_SLOTS && take_slots(node, err) < 0)
		return -1;
	for (int i = 0; greeting & REDIS_GREET_SCRIPTS && i < REDIS_SCRIPT_COUNT;
	     i++) {
		if (take_script(node, shared, i, err) < 0)
			return -1;
	}
	if (greeting & REDIS_GREET_PROBE && redis_node_probed(node, err) < 0)
		return -1;
	return 0;
}

int redis_node_greeted(struct redis_node *node, struct redis_shared *shared,
		       struct err *err)
{
	if (take_greeting(node, shared, err) < 0) {
		redis_conn_close(node->conn);
		node->state = REDIS_NODE_DOWN;
		return -1;
	}
	node->state = REDIS_NODE_READY;
	node->pause_ms = 0;
	return 0;
}

void redis_node_fail(struct redis_node *node,
		     const struct redis_shared *shared)
{
	uint32_t chance = 0;
	int64_t pause = node->pause_ms * 2;

	redis_node_close(node);
	node->slots = NULL;
	if (pause < PAUSE_FIRST_MS)
		pause = PAUSE_FIRST_MS;
	if (pause > shared->retry_ms)
		pause = shared->retry_ms;
	node->pause_ms = pause;
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	node->retry_ms = clock_mono_ms() + pause / 2 +
			 chance % (uint32_t)(pause / 2 + 1);
}

void redis_node_close(struct redis_node *node)
{
	redis_conn_close(node->conn);
	node->state = REDIS_NODE_DOWN;
}
