/*
 * Dovecot's plugin of Gatepost: what to do when it is loaded into a process
 * and when a user's mail is opened there. It serves lmtp and dovecot-lda;
 * in imap, pop3 and doveadm it does nothing.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/filing.h"
#include "dovecot-plugin/plugin.h"

/* Without this Dovecot would load a plugin built for another release. */
PLUGIN_EXPORT const char *const gatepost_plugin_version = DOVECOT_ABI_VERSION;

static const struct mail_storage_hooks hooks = {
	.mail_user_created = plugin_filing_user,
};

PLUGIN_EXPORT void gatepost_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &hooks);
	plugin_filing_init();
}

PLUGIN_EXPORT void gatepost_plugin_deinit(void)
{
	plugin_filing_deinit();
	mail_storage_hooks_remove(&hooks);
}
