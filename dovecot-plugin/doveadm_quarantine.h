/*
 * What the commands on quarantine share: which of a user's folders they look
 * into, and since or until when.
 */
#ifndef GATEPOST_PLUGIN_DOVEADM_QUARANTINE_H
#define GATEPOST_PLUGIN_DOVEADM_QUARANTINE_H

#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/folders.h"

#include <stdbool.h>

/* Begins the context of each such command. */
struct quarantine_command {
	struct doveadm_mail_cmd_context ctx;
	bool misused;	  /* and it was said */
	const char *kind; /* "spam", "virus"; NULL: both folders */
	/* Called for each folder, by its name; -1: the exit code is set. */
	int (*folder)(struct quarantine_command *cmd, struct mail_user *user,
		      enum folder_kind kind, const char *name);
};

/* The options that all have, and how usage texts name the last of them. */
#define QUARANTINE_PARAMS                                               \
	DOVEADM_CMD_MAIL_COMMON                                         \
	{                                                               \
		.short_opt = 'k', .name = "kind", .type = CMD_PARAM_STR \
	}
#define QUARANTINE_USAGE DOVEADM_CMD_MAIL_USAGE_PREFIX "[-k spam|virus] "

/* For v.parse_arg: options are read elsewhere. */
bool plugin_option_later(struct doveadm_mail_cmd_context *ctx, int c);
/* Says what is wrong with the command line; run() will do nothing. */
void plugin_misused(struct quarantine_command *cmd, const char *text);
/* "30d" as seconds; false: it is none, and that was said. */
bool plugin_age_read(struct quarantine_command *cmd, const char *text,
		     time_t *age_r);
/* The first thing in a command's init(). */
void plugin_quarantine_init(struct quarantine_command *cmd);
/* run(): calls cmd->folder() for each folder that was asked for. */
int plugin_quarantine_run(struct doveadm_mail_cmd_context *ctx,
			  struct mail_user *user);
/*
 * The messages of a folder, none if there is no such folder. -1: said, and
 * the exit code is set.
 */
int plugin_quarantine_open(struct quarantine_command *cmd,
			   struct mail_user *user, const char *name,
			   enum mail_fetch_field fields,
			   enum doveadm_mail_iter_flags flags,
			   struct doveadm_mail_iter **iter_r);
/* Commits what was done to the folder. -1: as above. */
int plugin_quarantine_close(struct doveadm_mail_iter **iter);

#endif
