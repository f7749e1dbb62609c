/*
 * Looks through all entries: SCAN on each master, then the values of what
 * it found, a thousand at a time, so that Redis is never kept busy for
 * long. An entry that moves between nodes meanwhile may be missed.
 */
#include "milter/store/redis_private.h"
#include "milter/store/redis_entry.h"

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SCAN_COUNT "1000"
#define CURSOR_MAX 20

struct scan {
	struct redis *redis;
	struct store_call *call;
	int64_t deadline_ms;
	struct redis_node *node;
	struct store_time now; /* with the wall clock of the node */
	struct slice pattern;
	char cursor[CURSOR_MAX + 1];
	int64_t changed;
	/* A list: up to twice the limit, until the younger half goes. */
	struct greylist_entry *entries;
	size_t count, room;
	int64_t youngest_ms; /* entries younger than this are left out */
	bool cut;
};

/* ---- which entries ---- */

/* `match` is in lower case: "a@b", "@b", or the entry's key. */
static bool matches_address(struct slice address, struct slice match)
{
	if (match.p[0] == '@')
		return slice_eq_nocase(
			slice_sub(address, slice_rfind(address, '@'),
				  address.n),
			match);
	return slice_eq_nocase(address, match);
}

static bool matches(const struct redis_entry *entry, struct slice key,
		    struct slice match)
{
	return match.n == 0 || slice_eq(key, match) ||
	       matches_address(entry->parts[0], match) ||
	       matches_address(entry->parts[1], match);
}

/* A word of SCAN in which these bytes mean themselves. */
static struct slice pattern_of(struct arena *arena, struct slice prefix)
{
	struct buf pattern = BUF(arena);

	for (size_t i = 0; i < prefix.n; i++) {
		if (slice_find(SLICE("*?[]\\^-"), 0, prefix.p[i]) < 7)
			buf_add_char(&pattern, '\\');
		buf_add_char(&pattern, prefix.p[i]);
	}
	buf_add_text(&pattern, ":g:{*");
	return buf_slice(&pattern);
}

/* The entry's own part of the name of its key. */
static struct slice entry_key(struct slice name)
{
	return slice_sub(name, slice_rfind(name, ':') + 1, name.n);
}

/* ---- the list ---- */

static int compare_age(const void *left, const void *right)
{
	const struct greylist_entry *a = left, *b = right;

	if (a->age_ms != b->age_ms)
		return a->age_ms > b->age_ms ? -1 : 1;
	return slice_cmp_nocase(a->key, b->key);
}

/* Oldest first, each once, though SCAN may show one twice; then the limit. */
static void list_order(struct scan *scan)
{
	size_t limit = scan->call->in.list.limit, kept = 0;

	if (scan->count == 0)
		return;
	qsort(scan->entries, scan->count, sizeof(scan->entries[0]),
	      compare_age);
	for (size_t i = 0; i < scan->count; i++) {
		if (kept > 0 && slice_eq(scan->entries[i].key,
					 scan->entries[kept - 1].key))
			continue;
		scan->entries[kept++] = scan->entries[i];
	}
	scan->count = kept;
	if (kept <= limit)
		return;
	scan->cut = true;
	scan->count = limit;
	scan->youngest_ms = limit ? scan->entries[limit - 1].age_ms : INT64_MAX;
}

static void list_add(struct scan *scan, const struct greylist_entry *entry)
{
	struct arena *arena = scan->call->arena;
	struct greylist_entry *kept;

	if (entry->age_ms < scan->youngest_ms) {
		scan->cut = true;
		return;
	}
	if (scan->count == scan->room)
		list_order(scan);
	if (scan->count == scan->room) {
		size_t room = scan->room ? scan->room * 2 : 64;
		struct greylist_entry *more =
			ARENA_ARRAY(arena, struct greylist_entry, room);

		if (scan->count > 0)
			memcpy(more, scan->entries,
			       scan->count * sizeof(more[0]));
		scan->entries = more;
		scan->room = room;
	}
	kept = &scan->entries[scan->count++];
	*kept = *entry;
	kept->key = arena_dup(arena, entry->key);
	kept->sender = arena_dup(arena, entry->sender);
	kept->rcpt = arena_dup(arena, entry->rcpt);
	kept->origin = arena_dup(arena, entry->origin);
	kept->record_id = arena_dup(arena, entry->record_id);
}

