/*
 * The recorder's notices: a thread that tells people and programs what came
 * into the vault. It follows the vault's index, writes down how far it is
 * (state_dir/notices/book) and what is to be sent (notices/queue), and
 * sends it. No message waits for it, and none is lost or told twice over a
 * restart; when two recorders are there at a reload, one waits.
 */
#ifndef GATEPOST_DAEMON_NOTICES_H
#define GATEPOST_DAEMON_NOTICES_H

#include "common/conf/conf.h"
#include "milter/daemon/counters.h"

struct notices;

/* Both outlive it. err also names what is wrong in a template. */
struct notices *notices_new(const struct conf *conf,
			    struct counter_slot *slot, struct err *err);
/* One that is being sent is not waited for longer than a moment. */
void notices_free(struct notices **notices);

/* Why people are not told what they should be; false: all is well. */
bool notices_trouble(struct notices *notices, struct err *why_r);

#endif
