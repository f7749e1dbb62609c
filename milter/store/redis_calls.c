/*
 * One command a call, so that a batch goes out in one piece and its answers
 * come back in one. What takes more steps is a script.
 */
#include "milter/store/redis_entry.h"
#include "milter/store/redis_private.h"

#include <stdlib.h>
#include <string.h>

static const char *tag_text(const struct store_call *call, struct slice *name_r)
{
	switch (call->op) {
	case STORE_OP_GREYLIST:
		*name_r = call->in.greylist.sender;
		return NULL;
	case STORE_OP_TRUST:
		*name_r = call->in.name;
		return NULL;
	case STORE_OP_NOTE:
		*name_r = call->in.note.domain;
		return NULL;
	case STORE_OP_RATE:
		*name_r = call->in.rate.subject;
		return NULL;
	default:
		return REDIS_ALLOW;
	}
}

void redis_call_tag(const struct store_call *call, char tag_r[STORE_KEY + 1])
{
	struct slice name;
	const char *text = tag_text(call, &name);

	if (text)
		memcpy(tag_r, text, strlen(text) + 1);
	else
		store_key(&name, 1, tag_r);
}

static void send_script(struct redis_conn *conn,
			const struct redis_shared *shared,
			enum redis_script script, size_t keys, size_t words)
{
	redis_conn_begin(conn, 3 + keys + words);
	redis_conn_word(conn, SLICE("EVALSHA"));
	redis_conn_word(conn,
			(struct slice){shared->scripts.sha[script], REDIS_SHA});
	redis_conn_number(conn, (int64_t)keys);
}

/* The boot is a text to Redis: a Lua number does not hold it. */
static void send_time(struct redis_conn *conn, const struct store_time *now)
{
	redis_conn_unsigned(conn, now->boot);
	redis_conn_number(conn, now->uptime_ms);
}

static void send_greylist(struct redis_conn *conn,
			  const struct redis_shared *shared,
			  const struct store_call *call, const char *tag)
{
	const struct greylist_try *in = &call->in.greylist;
	size_t keys = in->rcpt_count * in->origin_count;
	struct redis_text text;

	send_script(conn, shared, REDIS_SCRIPT_GREYLIST, keys, 6 + keys);
	for (size_t i = 0; i < keys; i++) {
		struct redis_key key;
		char entry[STORE_KEY + 1];

		store_key((struct slice[]){in->sender,
					   in->rcpts[i / in->origin_count],
					   in->origins[i % in->origin_count]},
			  3, entry);
		redis_key_make(&key, shared->prefix, 'g', tag,
			       (struct slice){entry, STORE_KEY});
		redis_conn_word(conn, redis_key_slice(&key));
	}
	send_time(conn, &call->now);
	redis_conn_number(conn, in->delay_ms);
	redis_conn_number(conn, in->window_ms);
	redis_conn_number(conn, in->lifetime_ms);
	redis_conn_number(conn, (int64_t)in->origin_count);
	for (size_t i = 0; i < keys; i++) {
		redis_text_make(&text, (struct slice[]){
			in->sender, in->rcpts[i / in->origin_count],
			in->origins[i % in->origin_count], in->record_id});
		redis_conn_word(conn, (struct slice){text.text, text.n});
	}
}

static void send_trust(struct redis_conn *conn,
		       const struct redis_shared *shared, const char *tag)
{
	struct redis_key key;

	redis_key_make(&key, shared->prefix, 't', tag, SLICE_NONE);
	redis_conn_begin(conn, 2);
	redis_conn_word(conn, SLICE("GET"));
	redis_conn_word(conn, redis_key_slice(&key));
}

static void send_note(struct redis_conn *conn,
		      const struct redis_shared *shared,
		      const struct store_call *call, const char *tag)
{
	const struct store_note_in *in = &call->in.note;
	struct redis_key key;

	redis_key_make(&key, shared->prefix, 't', tag, SLICE_NONE);
	if (!in->good) {
		redis_conn_begin(conn, 2);
		redis_conn_word(conn, SLICE("DEL"));
		redis_conn_word(conn, redis_key_slice(&key));
		return;
	}
	send_script(conn, shared, REDIS_SCRIPT_NOTE, 1, 3);
	redis_conn_word(conn, redis_key_slice(&key));
	send_time(conn, &call->now);
	redis_conn_number(conn, in->lifetime_ms);
}

