/*
 * doveadm gatepost list: what is in quarantine. Texts of messages are an
 * attacker's; of these nothing reaches a terminal that it would obey.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/doveadm_commands.h"
#include "dovecot-plugin/doveadm_quarantine.h"
#include "dovecot-plugin/record_id.h"

#include "common/base/utf8.h"

#include <time.h>

/* Bytes of a header field that are shown. */
#define SHOWN_MAX 256

struct list_command {
	struct quarantine_command q;
	time_t since;
};

/* One line; texts as they are in the message. */
struct line {
	time_t received;
	const char *from, *subject;
	struct record_said said;
};

static const char *shown(const char *text)
{
	struct arena *arena = arena_new(0);
	struct slice s = utf8_cut(slice_cstr(text), SHOWN_MAX);
	const char *copy;

	s = utf8_shown(arena, s);
	copy = t_strndup(s.p, s.n);
	arena_free(&arena);
	return copy;
}

static int header(struct mail *mail, const char *name, const char **text_r)
{
	int ret = mail_get_first_header_utf8(mail, name, text_r);

	if (ret == 0)
		*text_r = "";
	return ret;
}

static int line_read(struct mail *mail, struct line *line_r)
{
	if (mail_get_received_date(mail, &line_r->received) < 0 ||
	    header(mail, "From", &line_r->from) < 0 ||
	    header(mail, "Subject", &line_r->subject) < 0 ||
	    plugin_record_read(mail, &line_r->said) < 0)
		return -1;
	return 0;
}

static void line_print(const char *folder, uint32_t uid,
		       const struct line *line)
{
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&line->received, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	doveadm_print(folder);
	doveadm_print_num(uid);
	doveadm_print(when);
	doveadm_print(shown(line->from));
	doveadm_print(shown(line->subject));
	doveadm_print(shown(line->said.class));
	doveadm_print(shown(line->said.score));
	doveadm_print(line->said.id);
}

static int list_one(struct list_command *cmd, const char *folder,
		    struct mail *mail)
{
	struct line line;

	if (line_read(mail, &line) < 0) {
		/* Another session was faster. */
		if (mail->expunged)
			return 0;
		i_error("%s: cannot read message %u: %s", folder, mail->uid,
			mailbox_get_last_internal_error(mail->box, NULL));
		doveadm_mail_failed_mailbox(&cmd->q.ctx, mail->box);
		return -1;
	}
	if (line.received >= cmd->since)
		line_print(folder, mail->uid, &line);
	return 0;
}

static int list_folder(struct quarantine_command *q, struct mail_user *user,
		       enum folder_kind kind ATTR_UNUSED, const char *name)
{
	struct list_command *cmd = (struct list_command *)q;
	struct doveadm_mail_iter *iter;
	struct mail *mail;
	int ret = 0;

	if (plugin_quarantine_open(q, user, name, MAIL_FETCH_RECEIVED_DATE,
				   DOVEADM_MAIL_ITER_FLAG_READONLY, &iter) < 0)
		return -1;
	while (doveadm_mail_iter_next(iter, &mail)) {
		T_BEGIN
		{
			if (list_one(cmd, name, mail) < 0)
				ret = -1;
		}
		T_END;
	}
	if (plugin_quarantine_close(&iter) < 0)
		ret = -1;
	return ret;
}

static void list_init(struct doveadm_mail_cmd_context *ctx,
		      const char *const args[] ATTR_UNUSED)
{
	static const char *const columns[] = {"received", "from",  "subject",
					      "class",	  "score", "id"};
	struct list_command *cmd = (struct list_command *)ctx;
	const char *text;
	time_t age;

	plugin_quarantine_init(&cmd->q);
	if (doveadm_cmd_param_str(ctx->cctx, "since", &text) &&
	    plugin_age_read(&cmd->q, text, &age))
		cmd->since = ioloop_time - age;
	doveadm_print_header_simple("mailbox");
	doveadm_print_header("uid", "uid", DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	for (unsigned int i = 0; i < N_ELEMENTS(columns); i++)
		doveadm_print_header_simple(columns[i]);
}

static struct doveadm_mail_cmd_context *list_alloc(void)
{
	struct list_command *cmd = doveadm_mail_cmd_alloc(struct list_command);

	cmd->q.folder = list_folder;
	cmd->q.ctx.v.parse_arg = plugin_option_later;
	cmd->q.ctx.v.init = list_init;
	cmd->q.ctx.v.run = plugin_quarantine_run;
	doveadm_print_init(DOVEADM_PRINT_TYPE_FLOW);
	return &cmd->q.ctx;
}

const struct doveadm_cmd_ver2 plugin_command_list = {
	.name = "gatepost list",
	.mail_cmd = list_alloc,
	.usage = QUARANTINE_USAGE "[-s AGE]",
	.parameters =
		(const struct doveadm_cmd_param[]){
			QUARANTINE_PARAMS,
			{.short_opt = 's',
			 .name = "since",
			 .type = CMD_PARAM_STR},
			{.name = NULL},
		},
};
