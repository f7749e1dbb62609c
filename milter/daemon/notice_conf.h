/*
 * Section "notices": who is told of what came into the vault, and how. Read
 * into rules once, by whoever tells; the master reads them too, so that what
 * is wrong is said at a reload and not at the first virus.
 *
 * Senders are never told: the envelope of a virus is forged, and nothing in
 * a record proves that its sender's address belongs to who logged in.
 */
#ifndef GATEPOST_DAEMON_NOTICE_CONF_H
#define GATEPOST_DAEMON_NOTICE_CONF_H

#include "common/conf/conf.h"
#include "milter/store/vault.h"

struct notices_conf {
	bool enabled;
	struct text smtp;
	struct text from;
	struct text postmaster;
	struct strlist to_postmaster;
	struct strlist to_recipient;
	struct duration digest;
	int64_t rate;
	struct text templates;
	struct text webhook;
	struct text webhook_key;
};

extern const struct settings_group notices_settings;

/* Who is told. */
enum notice_audience {
	NOTICE_POSTMASTER,
	NOTICE_RECIPIENT,	/* the message's; only of mail from outside */
	NOTICE_HOOK,		/* a program, by HTTP */
};
#define NOTICE_AUDIENCES 3
/* "postmaster", "recipient", "hook" */
const char *notice_audience_word(enum notice_audience audience);

struct notice_rules {
	const struct notices_conf *conf;
	const char *templates;	/* the folder */
	char host[256];		/* our name, for Message-IDs and texts */
	char from[321], postmaster[321];
	bool tells[NOTICE_AUDIENCES][VAULT_CLASSES];
	int64_t pause_ms;	/* from one notice to an address to the next */
};

/* Borrows the configuration. -1: err names the setting. */
int notice_rules_read(const struct conf *conf, struct notice_rules *rules_r,
		      struct err *err);

#endif
