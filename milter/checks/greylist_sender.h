/*
 * Envelope addresses as greylisting knows them: one form for all ways to
 * write an address, and for senders one name for the addresses that change
 * with each message. Pure functions.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_SENDER_H
#define GATEPOST_CHECKS_GREYLIST_SENDER_H

#include "common/base/arena.h"

/* Nothing that these functions return is longer. */
#define GREYLIST_ADDRESS_MAX 512

/*
 * A path without angle brackets in lower case: quotes and source route
 * dropped, the domain as A-labels, bytes that no address should hold as
 * '?', an endless local part cut. Empty for the empty path.
 */
struct slice greylist_address(struct arena *arena, struct slice path);

/*
 * The same, and what only tells messages of one sender apart is folded:
 * what SRS and BATV add to an address, and all that greylist_fold() names.
 * The original sender inside of SRS and BATV is folded in its turn.
 *
 *   SRS0=Ab1c=XY=example.org=alice@fwd.test  srs0=#=#=example.org=alice@…
 *   bob+SRS=Ab1c=XY=example.org=alice@c.test bob+srs=#=#=example.org=alice@…
 *   prvs=4123abcdef=alice@example.org        prvs=#=alice@example.org
 *   list-return-42-user=a.test@example.org   list-return-#-*@example.org
 *
 * Folding what was folded changes nothing.
 */
struct slice greylist_sender(struct arena *arena, struct slice path);

#endif
