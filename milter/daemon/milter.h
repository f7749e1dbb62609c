/*
 * The milter protocol's side of a worker: libmilter's callbacks fill a
 * connection and a message and tell the engine; at end-of-message the
 * engine finishes, policy decides and apply.c acts.
 */
#ifndef GATEPOST_DAEMON_MILTER_H
#define GATEPOST_DAEMON_MILTER_H

#include "milter/daemon/counters.h"
#include "milter/daemon/tick.h"
#include "milter/engine/policy.h"

/* What the callbacks work with; outlives them. */
struct milter_service {
	const struct engine *engine;
	const struct policy *policy;
	struct counter_slot *counters;
	const struct account *account;	/* what it adds to them by name */
	struct tick *tick;		/* NULL until there is one */
	unsigned max_sessions;
	int idle_s;			/* of a silent session */
	bool over_tcp;			/* what it listens on */
	int records;			/* where records go (records.h) */
	/* The rest is the callbacks' own. */
	atomic_bool serving;
	atomic_uint sessions;
	atomic_uint transactions;	/* messages between MAIL and the end */
};

/*
 * Readies libmilter to accept on fd; before any thread. Only one service
 * per process, since libmilter knows no more.
 */
int milter_prepare(struct milter_service *service, int fd, struct err *err);
/* Serves until the process ends; returns only when libmilter fails. */
void milter_run(void);

#endif
