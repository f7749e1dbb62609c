/*
 * The engine's verdict on a message in hand: the first X-Gatepost-Verdict
 * that the key proves and that is recent. Others are counted, not believed.
 */
#ifndef GATEPOST_PLUGIN_VERDICT_H
#define GATEPOST_PLUGIN_VERDICT_H

#include "dovecot-plugin/policy.h"

struct event;
struct mail;
struct plugin_settings;

struct verdict_found {
	bool valid;
	struct policy_verdict verdict;
	const char *id;	      /* on the data stack */
	unsigned int forged;  /* headers whose seal is wrong, or too many */
	unsigned int expired; /* … that are too old, or from the future */
};

/*
 * -1 if the message cannot be read. The key is opened only for a message that
 * has such a header; what is wrong with it goes to `event`.
 */
int plugin_verdict_read(struct mail *mail,
			const struct plugin_settings *settings,
			struct event *event, struct verdict_found *found_r);

#endif
