/* doveadm gatepost purge: deletes what is in quarantine, if it is old. */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/doveadm_commands.h"
#include "dovecot-plugin/doveadm_quarantine.h"

struct purge_command {
	struct quarantine_command q;
	bool all;
	time_t until; /* received then, or before */
};

static int purge_one(struct purge_command *cmd, struct mail *mail)
{
	time_t received;

	if (!cmd->all) {
		if (mail_get_received_date(mail, &received) < 0)
			return mail->expunged ? 0 : -1;
		if (received > cmd->until)
			return 0;
	}
	mail_expunge(mail);
	return 0;
}

static int purge_folder(struct quarantine_command *q, struct mail_user *user,
			enum folder_kind kind ATTR_UNUSED, const char *name)
{
	struct purge_command *cmd = (struct purge_command *)q;
	struct doveadm_mail_iter *iter;
	struct mail *mail;
	int ret = 0;

	if (plugin_quarantine_open(q, user, name, MAIL_FETCH_RECEIVED_DATE, 0,
				   &iter) < 0)
		return -1;
	while (doveadm_mail_iter_next(iter, &mail)) {
		if (purge_one(cmd, mail) == 0)
			continue;
		i_error("%s: cannot read message %u: %s", name, mail->uid,
			mailbox_get_last_internal_error(mail->box, NULL));
		doveadm_mail_failed_mailbox(&q->ctx, mail->box);
		ret = -1;
	}
	if (plugin_quarantine_close(&iter) < 0)
		ret = -1;
	return ret;
}

static void purge_init(struct doveadm_mail_cmd_context *ctx,
		       const char *const args[])
{
	struct purge_command *cmd = (struct purge_command *)ctx;
	time_t age;

	plugin_quarantine_init(&cmd->q);
	(void)doveadm_cmd_param_bool(ctx->cctx, "all", &cmd->all);
	if (cmd->all == (args[0] != NULL))
		plugin_misused(&cmd->q, "say how old a message has to be to "
					"go, such as 30d, or --all");
	else if (!cmd->all && plugin_age_read(&cmd->q, args[0], &age))
		cmd->until = ioloop_time - age;
}

static struct doveadm_mail_cmd_context *purge_alloc(void)
{
	struct purge_command *cmd =
		doveadm_mail_cmd_alloc(struct purge_command);

	cmd->q.folder = purge_folder;
	cmd->q.ctx.v.parse_arg = plugin_option_later;
	cmd->q.ctx.v.init = purge_init;
	cmd->q.ctx.v.run = plugin_quarantine_run;
	return &cmd->q.ctx;
}

const struct doveadm_cmd_ver2 plugin_command_purge = {
	.name = "gatepost purge",
	.mail_cmd = purge_alloc,
	.usage = QUARANTINE_USAGE "AGE|--all",
	.parameters =
		(const struct doveadm_cmd_param[]){
			QUARANTINE_PARAMS,
			{.short_opt = 'a',
			 .name = "all",
			 .type = CMD_PARAM_BOOL},
			{.name = "age",
			 .type = CMD_PARAM_STR,
			 .flags = CMD_PARAM_FLAG_POSITIONAL},
			{.name = NULL},
		},
};
