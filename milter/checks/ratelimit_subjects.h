/* Whom a message counts for, and the limits that then apply to it. */
#ifndef GATEPOST_CHECKS_RATELIMIT_SUBJECTS_H
#define GATEPOST_CHECKS_RATELIMIT_SUBJECTS_H

#include "milter/checks/ratelimit_conf.h"
#include "milter/engine/mail.h"
#include "milter/store/store.h"

/* One thing that is limited: a count of a rule. */
struct ratelimit_limit {
	const struct ratelimit_rule *rule;
	bool of_recipients;
};

/* A user, a client or a sender domain, with at least one limit. */
struct ratelimit_subject {
	enum ratelimit_by by;
	struct slice name;
	struct slice key;	/* what the store calls it */
	struct rate rates[RATES_MAX];
	struct ratelimit_limit limits[RATES_MAX];	/* of each rate */
	size_t count;
};

/* Returns how many there are. The names live in the mail's arena. */
size_t ratelimit_subjects(const struct mail *mail,
			  const struct ratelimit_rules *rules,
			  struct ratelimit_subject
				  subjects_r[RATELIMIT_BY_COUNT]);

#endif
