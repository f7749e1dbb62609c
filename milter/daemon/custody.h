/*
 * The recorder's custody of the vault: a thread that keeps its index, lets
 * go what is too old or too much, and tells, in the counters, the log and
 * /healthz, when room runs out. Workers store without it.
 */
#ifndef GATEPOST_DAEMON_CUSTODY_H
#define GATEPOST_DAEMON_CUSTODY_H

#include "common/conf/conf.h"
#include "milter/daemon/counters.h"

struct custody;

/* Both outlive it. */
struct custody *custody_new(const struct conf *conf,
			    struct counter_slot *slot, struct err *err);
void custody_free(struct custody **custody);

/* What is wrong with the vault; false: all is well. */
bool custody_trouble(struct custody *custody, struct err *why_r);

#endif
