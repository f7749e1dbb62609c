/*
 * doveadm gatepost release: moves messages out of quarantine, as the user's
 * mail program would: the quota counts, and the other plugin, which sees a
 * move, tells the engine. Only what has arrived is taken out.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/doveadm_commands.h"
#include "dovecot-plugin/doveadm_quarantine.h"
#include "dovecot-plugin/record_id.h"

/* Digits of the largest UID; record ids are longer. */
#define UID_DIGITS 10

/* A message that was asked for. */
struct wanted {
	const char *word;
	uint32_t uid; /* 0: the word is a record id */
	bool found;   /* in the mailbox of this user */
	bool ever;    /* … of any user */
};

struct release_command {
	struct quarantine_command q;
	const char *to;
	struct wanted *wanted;
	unsigned int count;
	bool by_id; /* some are */
	bool ran;
	bool trial;	     /* of whether all go at once */
	struct mailbox *box; /* where to, while a user is looked at */
};

static bool is_it(const struct release_command *cmd,
		  const struct wanted *wanted, enum folder_kind kind,
		  uint32_t uid, const char *id)
{
	if (wanted->uid == 0)
		return id != NULL && strcmp(id, wanted->word) == 0;
	return wanted->uid == uid &&
	       (kind == FOLDER_QUARANTINE || cmd->q.kind != NULL);
}

static bool is_wanted(struct release_command *cmd, enum folder_kind kind,
		      struct mail *mail)
{
	const char *id = cmd->by_id ? plugin_record_id(mail) : NULL;
	bool found = false;

	for (unsigned int i = 0; i < cmd->count; i++)
		if (is_it(cmd, &cmd->wanted[i], kind, mail->uid, id)) {
			cmd->wanted[i].found = true;
			cmd->wanted[i].ever = true;
			found = true;
		}
	return found;
}

static void say(struct release_command *cmd, const char *text)
{
	if (cmd->trial)
		return; /* it is tried again */
	i_error("%s to %s: %s", text, cmd->to,
		mailbox_get_last_internal_error(cmd->box, NULL));
	doveadm_mail_failed_mailbox(&cmd->q.ctx, cmd->box);
}

static int move_one(struct release_command *cmd,
		    struct mailbox_transaction_context *to, struct mail *mail)
{
	struct mail_save_context *save = mailbox_save_alloc(to);

	mailbox_save_copy_flags(save, mail);
	if (mailbox_move(&save, mail) == 0)
		return 0;
	say(cmd, t_strdup_printf("%s: cannot move message %u",
				 mailbox_get_vname(mail->box), mail->uid));
	return -1;
}

static int move_all(struct release_command *cmd, struct doveadm_mail_iter *iter,
		    const ARRAY_TYPE(seq_range) * uids)
{
	struct mailbox_transaction_context *to =
		mailbox_transaction_begin(cmd->box,
					  MAILBOX_TRANSACTION_FLAG_EXTERNAL |
						  cmd->q.ctx.transaction_flags,
					  __func__);
	struct mail *mail;

	while (doveadm_mail_iter_next(iter, &mail)) {
		if (!seq_range_exists(uids, mail->uid) ||
		    move_one(cmd, to, mail) == 0)
			continue;
		/* Dovecot asserts that no move failed of what is committed. */
		mailbox_transaction_rollback(&to);
		return -1;
	}
	if (mailbox_transaction_commit(&to) < 0) {
		say(cmd, "cannot move messages");
		return -1;
	}
	/* They are there, whatever this says. */
	(void)mailbox_sync(cmd->box, 0);
	return 0;
}

/* 1: nothing was moved; -1: some are now here and there. */
static int release_uids(struct release_command *cmd, struct mail_user *user,
			const char *name, const ARRAY_TYPE(seq_range) * uids)
{
	struct doveadm_mail_iter *iter;

	if (plugin_quarantine_open(&cmd->q, user, name, 0, 0, &iter) < 0)
		return -1;
	if (move_all(cmd, iter, uids) < 0) {
		doveadm_mail_iter_deinit_rollback(&iter);
		return 1;
	}
	return plugin_quarantine_close(&iter);
}

static int release_each(struct release_command *cmd, struct mail_user *user,
			const char *name, const ARRAY_TYPE(seq_range) * uids)
{
	ARRAY_TYPE(seq_range) one;
	struct seq_range_iter iter;
	unsigned int n = 0;
	uint32_t uid;
	int ret = 0;

	t_array_init(&one, 1);
	seq_range_array_iter_init(&iter, uids);
	while (seq_range_array_iter_nth(&iter, n++, &uid)) {
		array_clear(&one);
		seq_range_array_add(&one, uid);
		if (release_uids(cmd, user, name, &one) != 0)
			ret = -1;
	}
	return ret;
}

/* The UIDs of what was asked for. */
static int look_for(struct release_command *cmd, struct mail_user *user,
		    enum folder_kind kind, const char *name,
		    ARRAY_TYPE(seq_range) * uids)
{
	struct doveadm_mail_iter *iter;
	struct mail *mail;

	if (plugin_quarantine_open(&cmd->q, user, name, 0,
				   DOVEADM_MAIL_ITER_FLAG_READONLY, &iter) < 0)
		return -1;
	while (doveadm_mail_iter_next(iter, &mail)) {
		bool found;

		T_BEGIN
		{
			found = is_wanted(cmd, kind, mail);
		}
		T_END;
		if (found)
			seq_range_array_add(uids, mail->uid);
	}
	return plugin_quarantine_close(&iter);
}

