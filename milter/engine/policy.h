/*
 * Policy: the one place that turns a finished verdict into an action, a
 * reply and header edits. It changes nothing itself; apply.c does.
 */
#ifndef GATEPOST_ENGINE_POLICY_H
#define GATEPOST_ENGINE_POLICY_H

#include "milter/engine/engine.h"

enum action {
	ACTION_ACCEPT,
	ACTION_TAG,
	ACTION_REJECT,
	ACTION_TEMPFAIL,
	ACTION_GREYLIST,	/* deferred until it comes back */
	ACTION_RATELIMIT,	/* deferred: too much at a time */
	ACTION_QUARANTINE,	/* accepted, held in the vault, not delivered */
};
#define POLICY_ACTIONS 7
/* "accept", "tag", "reject", "tempfail", "greylist", … "quarantine" */
const char *action_word(enum action action);

enum edit_op { EDIT_INSERT, EDIT_DELETE };
const char *edit_op_word(enum edit_op op);

/*
 * One change to the header section. All texts are NUL-terminated and live
 * in the message's arena.
 */
struct edit {
	enum edit_op op;
	/* DELETE: the index-th (from 1) field of that name as received.
	 * INSERT: position from the top as delivered, 0 first. */
	unsigned index;
	const char *name;
	const char *value;	/* INSERT: folded with LF TAB, no leading space */
};

struct decision {
	enum action action;	/* what is done */
	enum action would;	/* what is done when not in shadow mode */
	/*
	 * What the mailbox side is to do with a message that is let through:
	 * QUARANTINE files it into the user's own quarantine folder.
	 */
	enum action mailbox;
	const char *threshold;	/* setting that was crossed, or NULL */
	/* What decided, as in the record; NULL: the score, below all. */
	const char *cause;
	bool classed;		/* the class that decided is known: */
	enum vault_class class;
	struct slice reason;	/* why it is in that class, one line */
	bool keep;		/* rejected, and the vault keeps a copy */
	bool stored;		/* the vault has it */
	const char *reply_code;	/* "550", "451"; NULL: the MTA's own 250 */
	const char *reply_status;	/* "5.7.1" (RFC 3463) */
	const char *reply_text;	/* one line, '%' not yet doubled */
	struct edit *edits;	/* in the order in which to apply them */
	size_t edit_count;
};

extern const struct settings_group policy_settings;	/* top of the file */
extern const struct settings_group policy_actions_settings;

struct policy;

/*
 * Reads thresholds, the authserv-id and the key of the verdict header. A
 * key file that the configuration names must be readable. Otherwise the one
 * at `default_key` is used where it can be read (the master makes it), and
 * without one no verdict header is written.
 */
struct policy *policy_new(const struct conf *conf, const char *default_key,
			  struct err *err);
void policy_free(struct policy **policy);
const char *policy_authserv_id(const struct policy *policy);

/* What one threshold is called, and its points (INFINITY: off). */
struct policy_threshold {
	const char *name;
	double points;
};
#define POLICY_THRESHOLDS 4
void policy_thresholds(const struct policy *policy,
		       struct policy_threshold thresholds_r[POLICY_THRESHOLDS]);

/*
 * mail->verdict must be finished. The edits are for a message that is let
 * through; they are there whatever the action.
 */
void policy_decide(const struct policy *policy, const struct mail *mail,
		   struct decision *decision_r);
/*
 * After policy_decide(): lets the checks with state write what they must,
 * and follows what they ask for. May wait for the store, briefly. Not for a
 * message that could not be judged.
 */
void policy_commit(const struct policy *policy, struct mail *mail,
		   struct decision *decision);
/*
 * The decision for a message that was to be held, or of which a copy was to
 * be kept, but the vault could not: tempfail; the reason is in the log.
 */
void policy_vault_failed(const struct policy *policy, const struct mail *mail,
			 struct decision *decision);
/* The decision for a message above limits.message: refused for good. */
void policy_too_large(const struct mail *mail, struct decision *decision_r);
/*
 * The decision for a message that could not be judged (a limit was passed,
 * memory ran short): tempfail with that reason in words.
 */
void policy_tempfail(const struct mail *mail, const char *reason,
		     struct decision *decision_r);

#endif
