/*
 * The plugin's settings for one user: from `plugin { }` and, by the same
 * names, from the user's userdb fields.
 */
#ifndef GATEPOST_PLUGIN_SETTINGS_H
#define GATEPOST_PLUGIN_SETTINGS_H

#include "dovecot-plugin/policy.h"

struct mail_user;

struct plugin_settings {
	struct policy_user policy;
	const char *key;		/* file */
	const char *quarantine, *virus; /* folders */
	const char *junk;		/* NULL: the one with \Junk */
	int64_t max_age;		/* seconds */
	bool feedback;
	bool allow_on_release;
	const char *feedback_socket;
};

/*
 * Texts live as long as the user. A value that cannot be read is logged and
 * its default taken: a typing error must not stop mail.
 */
void plugin_settings_read(struct mail_user *user,
			  struct plugin_settings *settings_r);

#endif
