/*
 * The section "greylist", and what is read from it before the first
 * message.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_CONF_H
#define GATEPOST_CHECKS_GREYLIST_CONF_H

#include "common/conf/conf.h"
#include "milter/checks/greylist_names.h"
#include "milter/checks/psl.h"
#include "milter/engine/engine.h"

/* In the order of the words of the setting. */
enum greylist_mode {
	GREYLIST_SCORE,
	GREYLIST_ALWAYS,
	GREYLIST_LEARN,
	GREYLIST_OFF,
};

struct greylist_conf {
	struct choice mode;
	struct duration delay;
	struct duration window;
	struct duration pass_lifetime;
	int64_t ipv4_mask;
	int64_t ipv6_mask;
	int64_t recipients;
	int64_t trust_after;
	struct strlist exempt_senders;
	struct strlist exempt_recipients;
	struct strlist exempt_clients;
	struct strlist exempt_symbols;
	struct text providers;
};
extern const struct settings_group greylist_settings;

struct greylist_ready {
	const struct greylist_conf *conf;
	struct greylist_names senders, recipients, clients, providers;
	struct suffixes *suffixes; /* NULL: there is no such list */
};

/* As check->prepare; greylist_conf_stop() closes what the arena does not. */
int greylist_conf_prepare(struct arena *arena, const struct conf *conf,
			  const void **ready_r, struct err *err);
void greylist_conf_stop(const void *ready, struct resolver *resolver);
/* As check->review. */
int greylist_conf_review(const struct engine *engine, const void *ready,
			 struct err *err);

#endif
