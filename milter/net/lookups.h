/*
 * The DNS questions of one message: each is asked once, remembered, and
 * charged to the checks that wait for it. A check calls lookup() as if the
 * answer were in hand; NULL means "not yet", and the check is run again
 * when all it asked for has come.
 *
 * One thread at a time uses a struct lookups, except that answers arrive on
 * the resolver's thread.
 */
#ifndef GATEPOST_NET_LOOKUPS_H
#define GATEPOST_NET_LOOKUPS_H

#include "milter/net/resolver.h"

struct lookups;

#define LOOKUPS_OWNERS 32	/* at most this many checks */

/* Lives in the arena; lookups_end() must come before the arena goes. */
struct lookups *lookups_new(struct arena *arena, struct resolver *resolver,
			    size_t max_questions);
/* Cancels what is still out and drops all answers. */
void lookups_end(struct lookups *l);

/*
 * From here on questions belong to check number `owner`; each may be
 * waited for until `wait_ms` after it was first asked, and none of them
 * longer than `until_ms` (monotonic).
 */
void lookups_begin(struct lookups *l, unsigned owner, int64_t wait_ms,
		   int64_t until_ms);

/*
 * The answer, or NULL while it is pending. `name`: a domain name of ASCII
 * labels, with or without a last dot; an impossible name (empty or over-long
 * labels, over 253 bytes) is answered DNS_NXDOMAIN at once. Past its
 * deadline, or past the limit of questions per message, the answer is
 * DNS_TEMPFAIL. The answer lives until lookups_end().
 */
const struct dns_answer *lookup(struct lookups *l, enum dns_type type,
				struct slice name);

/*
 * How long the answer that lookup() returned last took to come, in
 * microseconds; -1: it was at hand, or there is none.
 */
int64_t lookup_took_us(const struct lookups *l);

/* How many of the owner's questions have neither answer nor timeout. */
unsigned lookups_pending(struct lookups *l, unsigned owner);
/*
 * Waits until some owner in the mask `owners` has nothing pending, or until
 * `deadline_ms`. Returns the mask of owners that can go on (those whose
 * questions passed their own deadlines included). Returns at once when some
 * already can.
 */
uint32_t lookups_wait(struct lookups *l, uint32_t owners, int64_t deadline_ms);
/* Makes all pending questions time out now: every owner can go on. */
void lookups_give_up(struct lookups *l);

struct lookups_stats {
	unsigned asked, from_cache, timed_out, failed;
};
struct lookups_stats lookups_stats(struct lookups *l);

#endif
