/*
 * The delivery hook. Dovecot has one such hook for all users of a process;
 * each plugin calls the one it found there. Sieve calls no other, so this
 * plugin must be loaded after it (91 against 90) to come before it.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"
#include "dovecot-plugin/filing.h"
#include "dovecot-plugin/folders.h"
#include "dovecot-plugin/key.h"
#include "dovecot-plugin/settings.h"
#include "dovecot-plugin/verdict.h"

#define USER_CONTEXT(user) MODULE_CONTEXT(user, filing_user_module)

struct filing_user {
	union mail_user_module_context module_ctx;
	struct plugin_settings settings;
};

static MODULE_CONTEXT_DEFINE_INIT(filing_user_module,
				  &mail_user_module_register);
/* Whose turn it is after us; set once, when the process starts. */
static deliver_mail_func_t *next_hook;

void plugin_filing_user(struct mail_user *user)
{
	struct filing_user *own;

	/* Not the user that lmtp reads the incoming message as. */
	if (user->autocreated || (strcmp(user->service, "lmtp") != 0 &&
				  strcmp(user->service, "lda") != 0))
		return;
	own = p_new(user->pool, struct filing_user, 1);
	plugin_settings_read(user, &own->settings);
	MODULE_CONTEXT_SET(user, filing_user_module, own);
}

static int pass_on(struct mail_deliver_context *ctx,
		   struct mail_storage **storage_r)
{
	return next_hook != NULL ? next_hook(ctx, storage_r) : 0;
}

static int to_junk(struct mail_deliver_context *ctx,
		   const struct plugin_settings *settings,
		   struct mail_storage **storage_r)
{
	const char *junk = settings->junk;

	if (junk == NULL)
		junk = plugin_folder_with(ctx->rcpt_user, "\\Junk");
	if (junk == NULL)
		plugin_error(ctx->event, "settings", "delivered",
			     "no folder has special_use = \\Junk: delivered "
			     "to INBOX; configure one, or set "
			     "gatepost_junk_mailbox");
	else
		ctx->rcpt_default_mailbox = p_strdup(ctx->pool, junk);
	return pass_on(ctx, storage_r);
}

/* Anything but "saved" must not let Dovecot try INBOX: come again later. */
static int to_quarantine(struct mail_deliver_context *ctx, const char *folder,
			 struct mail_storage **storage_r)
{
	enum mail_error code;
	const char *reason = "no such folder";

	if (mail_deliver_save(ctx, folder, 0, NULL, storage_r) == 0)
		return 1;
	if (*storage_r != NULL)
		reason =
			mail_storage_get_last_internal_error(*storage_r, &code);
	plugin_error(ctx->event, "save", "deferred",
		     t_strdup_printf("%s: cannot save: %s; the message stays "
				     "in the queue until this folder, named "
				     "by gatepost_quarantine_mailbox or "
				     "gatepost_virus_mailbox, can be written",
				     folder, reason));
	ctx->tempfail_error = "Quarantine folder cannot be written now";
	return -1;
}

static int to_inbox_with(struct mail_deliver_context *ctx, const char *keyword,
			 struct mail_storage **storage_r)
{
	const char *const keywords[] = {keyword, NULL};

	return mail_deliver_save(ctx, ctx->rcpt_default_mailbox, 0, keywords,
				 storage_r) == 0
		       ? 1
		       : -1;
}

static int file_at(struct mail_deliver_context *ctx,
		   const struct plugin_settings *settings,
		   struct policy_decision decision,
		   struct mail_storage **storage_r)
{
	switch (decision.place) {
	case POLICY_JUNK:
		return to_junk(ctx, settings, storage_r);
	case POLICY_FLAGGED:
		return to_inbox_with(ctx, decision.keyword, storage_r);
	case POLICY_HELD:
		return to_quarantine(ctx, settings->quarantine, storage_r);
	case POLICY_INFECTED:
		return to_quarantine(ctx, settings->virus, storage_r);
	default:
		return pass_on(ctx, storage_r);
	}
}

/* Finds the verdict, if there is one to be trusted. */
static void look(struct mail_deliver_context *ctx,
		 const struct plugin_settings *settings,
		 struct verdict_found *found_r)
{
	if (plugin_verdict_read(ctx->src_mail, settings, ctx->event, found_r) <
	    0)
		plugin_error(ctx->event, "read", "delivered",
			     "the message's headers cannot be read");
	if (found_r->forged > 0)
		plugin_event_forged(ctx->rcpt_user, "seal", found_r->forged);
	if (found_r->expired > 0)
		plugin_event_forged(ctx->rcpt_user, "age", found_r->expired);
}

static int deliver(struct mail_deliver_context *ctx,
		   struct mail_storage **storage_r)
{
	const struct filing_user *own = USER_CONTEXT(ctx->rcpt_user);
	struct policy_decision decision = {POLICY_INBOX, NULL};
	const char *class = "none";
	struct verdict_found found;
	int ret;

	/* The plugin is not in this user's mail_plugins. */
	if (own == NULL)
		return pass_on(ctx, storage_r);
	look(ctx, &own->settings, &found);
	if (found.valid) {
		class = policy_class_word(found.verdict.class);
		decision = policy_decide(&found.verdict, &own->settings.policy);
	}
	ret = file_at(ctx, &own->settings, decision, storage_r);
	if (ret >= 0)
		plugin_event_filed(ctx->rcpt_user, class,
				   policy_place_word(decision.place), found.id);
	return ret;
}

void plugin_filing_init(void)
{
	if (mail_deliver_hook_set != NULL)
		next_hook = mail_deliver_hook_set(deliver);
}

void plugin_filing_deinit(void)
{
	if (mail_deliver_hook_set == NULL)
		return;
	mail_deliver_hook_set(next_hook);
	plugin_key_free();
}