static void send_allowed(struct redis_conn *conn,
			 const struct redis_shared *shared,
			 const struct store_names_in *in)
{
	size_t count = in->count < STORE_NAMES_MAX ? in->count
						   : STORE_NAMES_MAX;
	struct redis_key key;

	redis_key_allow(&key, shared->prefix);
	redis_conn_begin(conn, 2 + (count ? count : 1));
	redis_conn_word(conn, SLICE("HMGET"));
	redis_conn_word(conn, redis_key_slice(&key));
	for (size_t i = 0; i < count; i++)
		redis_conn_word(conn, in->names[i]);
	if (count == 0) /* Redis wants one; nothing is called that */
		redis_conn_word(conn, SLICE_NONE);
}

/* HSET, HDEL or HKEYS; what a name's value is says when it was added. */
static void send_allow(struct redis_conn *conn,
		       const struct redis_shared *shared,
		       const struct store_call *call)
{
	struct redis_key key;
	bool adds = call->op == STORE_OP_ALLOW;

	redis_key_allow(&key, shared->prefix);
	redis_conn_begin(conn, call->op == STORE_OP_ALLOW_LIST ? 2
			       : adds			       ? 4
							       : 3);
	redis_conn_word(conn, call->op == STORE_OP_ALLOW_LIST ? SLICE("HKEYS")
			      : adds			      ? SLICE("HSET")
							      : SLICE("HDEL"));
	redis_conn_word(conn, redis_key_slice(&key));
	if (call->op == STORE_OP_ALLOW_LIST)
		return;
	redis_conn_word(conn, adds ? call->in.name
				   : call->in.list.filter.match);
	if (adds)
		redis_conn_number(conn, call->now.wall_ms / 1000);
}

static void send_rate(struct redis_conn *conn,
		      const struct redis_shared *shared,
		      const struct store_call *call, const char *tag)
{
	const struct store_rate_in *in = &call->in.rate;

	send_script(conn, shared, REDIS_SCRIPT_RATE, in->count,
		    3 + 3 * in->count);
	for (size_t i = 0; i < in->count; i++) {
		struct redis_key key;

		redis_key_make(&key, shared->prefix, 'r', tag,
			       slice_sub(in->rates[i].name, 0, REDIS_NAME_MAX));
		redis_conn_word(conn, redis_key_slice(&key));
	}
	send_time(conn, &call->now);
	redis_conn_number(conn, in->take);
	for (size_t i = 0; i < in->count; i++) {
		redis_conn_number(conn, in->rates[i].limit);
		redis_conn_number(conn, in->rates[i].amount);
		redis_conn_number(conn, in->rates[i].interval_ms);
	}
}

void redis_call_send(struct redis_conn *conn, const struct redis_shared *shared,
		     const struct store_call *call)
{
	char tag[STORE_KEY + 1];

	redis_call_tag(call, tag);
	switch (call->op) {
	case STORE_OP_GREYLIST:
		send_greylist(conn, shared, call, tag);
		break;
	case STORE_OP_TRUST:
		send_trust(conn, shared, tag);
		break;
	case STORE_OP_NOTE:
		send_note(conn, shared, call, tag);
		break;
	case STORE_OP_RATE:
		send_rate(conn, shared, call, tag);
		break;
	case STORE_OP_ALLOWED:
		send_allowed(conn, shared, &call->in.names);
		break;
	default:
		send_allow(conn, shared, call);
		break;
	}
}

/* ---- answers ---- */

static bool are_integers(const struct redis_answer *answer, size_t count)
{
	if (answer->type != REDIS_LIST || answer->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (answer->items[i].type != REDIS_INTEGER)
			return false;
	}
	return true;
}

