/*
 * Carries a decision out: the only place that tells the MTA to change or
 * refuse a message.
 */
#ifndef GATEPOST_DAEMON_APPLY_H
#define GATEPOST_DAEMON_APPLY_H

#include "milter/engine/policy.h"

struct smfi_str;	/* libmilter's SMFICTX */

/*
 * At end-of-message only. `own_space`: the MTA puts no space after the
 * colon of what we insert (SMFIP_HDR_LEADSPC), so that we do. Returns what
 * the callback must return; *failed_r says that the MTA did not take it.
 */
int apply_decision(struct smfi_str *ctx, const struct decision *decision,
		   struct arena *arena, bool own_space, bool *failed_r);
/* Sets the text of a 4xx or 5xx reply; texts that cannot be sent are cut. */
void apply_reply(struct smfi_str *ctx, const char *code, const char *status,
		 const char *text);

#endif
