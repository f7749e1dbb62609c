/*
 * Holding a message: what the decision wants kept goes into the vault, on
 * disk for good, before the client is answered.
 */
#ifndef GATEPOST_DAEMON_HOLD_H
#define GATEPOST_DAEMON_HOLD_H

#include "milter/daemon/counters.h"
#include "milter/engine/policy.h"

/*
 * After policy_commit(). Stores the message if it is to be quarantined, or
 * rejected with a copy; if that fails, a quarantined one is deferred, a
 * rejected one is rejected without a copy, and the log says why.
 */
void hold_message(const struct policy *policy, struct counter_slot *slot,
		  const struct mail *mail, struct decision *decision);

#endif