static void list_visit(struct scan *scan, struct slice key,
		       const struct redis_entry *entry)
{
	const struct greylist_filter *filter = &scan->call->in.list.filter;
	int64_t idle_ms = redis_since(&entry->last, &scan->now);
	int64_t age_ms = idle_ms + entry->waited_ms;
	int64_t left_ms = entry->keep_ms - (entry->passed ? idle_ms : age_ms);
	int64_t wait_ms = entry->passed ? 0 : entry->delay_ms - age_ms;

	if (left_ms < 0 || ((filter->waiting || filter->passed) &&
			    !(entry->passed ? filter->passed
					    : filter->waiting)))
		return;
	list_add(scan, &(struct greylist_entry){
			       .key = key,
			       .sender = entry->parts[0],
			       .rcpt = entry->parts[1],
			       .origin = entry->parts[2],
			       .record_id = entry->parts[3],
			       .passed = entry->passed,
			       .age_ms = age_ms,
			       .idle_ms = idle_ms,
			       .wait_ms = wait_ms > 0 ? wait_ms : 0,
			       .left_ms = left_ms,
			       .tries = entry->tries,
		       });
}

/* ---- changes ---- */

static void send_release(struct scan *scan, struct slice name)
{
	struct redis_conn *conn = scan->node->conn;
	const struct redis_shared *shared = &scan->redis->shared;

	redis_conn_begin(conn, 7);
	redis_conn_word(conn, SLICE("EVALSHA"));
	redis_conn_word(conn, slice_cstr(
				      shared->scripts.sha[REDIS_SCRIPT_RELEASE]));
	redis_conn_word(conn, SLICE("1"));
	redis_conn_word(conn, name);
	redis_conn_unsigned(conn, scan->call->now.boot);
	redis_conn_number(conn, scan->call->now.uptime_ms);
	redis_conn_number(conn, scan->call->in.list.lifetime_ms);
}

static void send_delete(struct scan *scan, struct slice name)
{
	redis_conn_begin(scan->node->conn, 2);
	redis_conn_word(scan->node->conn, SLICE("DEL"));
	redis_conn_word(scan->node->conn, name);
}

/* A key and its value, which borrow from the connection. */
static void visit(struct scan *scan, struct slice name, struct slice value)
{
	struct slice key = entry_key(name);
	struct redis_entry entry;

	if (redis_entry_read(value, &entry) < 0 ||
	    !matches(&entry, key, scan->call->in.list.filter.match))
		return;
	if (scan->call->op == STORE_OP_LIST)
		list_visit(scan, key, &entry);
	else if (scan->call->op == STORE_OP_FORGET)
		send_delete(scan, name);
	else if (!entry.passed)
		send_release(scan, name);
}

/* ---- looking through a node ---- */

/* Sends what was appended; -1: the connection is lost. */
static int exchange(struct scan *scan, struct err *err)
{
	redis_conns_wait(&scan->node->conn, 1, scan->deadline_ms);
	if (redis_conn_error(scan->node->conn)[0] == '\0')
		return 0;
	return err_set(err, "node %s: %s", scan->node->name,
		       redis_conn_error(scan->node->conn));
}

/* The next answer, no error; NULL and err. */
static const struct redis_answer *take(struct scan *scan, struct err *err)
{
	const struct redis_answer *answer = redis_conn_take(scan->node->conn);
	struct err why = {"no answer"};

	if (answer && answer->type != REDIS_ERROR)
		return answer;
	if (answer)
		redis_trouble_explain(answer->text, &why);
	err_set(err, "node %s: %s", scan->node->name, why.text);
	return NULL;
}

static int ask_time(struct scan *scan, struct err *err)
{
	const struct redis_answer *time;
	uint64_t s, us;

	redis_conn_command(scan->node->conn, (const char *[]){"TIME", NULL});
	if (exchange(scan, err) < 0)
		return -1;
	time = take(scan, err);
	if (!time)
		return -1;
	if (!slice_to_u64(redis_answer_text(time, 0), &s) ||
	    !slice_to_u64(redis_answer_text(time, 1), &us))
		return err_set(err, "TIME was answered by no time");
	scan->now = scan->call->now;
	scan->now.wall_ms = (int64_t)(s * 1000 + us / 1000);
	return 0;
}

/* The keys of one step, which stay in the connection; NULL and err. */
static const struct redis_answer *scan_keys(struct scan *scan, struct err *err)
{
	struct redis_conn *conn = scan->node->conn;
	const struct redis_answer *answer;
	struct slice cursor;

	redis_conn_begin(conn, 6);
	redis_conn_word(conn, SLICE("SCAN"));
	redis_conn_word(conn, slice_cstr(scan->cursor));
	redis_conn_word(conn, SLICE("MATCH"));
	redis_conn_word(conn, scan->pattern);
	redis_conn_word(conn, SLICE("COUNT"));
	redis_conn_word(conn, SLICE(SCAN_COUNT));
	if (exchange(scan, err) < 0)
		return NULL;
	answer = take(scan, err);
	if (!answer)
		return NULL;
	cursor = redis_answer_text(answer, 0);
	if (cursor.n == 0 || cursor.n > CURSOR_MAX || answer->count != 2 ||
	    answer->items[1].type != REDIS_LIST) {
		err_set(err, "SCAN was answered by no list");
		return NULL;
	}
	memcpy(scan->cursor, cursor.p, cursor.n);
	scan->cursor[cursor.n] = '\0';
	return &answer->items[1];
}

