/*
 * Where a message goes for one user: the engine's verdict and the user's own
 * wishes make a place. Pure; knows nothing of Dovecot.
 */
#ifndef GATEPOST_PLUGIN_POLICY_H
#define GATEPOST_PLUGIN_POLICY_H

#include "common/verdict/seal.h"

enum policy_class {
	POLICY_CLEAN,
	POLICY_SPAM,
	POLICY_DMARC,
	POLICY_ATTACHMENT,
	POLICY_VIRUS,
	POLICY_UNSCANNED,
	POLICY_OTHER, /* a class of a later release: its action counts */
	POLICY_CLASSES,
};

enum policy_action {
	POLICY_ACCEPT,
	POLICY_TAG,
	POLICY_QUARANTINE,
	POLICY_ACTIONS,
};

struct policy_verdict {
	enum policy_class class;
	enum policy_action action;
	double score;
};

/* A score from which on something is done, if the user set one. */
struct policy_threshold {
	bool set;
	double score;
};

struct policy_user {
	bool off;  /* gatepost = no: wants no spam filter */
	bool pop3; /* gatepost_pop3 = yes: sees nothing but INBOX */
	struct policy_threshold tag, quarantine;
};

enum policy_place {
	POLICY_INBOX,	 /* as if there were no plugin: Sieve may decide */
	POLICY_JUNK,	 /* Junk, unless the user's Sieve files it */
	POLICY_FLAGGED,	 /* INBOX with a keyword, past Sieve */
	POLICY_HELD,	 /* Quarantine, past Sieve */
	POLICY_INFECTED, /* Quarantine/Virus, past Sieve */
	POLICY_PLACES,
};

struct policy_decision {
	enum policy_place place;
	const char *keyword; /* for POLICY_FLAGGED, else NULL */
};

/* False if the action is none that a delivered message can have. */
bool policy_read(const struct seal_fields *fields,
		 struct policy_verdict *verdict_r);
struct policy_decision policy_decide(const struct policy_verdict *verdict,
				     const struct policy_user *user);

/* Words for events and logs: "spam", "quarantine", … */
const char *policy_class_word(enum policy_class class);
const char *policy_place_word(enum policy_place place);

#endif
