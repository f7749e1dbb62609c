/*
 * A batch goes through in rounds: everything is appended to the connections
 * of the nodes that have it, sent, and the answers taken in the same order.
 * What was sent to the wrong node, or needs its script loaded, goes into
 * the next round, and after a few rounds is given up.
 *
 * Of a Cluster, a node that fails only fails its own calls, and from then
 * on they are not sent: the node is greeted again on the side, without any
 * call waiting for that, while the map is asked for again and again, since
 * another node may have taken its place.
 */
#include "milter/store/redis_private.h"

#include "common/base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_MAX 6
#define REFRESH_MS 250 /* between two questions for the map */
#define GREETING (REDIS_GREET_SCRIPTS | REDIS_GREET_PROBE)

struct redis_task {
	struct store_call *call;
	struct redis_node *to; /* where it was sent on to; or NULL */
	uint8_t hops;
	bool asking; /* that node has its slot this once */
};

enum step_kind { STEP_CALL, STEP_ASKING, STEP_SCRIPT, STEP_SLOTS };

/* A command that was appended, in order. */
struct redis_step {
	enum step_kind kind;
	struct redis_node *node;
	struct redis_task *task; /* of a call */
};

/* What a batch has come to. */
struct batch {
	struct redis *redis;
	int64_t deadline_ms;
	struct err *err;
	bool failed;	      /* the store as a whole */
	int pause_ms;	      /* before the next round */
	/* The new map, and the node that keeps the answer. */
	const struct redis_answer *slots;
	struct redis_node *slots_node;
};

static void *grow(void *list, size_t *room, size_t wanted, size_t size)
{
	if (wanted <= *room)
		return list;
	list = realloc(list, wanted * 2 * size);
	if (!list) {
		fputs("gatepost: out of memory\n", stderr);
		abort();
	}
	*room = wanted * 2;
	return list;
}

static void add_step(struct batch *b, enum step_kind kind,
		     struct redis_node *node, struct redis_task *task)
{
	struct redis *redis = b->redis;

	redis->steps = grow(redis->steps, &redis->step_room,
			    redis->step_count + 1, sizeof(redis->steps[0]));
	redis->steps[redis->step_count++] =
		(struct redis_step){kind, node, task};
}

/* ---- nodes ---- */

/* Of a single server, that is the store's end. */
static void lose(struct batch *b, struct redis_node *node)
{
	redis_lose_node(b->redis, node);
	if (b->redis->cluster.is_one) {
		*b->err = node->fault;
		b->failed = true;
	}
}

static bool open_node(struct batch *b, struct redis_node *node,
		      unsigned greeting)
{
	if (b->slots_node == node)
		b->slots = NULL;
	/* A name that is not known yet is not waited for here. */
	if (redis_node_open(node, &b->redis->shared, greeting, 0,
			    &node->fault) == 0)
		return true;
	lose(b, node);
	return false;
}

/* Whether commands may be appended for this batch. */
static bool use(struct batch *b, struct redis_node *node)
{
	bool is_new = node->state == REDIS_NODE_DOWN && node->pause_ms == 0;

	if (node->awaited)
		return true;
	if (node->state == REDIS_NODE_READY) {
		node->awaited = redis_conn_is_usable(node->conn) ||
				open_node(b, node, REDIS_GREET_SCRIPTS);
	} else if (is_new) {
		node->awaited = open_node(b, node, GREETING);
	} else if (node->state == REDIS_NODE_DOWN &&
		   clock_mono_ms() >= node->retry_ms) {
		open_node(b, node, GREETING);
	}
	return node->awaited;
}

/* Greetings on the side: takes what has come. */
static void look_aside(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	struct redis_shared *shared = &b->redis->shared;
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->state != REDIS_NODE_GREETING || node->awaited)
			continue;
		redis_conns_step(&node->conn, 1, 0);
		if (redis_conn_missing(node->conn) > 0) {
			if (now_ms - node->opened_ms < shared->timeout_ms * 2)
				continue;
			err_set(&node->fault, "no answer in time");
			lose(b, node);
		} else if (redis_node_greeted(node, shared, &node->fault) < 0) {
			lose(b, node);
		} else {
			redis_welcome_node(b->redis, node);
		}
	}
}

/* ---- a round: sending ---- */

static void settle_failed(struct store_call *call, const char *text)
{
	err_set(&call->err, "%s", text);
	store_call_settle(call, STORE_FAILED);
}

static struct redis_node *node_of(struct batch *b,
				  const struct redis_task *task)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	char tag[STORE_KEY + 1];

	if (task->to)
		return task->to;
	if (cluster->is_one)
		return cluster->nodes[0];
	redis_call_tag(task->call, tag);
	return cluster->serves[redis_slot(slice_cstr(tag))];
}

