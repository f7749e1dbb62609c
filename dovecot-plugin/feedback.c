/*
 * A move arrives as a copy and, later, an expunge in another transaction, so
 * copies are what is looked at. They become final, for quota and the rest,
 * when their transaction is committed; only then is anything told.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/events.h"
#include "dovecot-plugin/feedback.h"
#include "dovecot-plugin/folders.h"
#include "dovecot-plugin/record_id.h"
#include "dovecot-plugin/settings.h"
#include "dovecot-plugin/tell.h"

#define USER_CONTEXT(user) MODULE_CONTEXT(user, feedback_user_module)
#define STORAGE_CONTEXT(of) MODULE_CONTEXT(of, feedback_storage_module)
#define MAIL_CONTEXT(mail) MODULE_CONTEXT_REQUIRE(mail, feedback_mail_module)

/* What is not an act of the user's, or none on a mailbox of his own. */
#define NOT_BY_USER \
	(MAILBOX_TRANSACTION_FLAG_SYNC | MAILBOX_TRANSACTION_FLAG_NO_NOTIFY)

struct feedback_user {
	union mail_user_module_context module_ctx;
	struct plugin_settings settings;
	bool admin; /* doveadm */
};

struct feedback_box {
	union mailbox_module_context module_ctx;
};

struct feedback_transaction {
	union mailbox_transaction_module_context module_ctx;
	struct tell *tell;
	unsigned int spam, virus; /* released */
};

struct feedback_mail {
	union mail_module_context module_ctx;
};

static MODULE_CONTEXT_DEFINE_INIT(feedback_user_module,
				  &mail_user_module_register);
static MODULE_CONTEXT_DEFINE_INIT(feedback_storage_module,
				  &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(feedback_mail_module, &mail_module_register);

void plugin_feedback_user(struct mail_user *user)
{
	struct feedback_user *own;
	bool admin = strcmp(user->service, "doveadm") == 0;

	if (user->autocreated || (!admin && strcmp(user->service, "imap") != 0))
		return;
	own = p_new(user->pool, struct feedback_user, 1);
	plugin_settings_read(user, &own->settings);
	own->admin = admin;
	MODULE_CONTEXT_SET(user, feedback_user_module, own);
}

/* The folder's owner, if it is his own; else NULL. */
static struct feedback_user *owner_of(struct mailbox *box)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);

	if (ns->type != MAIL_NAMESPACE_TYPE_PRIVATE || ns->owner == NULL ||
	    ns->owner != ns->user)
		return NULL;
	return USER_CONTEXT(ns->owner);
}

static bool is_quarantine(enum folder_kind kind)
{
	return kind == FOLDER_QUARANTINE || kind == FOLDER_VIRUS;
}

/* What a copy from there to there says; false: nothing. */
static bool says(enum folder_kind from, enum folder_kind to, bool moving,
		 struct feedback *said_r)
{
	bool out = to == FOLDER_OTHER;

	said_r->how = moving ? FEEDBACK_MOVE : FEEDBACK_COPY;
	said_r->said = FEEDBACK_HAM;
	if (is_quarantine(from) && out) {
		said_r->how = FEEDBACK_RELEASE;
		return true;
	}
	if (from == FOLDER_JUNK && out)
		return true;
	said_r->said = FEEDBACK_SPAM;
	return from == FOLDER_OTHER && to == FOLDER_JUNK;
}

/* Where what this transaction does is kept until it is committed. */
static struct feedback_transaction *
done_in(struct mailbox_transaction_context *t, const struct feedback_user *own)
{
	struct feedback_transaction *ft = STORAGE_CONTEXT(t);

	if (ft == NULL) {
		ft = i_new(struct feedback_transaction, 1);
		ft->tell =
			plugin_tell_new(&own->settings, t->box->storage->user);
		MODULE_CONTEXT_SET(t, feedback_storage_module, ft);
	}
	return ft;
}

/* Not for what delivery, Sieve or a script for all users does. */
static struct feedback_user *actor(struct mailbox_transaction_context *t,
				   struct mailbox *from)
{
	struct feedback_user *own = owner_of(t->box);

	if (own == NULL || (t->flags & NOT_BY_USER) != 0 ||
	    owner_of(from) != own)
		return NULL;
	return own;
}

