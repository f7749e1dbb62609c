/*
 * Letting a sender through because somebody vouches for it: who releases a
 * message from quarantine, or takes it out of a quarantine folder.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_PASS_H
#define GATEPOST_CHECKS_GREYLIST_PASS_H

#include "common/verdict/record.h"
#include "milter/checks/greylist_conf.h"
#include "milter/store/store.h"

/* Whose mail, to whom. */
struct greylist_vouch {
	struct arena *arena;		/* what comes of it lives here */
	const struct record *record;	/* of the message */
	const struct slice *rcpts;	/* paths without <>, at least one */
	size_t rcpt_count;
};

/*
 * What the record's sender sends to these recipients from where the message
 * came from passes greylisting from now on, as if it had come again: for
 * greylist.pass_lifetime, renewed by each use. A sender is easily forged, so
 * it passes from the message's network only, and from other hosts of its
 * organization if that was proven by SPF or DKIM.
 *
 * 1: done, and the sender, origins and lifetime of *passed_r say for whom;
 * 0: it has no effect, and -1: the store cannot, err says why.
 */
int greylist_pass(struct store *store, const struct greylist_ready *ready,
		  const struct greylist_vouch *vouch,
		  struct greylist_try *passed_r, struct err *err);

#endif