/* All at once, so that the engine hears of it once; or else one by one. */
static int release_folder(struct quarantine_command *q, struct mail_user *user,
			  enum folder_kind kind, const char *name)
{
	struct release_command *cmd = (struct release_command *)q;
	ARRAY_TYPE(seq_range) uids;
	int ret;

	t_array_init(&uids, 8);
	if (look_for(cmd, user, kind, name, &uids) < 0)
		return -1;
	if (array_count(&uids) == 0)
		return 0;
	cmd->trial = seq_range_count(&uids) > 1;
	ret = release_uids(cmd, user, name, &uids);
	if (ret > 0 && cmd->trial) {
		cmd->trial = false;
		ret = release_each(cmd, user, name, &uids);
	}
	return ret == 0 ? 0 : -1;
}

static int not_found(struct release_command *cmd, const char *word)
{
	i_error("%s: no such message in quarantine", word);
	doveadm_mail_failed_error(&cmd->q.ctx, MAIL_ERROR_NOTFOUND);
	return -1;
}

/* Of one user all are expected; of many, each somewhere: see deinit. */
static int check_found(struct release_command *cmd)
{
	int ret = 0;

	for (unsigned int i = 0; i < cmd->count; i++) {
		if (!cmd->wanted[i].found && cmd->q.ctx.iterate_single_user)
			ret = not_found(cmd, cmd->wanted[i].word);
		cmd->wanted[i].found = false;
	}
	return ret;
}

static int release_run(struct doveadm_mail_cmd_context *ctx,
		       struct mail_user *user)
{
	struct release_command *cmd = (struct release_command *)ctx;
	struct mail_namespace *ns =
		mail_namespace_find(user->namespaces, cmd->to);
	int ret;

	cmd->ran = true;
	if (cmd->q.misused)
		return -1;
	cmd->box = mailbox_alloc(ns->list, cmd->to, MAILBOX_FLAG_SAVEONLY);
	ret = mailbox_open(cmd->box);
	if (ret < 0) {
		i_error("%s: cannot open it: %s", cmd->to,
			mailbox_get_last_internal_error(cmd->box, NULL));
		doveadm_mail_failed_mailbox(ctx, cmd->box);
	} else {
		ret = plugin_quarantine_run(ctx, user);
		if (check_found(cmd) < 0)
			ret = -1;
	}
	mailbox_free(&cmd->box);
	return ret;
}

static void release_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct release_command *cmd = (struct release_command *)ctx;

	/* Or the users are another server's. */
	if (!cmd->ran || cmd->q.misused || ctx->iterate_single_user)
		return;
	for (unsigned int i = 0; i < cmd->count; i++)
		if (!cmd->wanted[i].ever)
			(void)not_found(cmd, cmd->wanted[i].word);
}

static void read_wanted(struct release_command *cmd, struct wanted *wanted,
			const char *word)
{
	wanted->word = p_strdup(cmd->q.ctx.pool, word);
	if (strlen(word) > UID_DIGITS || str_to_uint32(word, &wanted->uid) < 0)
		wanted->uid = 0;
	if (wanted->uid == 0)
		cmd->by_id = true;
	else if (!cmd->q.ctx.iterate_single_user)
		plugin_misused(&cmd->q, "a UID means a message of one user; "
					"for many users give record ids");
}

static void release_init(struct doveadm_mail_cmd_context *ctx,
			 const char *const args[])
{
	struct release_command *cmd = (struct release_command *)ctx;

	plugin_quarantine_init(&cmd->q);
	if (!doveadm_cmd_param_str(ctx->cctx, "to", &cmd->to))
		cmd->to = "INBOX";
	cmd->count = str_array_length(args);
	cmd->wanted = p_new(ctx->pool, struct wanted, cmd->count + 1);
	if (cmd->count == 0)
		plugin_misused(&cmd->q, "say which messages, by UID or record "
					"id; doveadm gatepost list has both");
	for (unsigned int i = 0; i < cmd->count && !cmd->q.misused; i++)
		read_wanted(cmd, &cmd->wanted[i], args[i]);
}

static struct doveadm_mail_cmd_context *release_alloc(void)
{
	struct release_command *cmd =
		doveadm_mail_cmd_alloc(struct release_command);

	cmd->q.folder = release_folder;
	cmd->q.ctx.v.parse_arg = plugin_option_later;
	cmd->q.ctx.v.init = release_init;
	cmd->q.ctx.v.run = release_run;
	cmd->q.ctx.v.deinit = release_deinit;
	return &cmd->q.ctx;
}

const struct doveadm_cmd_ver2 plugin_command_release = {
	.name = "gatepost release",
	.mail_cmd = release_alloc,
	.usage = QUARANTINE_USAGE "[-t MAILBOX] UID|RECORD ...",
	.parameters =
		(const struct doveadm_cmd_param[]){
			QUARANTINE_PARAMS,
			{.short_opt = 't', .name = "to", .type = CMD_PARAM_STR},
			{.name = "message",
			 .type = CMD_PARAM_ARRAY,
			 .flags = CMD_PARAM_FLAG_POSITIONAL},
			{.name = NULL},
		},
};
