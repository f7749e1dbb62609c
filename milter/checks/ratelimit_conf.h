/*
 * The rules `ratelimit "NAME" { }`, read: who is counted by them, and who
 * is not. Everything lives in the arena of the engine.
 */
#ifndef GATEPOST_CHECKS_RATELIMIT_CONF_H
#define GATEPOST_CHECKS_RATELIMIT_CONF_H

#include "common/base/err.h"
#include "common/base/ip.h"
#include "common/conf/conf.h"

/* Whose messages are added up; in the order of the words of the setting. */
enum ratelimit_by {
	RATELIMIT_USER,
	RATELIMIT_CLIENT,
	RATELIMIT_SENDER_DOMAIN,
};
#define RATELIMIT_BY_COUNT 3
/* "user", "client", "sender_domain" */
const char *ratelimit_by_word(enum ratelimit_by by);

struct ratelimit_conf {
	struct choice by;
	int64_t messages;
	int64_t recipients;
	struct duration interval;
	struct strlist except;
	int64_t alert;
};
extern const struct settings_group ratelimit_settings;	/* titled */

/* One entry of `except`. */
struct ratelimit_except {
	bool is_net;
	struct ip_net net;	/* is_net */
	struct slice text;	/* else: lower case; a login or an address */
	struct slice domain;	/* the same as a domain; empty if it is none */
};

struct ratelimit_rule {
	struct slice name;
	enum ratelimit_by by;
	int64_t messages;	/* 0: no limit */
	int64_t recipients;	/* 0: no limit */
	int64_t interval_ms;
	int64_t alert;		/* 0: never */
	struct slice interval;	/* in words: "1h" */
	/* What the store calls its counts. */
	struct slice messages_key, recipients_key, never_key;
	const struct ratelimit_except *except;
	size_t except_count;
};

struct ratelimit_rules {
	const struct ratelimit_rule *rule;
	size_t count;
};

/* Errors name the rule, where it stands and what to write. */
int ratelimit_rules_make(struct arena *arena, const struct conf *conf,
			 struct ratelimit_rules *rules_r, struct err *err);

/* Whom a message comes from, as far as exceptions can name it. */
struct ratelimit_names {
	const struct ip *client;
	struct slice name;	/* login or address, lower case; may be empty */
	struct slice domain;	/* of that name, normalised; may be empty */
};
bool ratelimit_is_excepted(const struct ratelimit_rule *rule,
			   const struct ratelimit_names *names);

#endif