static int visit_keys(struct scan *scan, const struct redis_answer *keys,
		      struct err *err)
{
	struct redis_conn *conn = scan->node->conn;

	for (size_t i = 0; i < keys->count; i++) {
		redis_conn_begin(conn, 2);
		redis_conn_word(conn, SLICE("GET"));
		redis_conn_word(conn, redis_answer_text(keys, i));
	}
	if (exchange(scan, err) < 0)
		return -1;
	for (size_t i = 0; i < keys->count; i++) {
		const struct redis_answer *value = redis_conn_take(conn);

		/* A key of another type is none of ours. */
		if (value && value->type == REDIS_TEXT)
			visit(scan, redis_answer_text(keys, i), value->text);
	}
	return 0;
}

/* Sends the changes that visit() appended, and counts them. */
static int make_changes(struct scan *scan, struct err *err)
{
	size_t count = redis_conn_missing(scan->node->conn);

	if (count > 0 && exchange(scan, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct redis_answer *answer = take(scan, err);

		if (!answer)
			return -1;
		scan->changed += answer->integer;
	}
	return 0;
}

/* One step; 1: there is more; 0: that was all; -1. */
static int scan_step(struct scan *scan, struct err *err)
{
	const struct redis_answer *keys = scan_keys(scan, err);

	if (!keys || visit_keys(scan, keys, err) < 0 ||
	    make_changes(scan, err) < 0)
		return -1;
	redis_conn_forget(scan->node->conn);
	return strcmp(scan->cursor, "0") != 0;
}

static int be_ready(struct scan *scan, struct err *err)
{
	struct redis_node *node = scan->node;
	struct redis_shared *shared = &scan->redis->shared;

	if (node->state == REDIS_NODE_READY && redis_conn_is_usable(node->conn))
		return 0;
	if (redis_node_open(node, shared, REDIS_GREET_SCRIPTS,
			    scan->deadline_ms, &node->fault) == 0)
		redis_conns_wait(&node->conn, 1, scan->deadline_ms);
	if (node->state == REDIS_NODE_GREETING &&
	    redis_node_greeted(node, shared, &node->fault) == 0)
		return 0;
	redis_node_close(node);
	return err_set(err, "node %s: %.400s", node->name, node->fault.text);
}

static int scan_node(struct scan *scan, struct err *err)
{
	int more = 1;

	if (be_ready(scan, err) < 0 || ask_time(scan, err) < 0)
		return -1;
	memcpy(scan->cursor, "0", 2);
	while (more > 0) {
		if (clock_mono_ms() >= scan->deadline_ms)
			return err_set(err, "more keys than can be looked "
					    "through in time");
		more = scan_step(scan, err);
	}
	return more;
}

static int scan_all(struct scan *scan, struct err *err)
{
	struct redis_cluster *cluster = &scan->redis->cluster;

	for (size_t i = 0; i < cluster->count; i++) {
		scan->node = cluster->nodes[i];
		if (scan_node(scan, err) == 0)
			continue;
		/* What it still says is of no use. */
		redis_node_close(scan->node);
		return -1;
	}
	return 0;
}

/* ---- the calls ---- */

static void scan_call(struct redis *redis, struct store_call *call,
		      int64_t deadline_ms)
{
	struct scan scan = {
		.redis = redis,
		.call = call,
		.deadline_ms = deadline_ms,
		.pattern = pattern_of(call->arena, redis->shared.prefix),
		.youngest_ms = INT64_MIN,
	};

	if (scan_all(&scan, &call->err) < 0) {
		store_call_settle(call, STORE_FAILED);
		return;
	}
	if (call->op == STORE_OP_LIST) {
		list_order(&scan);
		call->out.list = (struct greylist_list){
			scan.entries, scan.count, scan.cut};
	} else {
		call->out.number += scan.changed;
	}
	store_call_settle(call, STORE_DONE);
}

int redis_admin_run(struct redis *redis, struct store_call *call,
		    int64_t deadline_ms, struct err *err)
{
	call->out.number = 0;
	if (call->op != STORE_OP_LIST && call->op != STORE_OP_RELEASE) {
		/* An allowed name is a single command. */
		if (redis_run(redis, &call, 1, deadline_ms, err) < 0)
			return -1;
		if (call->op != STORE_OP_FORGET || call->result != STORE_DONE)
			return 0;
	}
	scan_call(redis, call, deadline_ms);
	return 0;
}
