/* Going through quarantine, for doveadm. */
#include "dovecot-plugin/doveadm_quarantine.h"
#include "dovecot-plugin/settings.h"

bool plugin_option_later(struct doveadm_mail_cmd_context *ctx ATTR_UNUSED,
			 int c ATTR_UNUSED)
{
	return true;
}

void plugin_misused(struct quarantine_command *cmd, const char *text)
{
	i_error("%s", text);
	cmd->ctx.exit_code = EX_USAGE;
	cmd->misused = true;
}

bool plugin_age_read(struct quarantine_command *cmd, const char *text,
		     time_t *age_r)
{
	const char *error;
	unsigned int age;

	if (settings_get_time(text, &age, &error) < 0) {
		plugin_misused(
			cmd,
			t_strdup_printf("%s: not an age, such as 30d", text));
		return false;
	}
	*age_r = (time_t)age;
	return true;
}

void plugin_quarantine_init(struct quarantine_command *cmd)
{
	cmd->ctx.search_args = mail_search_build_init();
	mail_search_build_add_all(cmd->ctx.search_args);
	if (!doveadm_cmd_param_str(cmd->ctx.cctx, "kind", &cmd->kind))
		return;
	if (strcmp(cmd->kind, "spam") != 0 && strcmp(cmd->kind, "virus") != 0)
		plugin_misused(cmd,
			       t_strdup_printf("%s: no folder of quarantine; "
					       "there are: spam, virus",
					       cmd->kind));
}

static bool wants(const struct quarantine_command *cmd, const char *kind)
{
	return cmd->kind == NULL || strcmp(cmd->kind, kind) == 0;
}

int plugin_quarantine_run(struct doveadm_mail_cmd_context *ctx,
			  struct mail_user *user)
{
	struct quarantine_command *cmd = (struct quarantine_command *)ctx;
	struct plugin_settings settings;
	bool spam, virus;
	int ret = 0;

	if (cmd->misused)
		return -1;
	plugin_settings_read(user, &settings);
	spam = wants(cmd, "spam");
	/* Both may be one folder. */
	virus = wants(cmd, "virus") &&
		!(spam && strcmp(settings.virus, settings.quarantine) == 0);
	if (spam &&
	    cmd->folder(cmd, user, FOLDER_QUARANTINE, settings.quarantine) < 0)
		ret = -1;
	if (virus && cmd->folder(cmd, user, FOLDER_VIRUS, settings.virus) < 0)
		ret = -1;
	return ret;
}

int plugin_quarantine_open(struct quarantine_command *cmd,
			   struct mail_user *user, const char *name,
			   enum mail_fetch_field fields,
			   enum doveadm_mail_iter_flags flags,
			   struct doveadm_mail_iter **iter_r)
{
	const struct mailbox_info info = {
		.vname = name,
		.ns = mail_namespace_find(user->namespaces, name),
	};

	return doveadm_mail_iter_init(&cmd->ctx, &info, cmd->ctx.search_args,
				      fields, NULL, flags, iter_r);
}

int plugin_quarantine_close(struct doveadm_mail_iter **iter)
{
	/* Syncing a folder that is not there would be an error. */
	if (!doveadm_mail_iter_get_mailbox(*iter)->opened)
		return doveadm_mail_iter_deinit(iter);
	return doveadm_mail_iter_deinit_sync(iter);
}
