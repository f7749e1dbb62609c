/*
 * From a message to a try: under which names greylisting keeps it. The body
 * is no part of it: a text that was seen before frees no copy of it.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_TRY_H
#define GATEPOST_CHECKS_GREYLIST_TRY_H

#include "milter/checks/greylist_conf.h"
#include "milter/store/store.h"

/* The client's network, "192.0.2.0/24". */
struct slice greylist_network(const struct mail *mail,
			      const struct greylist_conf *conf);

/*
 * Fills the try. Its origins: the client's network, and the organization of
 * the sender (of the HELO name for the empty sender) where SPF passes for
 * that domain, or a DKIM signature of that organization verifies. All its
 * hosts then are one. Lives in the mail's arena.
 */
void greylist_try_make(const struct mail *mail,
		       const struct greylist_ready *ready,
		       struct greylist_try *try_r);

#endif