static bool read_greylist(struct store_call *call,
			  const struct redis_answer *answer)
{
	if (!are_integers(answer, 5))
		return false;
	call->out.greylist = (struct greylist_answer){
		.pass = answer->items[0].integer != 0,
		.known = answer->items[1].integer != 0,
		.first = answer->items[2].integer != 0,
		.wait_ms = answer->items[3].integer,
		.age_ms = answer->items[4].integer,
	};
	return true;
}

/* "GOOD BOOT UPTIME LIFETIME"; Redis sees to its end by the wall clock. */
static bool read_trust(struct store_call *call,
		       const struct redis_answer *answer)
{
	struct slice rest = answer->text, word;
	uint64_t value[4];

	call->out.number = 0;
	if (answer->type == REDIS_NIL)
		return true;
	if (answer->type != REDIS_TEXT)
		return false;
	for (int i = 0; i < 4; i++) {
		if (!slice_next(&rest, ' ', &word) ||
		    !slice_to_u64(word, &value[i]) ||
		    (i != 1 && value[i] > INT64_MAX))
			return false;
	}
	if (value[1] != call->now.boot ||
	    call->now.uptime_ms - (int64_t)value[2] <= (int64_t)value[3])
		call->out.number = (int64_t)value[0];
	return true;
}

static bool read_allowed(struct store_call *call,
			 const struct redis_answer *answer)
{
	if (answer->type != REDIS_LIST)
		return false;
	call->out.number = -1;
	for (size_t i = 0; i < answer->count; i++) {
		if (answer->items[i].type == REDIS_NIL)
			continue;
		call->out.number = (int64_t)i;
		break;
	}
	return true;
}

static bool read_rate(struct store_call *call,
		      const struct redis_answer *answer)
{
	int64_t which;

	if (!are_integers(answer, 5))
		return false;
	which = answer->items[1].integer;
	if (which < 0 || (size_t)which >= call->in.rate.count)
		return false;
	call->out.rate = (struct rate_answer){
		.over = answer->items[0].integer != 0,
		.which = (size_t)which,
		.wait_ms = answer->items[2].integer,
		.used = answer->items[3].integer,
		.refused = answer->items[4].integer,
	};
	return true;
}

static int compare_names(const void *left, const void *right)
{
	return slice_cmp_nocase(*(const struct slice *)left,
				*(const struct slice *)right);
}

static bool read_names(struct store_call *call,
		       const struct redis_answer *answer)
{
	struct slice *names;

	if (answer->type != REDIS_LIST)
		return false;
	names = ARENA_ARRAY(call->arena, struct slice, answer->count);
	for (size_t i = 0; i < answer->count; i++)
		names[i] = arena_dup(call->arena, redis_answer_text(answer, i));
	if (answer->count > 0)
		qsort(names, answer->count, sizeof(names[0]), compare_names);
	call->out.names = (struct store_names_in){names, answer->count};
	return true;
}

static bool read_count(struct store_call *call,
		       const struct redis_answer *answer)
{
	if (answer->type != REDIS_INTEGER)
		return false;
	call->out.number = answer->integer;
	return true;
}

static bool read_answer(struct store_call *call,
			const struct redis_answer *answer)
{
	switch (call->op) {
	case STORE_OP_GREYLIST:
		return read_greylist(call, answer);
	case STORE_OP_TRUST:
		return read_trust(call, answer);
	case STORE_OP_NOTE:
		return answer->type == REDIS_INTEGER;
	case STORE_OP_RATE:
		return read_rate(call, answer);
	case STORE_OP_ALLOWED:
		return read_allowed(call, answer);
	case STORE_OP_ALLOW_LIST:
		return read_names(call, answer);
	default:
		return read_count(call, answer);
	}
}

void redis_call_read(struct store_call *call,
		     const struct redis_answer *answer)
{
	if (read_answer(call, answer)) {
		store_call_settle(call, STORE_DONE);
		return;
	}
	err_set(&call->err, "an answer of another form than expected; do "
			    "others write under the same prefix?");
	store_call_settle(call, STORE_FAILED);
}
