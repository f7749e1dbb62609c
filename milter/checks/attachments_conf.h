/*
 * The settings of the check "attachments" and the rules made from them:
 * those of attachments_shipped.h and those of the file.
 */
#ifndef GATEPOST_CHECKS_ATTACHMENTS_CONF_H
#define GATEPOST_CHECKS_ATTACHMENTS_CONF_H

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "milter/engine/verdict.h"

/* The order of the words of attachment.where. */
enum attachment_where {
	ATTACHMENT_TOP,			/* "attachment" */
	ATTACHMENT_ARCHIVE,		/* within one */
	ATTACHMENT_ANYWHERE,
};

/* The order of the words of attachment.action: none, then class_action. */
enum attachment_action {
	ATTACHMENT_NONE,
	ATTACHMENT_TAG,
	ATTACHMENT_QUARANTINE,
	ATTACHMENT_REJECT,
};

struct attachments_conf {
	bool enabled;
};

/* All that is set must hold; of a list, one entry. */
struct attachment_conf {
	bool enabled;
	struct strlist names, types, kinds;
	struct choice where;		/* enum attachment_where */
	bool encrypted, double_extension, mismatch;
	struct points score;
	struct choice action;		/* enum attachment_action */
	bool keep;
};

extern const struct settings_group attachments_settings;
extern const struct settings_group attachment_settings;

struct attachment_rule {
	struct slice title;
	struct attachment_conf conf;
	const struct symbol *symbol;	/* ATTACHMENT_TITLE */
};

#define ATTACHMENT_RULES_MAX 100

struct attachment_rules {
	bool enabled;
	struct attachment_rule *rule;	/* those that are enabled */
	size_t count;
	struct symbol *symbols;		/* NULL-name ended, in that order */
};

/*
 * The rules live in `arena`; their texts in `conf`. Errors name the rule,
 * the text that is wrong and what is allowed.
 */
int attachment_rules_make(struct arena *arena, const struct conf *conf,
			  struct attachment_rules *rules_r, struct err *err);

#endif