static void load_scripts(struct batch *b, struct redis_node *node)
{
	for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
		redis_node_load(node, &b->redis->shared,
				(enum redis_script)i);
		add_step(b, STEP_SCRIPT, node, NULL);
	}
	node->load_scripts = false;
}

static void send_task(struct batch *b, struct redis_task *task)
{
	struct redis_node *node = node_of(b, task);

	if (!node) {
		b->redis->cluster.stale = true;
		settle_failed(task->call, "no node of the Cluster has its slot");
		return;
	}
	if (!use(b, node)) {
		if (b->failed)
			return;
		err_set(&task->call->err, "node %s: %s", node->name,
			node->fault.text);
		store_call_settle(task->call, STORE_DOWN);
		return;
	}
	if (node->load_scripts)
		load_scripts(b, node);
	if (task->asking) {
		redis_conn_command(node->conn,
				   (const char *[]){"ASKING", NULL});
		add_step(b, STEP_ASKING, node, NULL);
	}
	redis_call_send(node->conn, &b->redis->shared, task->call);
	add_step(b, STEP_CALL, node, task);
}

/* Asks one node that works for the map, if it is time. */
static void ask_for_map(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	int64_t now_ms = clock_mono_ms();

	if (cluster->is_one || !cluster->stale ||
	    now_ms - cluster->asked_ms < REFRESH_MS)
		return;
	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->state != REDIS_NODE_READY || !use(b, node))
			continue;
		redis_conn_command(node->conn, (const char *[]){
						       "CLUSTER", "SLOTS", NULL});
		add_step(b, STEP_SLOTS, node, NULL);
		cluster->asked_ms = now_ms;
		return;
	}
}

static void wait_for_answers(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	struct redis_conn *conns[REDIS_NODES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->nodes[i]->awaited)
			conns[n++] = cluster->nodes[i]->conn;
	}
	redis_conns_wait(conns, n, b->deadline_ms);
}

/* ---- a round: answers ---- */

/* What was sent in vain is sent again, where it should have gone. */
static void send_on(struct batch *b, struct redis_step *step,
		    const struct redis_answer *answer, bool moved)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	struct redis_redirect r;
	struct redis_node *to = NULL;

	if (!cluster->is_one && redis_redirect_read(answer->text, &r) == 0)
		to = redis_cluster_at(cluster,
				      r.host.n ? r.host
					       : slice_cstr(step->node->host),
				      r.port);
	if (!to) {
		redis_trouble_explain(answer->text, &step->task->call->err);
		store_call_settle(step->task->call, STORE_FAILED);
		return;
	}
	step->task->to = to;
	step->task->asking = !moved;
	if (moved) {
		cluster->serves[r.slot] = to;
		cluster->stale = true;
	}
}

static void take_error(struct batch *b, struct redis_step *step,
		       const struct redis_answer *answer)
{
	enum redis_trouble trouble = redis_trouble_of(answer->text);
	struct redis_task *task = step->task;

	switch (trouble) {
	case REDIS_TROUBLE_MOVED:
	case REDIS_TROUBLE_ASK:
		send_on(b, step, answer, trouble == REDIS_TROUBLE_MOVED);
		break;
	case REDIS_TROUBLE_AGAIN:
		task->to = NULL;
		b->pause_ms = 1 << task->hops;
		break;
	case REDIS_TROUBLE_SCRIPT:
		step->node->load_scripts = true;
		break;
	case REDIS_TROUBLE_CLUSTER:
		b->failed = true;
		redis_trouble_explain(answer->text, b->err);
		break;
	case REDIS_TROUBLE_SERVER:
		redis_trouble_explain(answer->text, &step->node->fault);
		task->call->err = step->node->fault;
		store_call_settle(task->call, STORE_FAILED);
		lose(b, step->node);
		return;
	case REDIS_TROUBLE_CALL:
		redis_trouble_explain(answer->text, &task->call->err);
		store_call_settle(task->call, STORE_FAILED);
		return;
	}
	if (++task->hops >= HOPS_MAX && !task->call->settled)
		settle_failed(task->call, "its slot does not come to rest");
}

static void take_slots(struct batch *b, struct redis_step *step,
		       const struct redis_answer *answer)
{
	if (answer->type != REDIS_LIST)
		return;
	b->slots = answer;
	b->slots_node = step->node;
}

