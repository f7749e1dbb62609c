/*
 * A user vouches for a sender: by taking a message out of his quarantine
 * folder. What the sender sends to him is not greylisted again, in the store
 * that the workers ask.
 */
#ifndef GATEPOST_DAEMON_VOUCH_H
#define GATEPOST_DAEMON_VOUCH_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/conf.h"
#include "common/verdict/record.h"

struct vouch;

/* Borrows the configuration; connects to the store when it is first needed. */
struct vouch *vouch_new(const struct conf *conf, struct err *err);
/*
 * Lets the sender of that record through for the recipient who is the user,
 * or for the only one, since the user may go by an alias. False: nobody was
 * let through; the log says why if the store could not.
 */
bool vouch_for(struct vouch *vouch, struct arena *arena,
	       const struct record *record, struct slice user);
void vouch_free(struct vouch **vouch);

#endif
