/*
 * All sentinels are asked at the same time. What most of those that answer
 * say is taken, since one that was cut off may not know of a failover; the
 * last half of the time is for the master.
 */
#include "milter/store/redis_private.h"

#include "common/base/clock.h"

#include <string.h>

struct vote {
	struct redis_place place;
	size_t count;
};

struct asked {
	struct redis_node *node[STORE_HOSTS_MAX];
	struct redis_conn *conns[STORE_HOSTS_MAX];
	size_t count;
	bool answered[STORE_HOSTS_MAX];
	struct vote votes[STORE_HOSTS_MAX];
	size_t vote_count;
};

static void ask(struct redis_node *node, const struct redis_shared *shared)
{
	redis_conn_command(node->conn,
			   (const char *[]){"SENTINEL",
					    "get-master-addr-by-name",
					    shared->url->service, NULL});
}

/*
 * Sentinels often have no password, and then refuse to be given one: it is
 * given when one asks for it.
 */
static int open_sentinel(struct asked *asked, struct redis_shared *shared,
			 const struct store_host *host, int64_t deadline_ms,
			 struct err *err)
{
	struct redis_node *node = redis_node_new(host->host, host->port);
	struct redis_addresses addresses;

	if (redis_names_find(shared->names, host->host, host->port,
			     deadline_ms, &addresses, err) < 0) {
		redis_node_free(&node);
		return -1;
	}
	redis_conn_open(node->conn, &addresses, shared->tls, node->host);
	ask(node, shared);
	asked->conns[asked->count] = node->conn;
	asked->node[asked->count++] = node;
	return 0;
}

static void login(struct redis_node *node, const struct redis_shared *shared)
{
	const struct store_url *url = shared->url;

	if (url->user)
		redis_conn_command(node->conn, (const char *[]){"AUTH", url->user,
							  url->password, NULL});
	else
		redis_conn_command(node->conn, (const char *[]){
						       "AUTH", url->password, NULL});
	ask(node, shared);
}

static void count_vote(struct asked *asked, struct slice host, uint64_t port)
{
	struct redis_place place = {.port = (int)port};
	size_t i = 0;

	memcpy(place.host, host.p, host.n);
	while (i < asked->vote_count &&
	       (asked->votes[i].place.port != place.port ||
		strcmp(asked->votes[i].place.host, place.host) != 0))
		i++;
	if (i == asked->vote_count)
		asked->votes[asked->vote_count++] = (struct vote){place, 0};
	asked->votes[i].count++;
}

static void take_vote(struct asked *asked, struct redis_node *node,
		      const struct redis_answer *answer,
		      const struct redis_shared *shared, struct err *err)
{
	struct slice host = redis_answer_text(answer, 0);
	uint64_t port;

	if (answer->type == REDIS_NIL) {
		err_set(err, "sentinel %s watches nothing called \"%s\"",
			node->name, shared->url->service);
	} else if (answer->type == REDIS_ERROR) {
		struct err why;

		redis_trouble_explain(answer->text, &why);
		err_set(err, "sentinel %s: %s", node->name, why.text);
	} else if (host.n == 0 || host.n > REDIS_HOST_MAX ||
		   !slice_to_u64(redis_answer_text(answer, 1), &port) ||
		   port == 0 || port > 65535) {
		err_set(err, "sentinel %s gives no address", node->name);
	} else {
		count_vote(asked, host, port);
	}
}

/* What one sentinel has said so far. */
static void hear(struct asked *asked, size_t i,
		 const struct redis_shared *shared, struct err *err)
{
	struct redis_node *node = asked->node[i];
	const struct redis_answer *answer;

	if (asked->answered[i] || redis_conn_missing(node->conn) > 0)
		return;
	answer = redis_conn_take(node->conn);
	if (answer && answer->type == REDIS_STATUS)
		answer = redis_conn_take(node->conn); /* AUTH was well */
	if (answer && answer->type == REDIS_ERROR && shared->url->password &&
	    !node->told &&
	    slice_starts_nocase(answer->text, SLICE("NOAUTH"))) {
		node->told = true;
		login(node, shared);
		return;
	}
	asked->answered[i] = true;
	if (answer)
		take_vote(asked, node, answer, shared, err);
	else
		err_set(err, "sentinel %s: %s", node->name,
			redis_conn_error(node->conn));
}

/* The place most say; NULL while a majority of all may still differ. */
static const struct vote *winner(const struct asked *asked, bool is_over)
{
	const struct vote *best = NULL;

	for (size_t i = 0; i < asked->vote_count; i++) {
		if (!best || asked->votes[i].count > best->count)
			best = &asked->votes[i];
	}
	if (best && !is_over && best->count * 2 <= asked->count)
		return NULL;
	return best;
}

static const struct vote *hear_all(struct asked *asked,
				   const struct redis_shared *shared,
				   int64_t until_ms, struct err *err)
{
	bool more = true;

	for (;;) {
		const struct vote *best;
		bool is_over;

		for (size_t i = 0; i < asked->count; i++)
			hear(asked, i, shared, err);
		is_over = !more || clock_mono_ms() >= until_ms;
		best = winner(asked, is_over);
		if (best || is_over)
			return best;
		more = redis_conns_step(asked->conns, asked->count, until_ms);
	}
}

int redis_sentinel_find(struct redis_shared *shared, int64_t deadline_ms,
			struct redis_place *master_r, struct err *err)
{
	const struct store_url *url = shared->url;
	int64_t now_ms = clock_mono_ms();
	int64_t until_ms = now_ms + (deadline_ms - now_ms) / 2;
	struct asked asked = {.count = 0};
	const struct vote *best;

	err_set(err, "no sentinel answers in time");
	for (size_t i = 0; i < url->host_count; i++)
		open_sentinel(&asked, shared, &url->hosts[i], until_ms, err);
	best = hear_all(&asked, shared, until_ms, err);
	if (best)
		*master_r = best->place;
	for (size_t i = 0; i < asked.count; i++)
		redis_node_free(&asked.node[i]);
	return best ? 0 : -1;
}
