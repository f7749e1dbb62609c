/*
 * Accounting: what one judged message, and a worker's second, add to the
 * counters of the process. Names are looked up once, when the worker
 * starts; a message costs some hundred nanoseconds and no lock.
 */
#ifndef GATEPOST_DAEMON_ACCOUNT_H
#define GATEPOST_DAEMON_ACCOUNT_H

#include "milter/daemon/counters.h"
#include "milter/engine/policy.h"

/*
 * Adds the names of the engine's symbols, checks and lists to those of the
 * counters. For the master, before the workers of that generation start.
 */
void account_register(const struct counters *counters,
		      const struct engine *engine);

struct account;

/* Where the names of the engine, which outlives it, stand; never NULL. */
struct account *account_new(const struct counters *counters,
			    const struct engine *engine);
void account_free(struct account **account);
/* A message that was decided and answered. Not for probes. */
void account_message(const struct account *account, struct counter_slot *slot,
		     const struct mail *mail, const struct decision *decision);
/* Which lists are suspended now; none if we no longer `serve` new mail. */
void account_sources(const struct account *account, struct counter_slot *slot,
		     bool serving);

#endif
