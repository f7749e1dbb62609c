/*
 * doveadm gatepost usage: how full each quota root is, quarantine's too; per
 * user, or summed up. Dovecot counts; this only asks.
 */
#include "dovecot-plugin/compat.h"
#include "dovecot-plugin/doveadm_commands.h"
#include "dovecot-plugin/doveadm_quarantine.h"

/* Our word, bytes for storage, and Dovecot's. */
static const struct resource {
	const char *word, *name;
} resources[] = {
	{"storage", QUOTA_NAME_STORAGE_BYTES},
	{"messages", QUOTA_NAME_MESSAGES},
};

struct amount {
	uint64_t used;
	uint64_t limit; /* 0: none */
};

/* Of all users, for one resource of the roots of one name. */
struct total {
	struct total *next;
	const char *root, *resource;
	uint64_t users;
	bool unlimited; /* one of them is */
	struct amount amount;
};

struct usage_command {
	struct doveadm_mail_cmd_context ctx;
	bool total;
	bool said; /* that there is no quota plugin */
	struct total *totals;
};

static void print_amount(const struct amount *amount)
{
	doveadm_print_num(amount->used);
	if (amount->limit == 0) {
		doveadm_print("-");
		doveadm_print("-");
		return;
	}
	doveadm_print(t_strdup_printf("%" PRIu64, amount->limit));
	doveadm_print(t_strdup_printf("%.0f", 100.0 * (double)amount->used /
						      (double)amount->limit));
}

static struct total *total_of(struct usage_command *cmd, const char *root,
			      const char *resource)
{
	struct total **total = &cmd->totals;

	/* A few: as many as quota roots have names. */
	for (; *total != NULL; total = &(*total)->next)
		if (strcmp((*total)->root, root) == 0 &&
		    strcmp((*total)->resource, resource) == 0)
			return *total;
	*total = p_new(cmd->ctx.pool, struct total, 1);
	(*total)->root = p_strdup(cmd->ctx.pool, root);
	(*total)->resource = resource;
	return *total;
}

static void add_up(struct total *total, const struct amount *amount)
{
	total->users++;
	total->unlimited = total->unlimited || amount->limit == 0;
	total->amount.used += amount->used;
	total->amount.limit += amount->limit;
}

static int one_resource(struct usage_command *cmd, struct quota_root *root,
			const struct resource *resource)
{
	const char *name = quota_root_get_name(root), *error = "";
	struct amount amount = {0, 0};

	switch (quota_get_resource(root, "", resource->name, &amount.used,
				   &amount.limit, &error)) {
	case QUOTA_GET_RESULT_LIMITED:
		break;
	case QUOTA_GET_RESULT_UNLIMITED:
		amount.limit = 0;
		break;
	case QUOTA_GET_RESULT_UNKNOWN_RESOURCE:
		return 0;
	default:
		i_error("quota root %s: cannot read %s: %s", name,
			resource->word, error);
		doveadm_mail_failed_error(&cmd->ctx, MAIL_ERROR_TEMP);
		return -1;
	}
	if (cmd->total) {
		add_up(total_of(cmd, name, resource->word), &amount);
		return 0;
	}
	doveadm_print(name);
	doveadm_print(resource->word);
	print_amount(&amount);
	return 0;
}

static int no_quota(struct usage_command *cmd)
{
	if (!cmd->said)
		i_error("the quota plugin is not loaded: add quota to "
			"mail_plugins");
	cmd->said = true;
	doveadm_mail_failed_error(&cmd->ctx, MAIL_ERROR_NOTPOSSIBLE);
	return -1;
}

static int usage_run(struct doveadm_mail_cmd_context *ctx,
		     struct mail_user *user)
{
	struct usage_command *cmd = (struct usage_command *)ctx;
	struct quota_root_iter *iter;
	struct quota_root *root;
	int ret = 0;

	if (quota_root_iter_init_user == NULL)
		return no_quota(cmd);
	iter = quota_root_iter_init_user(user);
	while ((root = quota_root_iter_next(iter)) != NULL)
		for (unsigned int i = 0; i < N_ELEMENTS(resources); i++)
			if (one_resource(cmd, root, &resources[i]) < 0)
				ret = -1;
	quota_root_iter_deinit(&iter);
	return ret;
}

static void usage_init(struct doveadm_mail_cmd_context *ctx,
		       const char *const args[] ATTR_UNUSED)
{
	struct usage_command *cmd = (struct usage_command *)ctx;

	(void)doveadm_cmd_param_bool(ctx->cctx, "total", &cmd->total);
	doveadm_print_header_simple("root");
	doveadm_print_header_simple("resource");
	if (cmd->total)
		doveadm_print_header("users", "users",
				     DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	doveadm_print_header("used", "used", DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	doveadm_print_header_simple("limit");
	doveadm_print_header_simple("percent");
}

static void usage_deinit(struct doveadm_mail_cmd_context *ctx)
{
	struct usage_command *cmd = (struct usage_command *)ctx;

	if (cmd->totals != NULL && !ctx->iterate_single_user)
		doveadm_print_sticky("username", "*");
	for (struct total *total = cmd->totals; total != NULL;
	     total = total->next) {
		if (total->unlimited)
			total->amount.limit = 0;
		doveadm_print(total->root);
		doveadm_print(total->resource);
		doveadm_print_num(total->users);
		print_amount(&total->amount);
	}
}

static struct doveadm_mail_cmd_context *usage_alloc(void)
{
	struct usage_command *cmd =
		doveadm_mail_cmd_alloc(struct usage_command);

	cmd->ctx.v.parse_arg = plugin_option_later;
	cmd->ctx.v.init = usage_init;
	cmd->ctx.v.run = usage_run;
	cmd->ctx.v.deinit = usage_deinit;
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &cmd->ctx;
}

const struct doveadm_cmd_ver2 plugin_command_usage = {
	.name = "gatepost usage",
	.mail_cmd = usage_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX "[-t]",
	/* clang-format off: the first of these ends with a comma */
	.parameters =
		(const struct doveadm_cmd_param[]){
			DOVEADM_CMD_MAIL_COMMON{.short_opt = 't',
						.name = "total",
						.type = CMD_PARAM_BOOL},
			{.name = NULL},
		},
	/* clang-format on */
};
