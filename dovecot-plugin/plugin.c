/*
 * Dovecot's plugin of Gatepost: what to do when it is loaded into a process
 * and when a user's mail is opened there. It files in lmtp and dovecot-lda,
 * hears what users do in imap and doveadm, and does nothing in pop3.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/feedback.h"
#include "dovecot-plugin/filing.h"
#include "dovecot-plugin/plugin.h"

/* Without this Dovecot would load a plugin built for another release. */
PLUGIN_EXPORT const char *const gatepost_plugin_version = DOVECOT_ABI_VERSION;

static void user_created(struct mail_user *user)
{
	plugin_filing_user(user);
	plugin_feedback_user(user);
}

static const struct mail_storage_hooks hooks = {
	.mail_user_created = user_created,
	.mailbox_allocated = plugin_feedback_mailbox,
	.mail_allocated = plugin_feedback_mail,
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