static void take_step(struct batch *b, struct redis_step *step)
{
	const struct redis_answer *answer = redis_conn_take(step->node->conn);

	if (!answer) {
		if (!step->task)
			return;
		step->task->call->err = step->node->fault;
		store_call_settle(step->task->call, STORE_FAILED);
		return;
	}
	if (step->kind == STEP_SLOTS)
		take_slots(b, step, answer);
	if (step->kind != STEP_CALL)
		return;
	step->task->asking = false;
	if (answer->type == REDIS_ERROR)
		take_error(b, step, answer);
	else
		redis_call_read(step->task->call, answer);
}

/* Greetings that calls went out with, and connections that were lost. */
static void take_greetings(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;

	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (!node->awaited || node->state != REDIS_NODE_GREETING)
			continue;
		if (redis_node_greeted(node, &b->redis->shared, &node->fault) <
		    0)
			lose(b, node);
		else
			redis_welcome_node(b->redis, node);
	}
}

static void note_lost(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;

	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];
		const char *why = redis_conn_error(node->conn);

		if (!node->awaited || why[0] == '\0')
			continue;
		err_set(&node->fault, "%s", why);
	}
}

/* After the answers are taken: those without a connection are lost. */
static void drop_lost(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;

	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		if (node->awaited && redis_conn_error(node->conn)[0] != '\0')
			lose(b, node);
	}
}

static size_t run_round(struct batch *b, size_t count)
{
	struct redis *redis = b->redis;
	size_t left = 0;

	redis->step_count = 0;
	ask_for_map(b);
	for (size_t i = 0; i < count && !b->failed; i++)
		send_task(b, &redis->tasks[i]);
	if (!b->failed)
		wait_for_answers(b);
	note_lost(b);
	take_greetings(b);
	for (size_t i = 0; i < redis->step_count; i++)
		take_step(b, &redis->steps[i]);
	drop_lost(b);
	for (size_t i = 0; i < count; i++) {
		if (!redis->tasks[i].call->settled)
			redis->tasks[left++] = redis->tasks[i];
	}
	return left;
}

/* ---- the batch ---- */

static void begin(struct batch *b, struct store_call **calls, size_t count)
{
	struct redis *redis = b->redis;

	redis->tasks = grow(redis->tasks, &redis->task_room, count,
			    sizeof(redis->tasks[0]));
	for (size_t i = 0; i < count; i++)
		redis->tasks[i] = (struct redis_task){.call = calls[i]};
	look_aside(b);
}

/*
 * Whether there is time for one more round: what is sent so late that it
 * cannot be answered by the deadline would count against the node.
 */
static bool has_time(const struct batch *b)
{
	int64_t least_ms = b->redis->shared.timeout_ms / 4;

	return b->deadline_ms - clock_mono_ms() > least_ms;
}

static void run_rounds(struct batch *b, size_t count)
{
	size_t left = run_round(b, count);

	while (left > 0 && !b->failed && has_time(b)) {
		if (b->pause_ms > 0)
			poll(NULL, 0, b->pause_ms);
		b->pause_ms = 0;
		left = run_round(b, left);
	}
	for (size_t i = 0; i < left && !b->failed; i++)
		settle_failed(b->redis->tasks[i].call, "no answer in time");
}

/* Whether any node is left to work with. */
static bool any_ready(const struct redis_cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->nodes[i]->state == REDIS_NODE_READY)
			return true;
	}
	return false;
}

static void end(struct batch *b)
{
	struct redis_cluster *cluster = &b->redis->cluster;
	struct err ignored;
	char host[REDIS_HOST_MAX + 1];

	if (b->slots) {
		/* The node may be freed by its own answer. */
		memcpy(host, b->slots_node->host, sizeof(host));
		cluster->stale = false;
		redis_cluster_apply(cluster, b->slots, host, &ignored);
	}
	for (size_t i = 0; i < cluster->count; i++) {
		struct redis_node *node = cluster->nodes[i];

		node->awaited = false;
		if (node->state == REDIS_NODE_READY)
			redis_conn_forget(node->conn);
		else if (node->state == REDIS_NODE_DOWN)
			cluster->stale = true;
	}
	if (!b->failed && !any_ready(cluster)) {
		b->failed = true;
		err_set(b->err, "no node of the Cluster works; the last: %s",
			cluster->count ? cluster->nodes[0]->fault.text : "");
	}
}

int redis_run(struct redis *redis, struct store_call **calls, size_t count,
	      int64_t deadline_ms, struct err *err)
{
	struct batch b = {
		.redis = redis, .deadline_ms = deadline_ms, .err = err};

	begin(&b, calls, count);
	run_rounds(&b, count);
	end(&b);
	return b.failed ? -1 : 0;
}
