/*
 * Letting a sender through because somebody vouches for it: who releases a
 * message from quarantine, or takes it out of a quarantine folder.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_PASS_H
#define GATEPOST_CHECKS_GREYLIST_PASS_H

#include "common/verdict/record.h"
#include "milter/checks/greylist_conf.h"
#include "milter/store/store.h"

/*
 * What the record's sender sends to these recipients from where the message
 * came from passes greylisting from now on, as if it had come again: for
 * greylist.pass_lifetime, renewed by each use. A sender is easily forged, so
 * it passes from the message's network only, and from other hosts of its
 * organization if that was proven by SPF or DKIM.
 *
 * `rcpts`: paths without <>, at least one. 1: done, and the sender, origins
 * and lifetime of *passed_r say for whom; 0: it has no effect, and -1: the
 * store cannot, err says why. Texts live in the arena.
 */
int greylist_pass(struct store *store, struct arena *arena,
		  const struct greylist_ready *ready,
		  const struct record *record, const struct slice *rcpts,
		  size_t rcpt_count, struct greylist_try *passed_r,
		  struct err *err);

#endif