static int feedback_copy(struct mail_save_context *ctx, struct mail *mail)
{
	struct mailbox_transaction_context *t = ctx->transaction;
	struct feedback_box *fbox = STORAGE_CONTEXT(t->box);
	struct feedback_user *own = ctx->saving ? NULL : actor(t, mail->box);
	enum folder_kind from, to;
	struct feedback said = {.how = FEEDBACK_COPY};
	const char *id = NULL;

	if (own == NULL)
		return fbox->module_ctx.super.copy(ctx, mail);
	from = plugin_folder_kind(mail->box, &own->settings);
	to = plugin_folder_kind(t->box, &own->settings);
	if (from == FOLDER_VIRUS && to != FOLDER_VIRUS && !own->admin) {
		mail_storage_set_error(t->box->storage, MAIL_ERROR_PERM,
				       "Infected mail is released by the "
				       "administrator only");
		mailbox_save_cancel(&ctx);
		return -1;
	}
	if (says(from, to, ctx->moving, &said) && own->settings.feedback)
		id = plugin_record_id(mail);
	if (fbox->module_ctx.super.copy(ctx, mail) < 0)
		return -1;
	if (said.how == FEEDBACK_RELEASE && from == FOLDER_VIRUS)
		done_in(t, own)->virus++;
	else if (said.how == FEEDBACK_RELEASE)
		done_in(t, own)->spam++;
	if (id != NULL)
		plugin_tell_add(done_in(t, own)->tell, &said, id);
	return 0;
}

static void count_released(struct feedback_transaction *ft, struct event *event)
{
	for (; ft->spam > 0; ft->spam--)
		plugin_event_released(event, "spam");
	for (; ft->virus > 0; ft->virus--)
		plugin_event_released(event, "virus");
}

static int feedback_commit(struct mailbox_transaction_context *t,
			   struct mail_transaction_commit_changes *changes_r)
{
	struct feedback_box *fbox = STORAGE_CONTEXT(t->box);
	struct feedback_transaction *ft = STORAGE_CONTEXT(t);
	struct event *event = t->box->event;
	int ret;

	event_ref(event);
	ret = fbox->module_ctx.super.transaction_commit(t, changes_r);
	if (ft != NULL) {
		if (ret == 0) {
			count_released(ft, event);
			plugin_tell_send(ft->tell, event);
		}
		plugin_tell_free(&ft->tell);
		i_free(ft);
	}
	event_unref(&event);
	return ret;
}

static void feedback_rollback(struct mailbox_transaction_context *t)
{
	struct feedback_box *fbox = STORAGE_CONTEXT(t->box);
	struct feedback_transaction *ft = STORAGE_CONTEXT(t);

	fbox->module_ctx.super.transaction_rollback(t);
	if (ft != NULL) {
		plugin_tell_free(&ft->tell);
		i_free(ft);
	}
}

void plugin_feedback_mailbox(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct feedback_box *fbox;

	if (owner_of(box) == NULL)
		return;
	fbox = p_new(box->pool, struct feedback_box, 1);
	fbox->module_ctx.super = *v;
	box->vlast = &fbox->module_ctx.super;
	v->copy = feedback_copy;
	v->transaction_commit = feedback_commit;
	v->transaction_rollback = feedback_rollback;
	MODULE_CONTEXT_SET(box, feedback_storage_module, fbox);
}

/* The keyword of RFC 9051 2.3.2 and what clients set before it was. */
static bool has_one(const char *const *keywords, const char *name,
		    const char *old_name)
{
	return keywords != NULL && (str_array_icase_find(keywords, name) ||
				    str_array_icase_find(keywords, old_name));
}

static bool is_junk(const char *const *keywords)
{
	return has_one(keywords, "$Junk", "Junk");
}

static bool is_no_junk(const char *const *keywords)
{
	return has_one(keywords, "$NotJunk", "NonJunk");
}

static void feedback_keywords(struct mail *mail, enum modify_type modify_type,
			      struct mail_keywords *keywords)
{
	struct feedback_mail *fmail = MAIL_CONTEXT((struct mail_private *)mail);
	struct feedback_user *own = actor(mail->transaction, mail->box);
	struct feedback said = {.how = FEEDBACK_FLAG};
	const char *const *now;
	const char *id;
	bool junk, no_junk;

	if (own == NULL || modify_type == MODIFY_REMOVE ||
	    !own->settings.feedback) {
		fmail->module_ctx.super.update_keywords(mail, modify_type,
							keywords);
		return;
	}
	now = mail_get_keywords(mail);
	junk = is_junk(now);
	no_junk = is_no_junk(now);
	fmail->module_ctx.super.update_keywords(mail, modify_type, keywords);
	now = mail_get_keywords(mail);
	if (!no_junk && is_no_junk(now))
		said.said = FEEDBACK_HAM;
	else if (!junk && is_junk(now))
		said.said = FEEDBACK_SPAM;
	else
		return;
	id = plugin_record_id(mail);
	if (id != NULL)
		plugin_tell_add(done_in(mail->transaction, own)->tell, &said,
				id);
}

void plugin_feedback_mail(struct mail *mail)
{
	struct mail_private *pmail = (struct mail_private *)mail;
	struct mail_vfuncs *v = pmail->vlast;
	struct feedback_mail *fmail;

	if (STORAGE_CONTEXT(mail->box) == NULL)
		return;
	fmail = p_new(pmail->pool, struct feedback_mail, 1);
	fmail->module_ctx.super = *v;
	pmail->vlast = &fmail->module_ctx.super;
	v->update_keywords = feedback_keywords;
	MODULE_CONTEXT_SET(pmail, feedback_mail_module, fmail);
}
