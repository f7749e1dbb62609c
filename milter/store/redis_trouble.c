/* A table of the codes that begin an error. */
#include "milter/store/redis_trouble.h"

#define SLOTS 16384

struct row {
	struct slice code;
	enum redis_trouble trouble;
	const char *words; /* NULL: what Redis says is enough */
};

static const struct row rows[] = {
	{SLICE("MOVED"), REDIS_TROUBLE_MOVED,
	 "a Cluster whose map is not known to us: the user needs the right "
	 "+cluster|slots"},
	{SLICE("ASK"), REDIS_TROUBLE_ASK, NULL},
	{SLICE("TRYAGAIN"), REDIS_TROUBLE_AGAIN,
	 "a slot of the Cluster is being moved"},
	{SLICE("NOSCRIPT"), REDIS_TROUBLE_SCRIPT, NULL},
	{SLICE("READONLY"), REDIS_TROUBLE_SERVER,
	 "it is a read-only replica; name the master, or use "
	 "redis-sentinel:// where the master changes"},
	{SLICE("OOM"), REDIS_TROUBLE_SERVER,
	 "its memory is full; raise its maxmemory, or see what fills it"},
	{SLICE("MISCONF"), REDIS_TROUBLE_SERVER,
	 "it takes no writes since it cannot save to its disk; look at its "
	 "log, and at the space there"},
	{SLICE("LOADING"), REDIS_TROUBLE_SERVER,
	 "it is reading its data after a start"},
	{SLICE("BUSY"), REDIS_TROUBLE_SERVER,
	 "a script of somebody else's keeps it busy"},
	{SLICE("MASTERDOWN"), REDIS_TROUBLE_SERVER,
	 "it is a replica that has lost its master"},
	{SLICE("NOREPLICAS"), REDIS_TROUBLE_SERVER,
	 "it takes no writes since too few replicas follow it "
	 "(min-replicas-to-write)"},
	{SLICE("NOAUTH"), REDIS_TROUBLE_SERVER,
	 "it wants a password; write it into `store`: "
	 "redis://:PASSWORD@HOST, or USER:PASSWORD@"},
	{SLICE("WRONGPASS"), REDIS_TROUBLE_SERVER,
	 "it does not take user and password of `store`"},
	{SLICE("NOPERM"), REDIS_TROUBLE_SERVER,
	 "the user of `store` lacks a right; docs/redis.md has the ACL line"},
	{SLICE("DENIED"), REDIS_TROUBLE_SERVER,
	 "it is in protected mode; give it a password or a bind address"},
	{SLICE("CLUSTERDOWN"), REDIS_TROUBLE_CLUSTER,
	 "the Cluster is down: a master is missing and no replica has taken "
	 "its place"},
	{SLICE("CROSSSLOT"), REDIS_TROUBLE_CALL, NULL},
};

static const struct row *row_of(struct slice code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (slice_eq(rows[i].code, code))
			return &rows[i];
	}
	return NULL;
}

/*
 * The code of an error. Redis before 7 wraps what a command in a script
 * said: "ERR Error running script (...): @user_script: 3: -OOM command ...".
 */
static const struct row *find(struct slice error)
{
	size_t end = slice_find(error, 0, ' ');
	const struct row *row = row_of(slice_sub(error, 0, end));
	size_t dash;

	if (row)
		return row;
	if (slice_search_nocase(error, SLICE("user executing the script can't")) <
	    error.n)
		return row_of(SLICE("NOPERM"));
	if (!slice_starts_nocase(error, SLICE("ERR Error running")))
		return NULL;
	dash = slice_search_nocase(error, SLICE(": -"));
	if (dash == error.n)
		return NULL;
	end = slice_find(error, dash + 3, ' ');
	return row_of(slice_sub(error, dash + 3, end));
}

enum redis_trouble redis_trouble_of(struct slice error)
{
	const struct row *row = find(error);

	if (!row)
		return REDIS_TROUBLE_CALL;
	/* Of one slot only: the others are served. */
	if (row->trouble == REDIS_TROUBLE_CLUSTER &&
	    slice_search_nocase(error, SLICE("slot not served")) < error.n)
		return REDIS_TROUBLE_CALL;
	return row->trouble;
}

int redis_trouble_explain(struct slice error, struct err *err)
{
	const struct row *row = find(error);
	struct slice said = slice_sub(error, 0, 160);

	if (!row || !row->words)
		return err_set(err, "it said: %.*s", SLICE_FMT(said));
	return err_set(err, "%s (it said: %.*s)", row->words, SLICE_FMT(said));
}

/* "MOVED 3999 192.0.2.1:6381"; an IPv6 address stands without brackets. */
int redis_redirect_read(struct slice error, struct redis_redirect *r)
{
	struct slice rest = error, code, slot, place;
	uint64_t number, port;
	size_t colon;

	if (!slice_next(&rest, ' ', &code) || !slice_next(&rest, ' ', &slot) ||
	    !slice_next(&rest, ' ', &place))
		return -1;
	colon = slice_rfind(place, ':');
	if (!slice_to_u64(slot, &number) || number >= SLOTS ||
	    colon == place.n ||
	    !slice_to_u64(slice_sub(place, colon + 1, place.n), &port) ||
	    port == 0 || port > 65535)
		return -1;
	r->slot = (unsigned)number;
	r->host = slice_sub(place, 0, colon);
	r->port = (int)port;
	return 0;
}
