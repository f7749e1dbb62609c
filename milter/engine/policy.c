/*
 * From verdict to action and reply. What the header section gains and loses
 * is edits.c's business.
 */
#include "milter/engine/policy.h"
#include "milter/engine/edits.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/verdict/fingerprint.h"
#include "common/verdict/seal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct policy_conf {
	struct text authserv_id;
	struct text verdict_key;
	bool shadow;
};

struct actions_conf {
	struct points greylist;
	struct points add_header;
	struct points quarantine;
	struct points reject;
	struct choice spam;
	bool keep_rejected;
	struct choice dns_failure;
};

static const struct setting policy_rows[] = {
	SETTING(struct policy_conf, authserv_id, "", NULL, NULL,
		"Our name in Authentication-Results (RFC 8601); incoming "
		"fields with this name are removed. Empty: the host's name"),
	SETTING(struct policy_conf, verdict_key, "", NULL, NULL,
		"File with the key that signs the verdict header. Empty: "
		"verdict.key in state_dir, made at first start"),
	SETTING(struct policy_conf, shadow, "no", NULL, NULL,
		"Only tag, and record what would have been done"),
	SETTING_END,
};
const struct settings_group policy_settings = {
	.section = "",
	.rows = policy_rows,
	.conf_size = sizeof(struct policy_conf),
	.doc = "General",
};

static const struct setting actions_rows[] = {
	SETTING(struct actions_conf, greylist, "4", "-1000", "1000",
		"Points from which a message is deferred once, unless its "
		"sender has proven itself (section greylist)"),
	SETTING(struct actions_conf, add_header, "6", "-1000", "1000",
		"Points from which a message is tagged as spam"),
	SETTING(struct actions_conf, quarantine, "10", "-1000", "1000",
		"Points from which a message is certain spam: what then "
		"follows is actions.spam"),
	SETTING(struct actions_conf, reject, "15", "-1000", "1000",
		"Points from which a message is refused with 550"),
	SETTING(struct actions_conf, spam, "tag", CLASS_ACTIONS, NULL,
		"What is done with certain spam: tag leaves it to the "
		"mailbox side to file, quarantine holds it in the vault"),
	SETTING(struct actions_conf, keep_rejected, "no", NULL, NULL,
		"Keep a copy in the vault of what is refused as spam"),
	SETTING(struct actions_conf, dns_failure, "accept", "accept|tempfail",
		NULL,
		"What to do when SPF, DKIM or DMARC could not be decided "
		"because DNS failed for a while"),
	SETTING_END,
};
const struct settings_group policy_actions_settings = {
	.section = "actions",
	.rows = actions_rows,
	.conf_size = sizeof(struct actions_conf),
	.doc = "Thresholds on the score, and what follows",
};

enum { DNS_FAILURE_ACCEPT, DNS_FAILURE_TEMPFAIL };

struct policy {
	char *authserv_id;
	bool shadow;
	struct actions_conf actions;
	struct seal_key *key;
};

const char *action_word(enum action action)
{
	static const char *const words[POLICY_ACTIONS] = {
		"accept",   "tag",	 "reject",    "tempfail",
		"greylist", "ratelimit", "quarantine"};

	return words[action];
}

const char *edit_op_word(enum edit_op op)
{
	return op == EDIT_INSERT ? "insert" : "delete";
}

static int load_key(struct policy *policy, struct slice named,
		    const char *default_key, struct err *err)
{
	if (named.n > 0) {
		policy->key = seal_key_load(named.p, err);
		if (policy->key)
			return 0;
		return -1;
	}
	if (default_key && access(default_key, R_OK) == 0) {
		policy->key = seal_key_load(default_key, err);
		return policy->key ? 0 : -1;
	}
	return 0;
}

static char *own_name(struct slice named)
{
	char name[256];

	if (named.n > 0)
		return strndup(named.p, named.n);
	if (gethostname(name, sizeof(name)) < 0)
		return strdup("localhost");
	name[sizeof(name) - 1] = '\0';
	return strdup(name);
}

struct policy *policy_new(const struct conf *conf, const char *default_key,
			  struct err *err)
{
	const struct policy_conf *general = conf_group(conf, &policy_settings);
	const struct actions_conf *actions =
		conf_group(conf, &policy_actions_settings);
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy) {
		err_set(err, "out of memory");
		return NULL;
	}
	policy->actions = *actions;
	policy->shadow = general->shadow;
	policy->authserv_id = own_name(general->authserv_id.s);
	if (!slice_is_printable(general->authserv_id.s)) {
		err_set(err, "authserv_id: use printable ASCII characters");
		policy_free(&policy);
	} else if (load_key(policy, general->verdict_key.s, default_key,
			    err) < 0) {
		policy_free(&policy);
	}
	return policy;
}

void policy_free(struct policy **policy)
{
	if (!*policy)
		return;
	if ((*policy)->key)
		seal_key_free(&(*policy)->key);
	free((*policy)->authserv_id);
	free(*policy);
	*policy = NULL;
}

const char *policy_authserv_id(const struct policy *policy)
{
	return policy->authserv_id;
}

static double points_of(const struct points *points)
{
	return points->off ? INFINITY : points->value;
}

void policy_thresholds(const struct policy *policy,
		       struct policy_threshold thresholds_r[POLICY_THRESHOLDS])
{
	const struct actions_conf *a = &policy->actions;

	thresholds_r[0] = (struct policy_threshold){"greylist",
						    points_of(&a->greylist)};
	thresholds_r[1] = (struct policy_threshold){"add_header",
						    points_of(&a->add_header)};
	thresholds_r[2] = (struct policy_threshold){"quarantine",
						    points_of(&a->quarantine)};
	thresholds_r[3] =
		(struct policy_threshold){"reject", points_of(&a->reject)};
}

/* The highest threshold that the score reaches. */
static void judge_score(const struct policy *policy, double score,
			struct decision *d)
{
	/* What follows from greylist alone is for policy_commit(). */
	static const enum action follows[POLICY_THRESHOLDS] = {
		ACTION_ACCEPT, ACTION_TAG, ACTION_TAG, ACTION_REJECT};
	struct policy_threshold thresholds[POLICY_THRESHOLDS];

	policy_thresholds(policy, thresholds);
	for (int i = 0; i < POLICY_THRESHOLDS; i++) {
		if (score < thresholds[i].points)
			continue;
		d->threshold = thresholds[i].name;
		d->would = follows[i];
		if (d->would != ACTION_ACCEPT)
			d->cause = "score";
	}
}

static const struct hit *main_hit(const struct verdict *verdict)
{
	const struct hit *most = NULL;

	for (size_t i = 0; i < verdict->hit_count; i++)
		if (verdict->hits[i].score > 0 &&
		    (!most || verdict->hits[i].score > most->score))
			most = &verdict->hits[i];
	return most;
}

/* SMTP replies are ASCII; what is not becomes '?'. */
static const char *reply_text(struct arena *arena, struct slice text)
{
	char *copy = arena_cstr(arena, slice_sub(text, 0, 400));

	for (char *c = copy; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return copy;
}

static struct slice reject_text(const struct mail *mail,
				const struct decision *d)
{
	const struct auth_dmarc *dmarc = &mail->verdict->auth.dmarc;
	const struct hit *hit = main_hit(mail->verdict);

	if (d->classed && d->class == VAULT_DMARC)
		return arena_printf(mail->arena,
				    "Message rejected: the DMARC policy of "
				    "%.*s asks to reject it (%s)",
				    SLICE_FMT(dmarc->policy_domain), mail->id);
	if (d->classed && d->class == VAULT_VIRUS)
		return arena_printf(mail->arena,
				    "Message rejected: it contains a virus: "
				    "%.*s (%s)",
				    SLICE_FMT(d->reason), mail->id);
	if (d->classed && d->class == VAULT_ATTACHMENT)
		return arena_printf(mail->arena,
				    "Message rejected: its attachment is not "
				    "allowed: %.*s (%s)",
				    SLICE_FMT(d->reason), mail->id);
	return arena_printf(mail->arena, "Message rejected: %s (%s)",
			    hit ? hit->symbol->doc : "its score is too high",
			    mail->id);
}

static void reply_reject(const struct mail *mail, struct decision *d)
{
	d->reply_code = "550";
	d->reply_status = "5.7.1";
	d->reply_text = reply_text(mail->arena, reject_text(mail, d));
}

static bool dns_failed(const struct auth *auth)
{
	if (auth->spf.result == AUTH_TEMPERROR ||
	    auth->dmarc.result == AUTH_TEMPERROR)
		return true;
	for (size_t i = 0; i < auth->dkim_count; i++)
		if (auth->dkim[i].result == AUTH_TEMPERROR)
			return true;
	return false;
}

static void defer(const struct mail *mail, const char *status,
		  const char *reason, struct decision *d)
{
	d->would = d->action = ACTION_TEMPFAIL;
	d->reply_code = "451";
	d->reply_status = status;
	d->reply_text = reply_text(
		mail->arena,
		arena_printf(mail->arena, "Try again later: %s (%s)", reason,
			     mail->id));
}

void policy_tempfail(const struct mail *mail, const char *reason,
		     struct decision *decision_r)
{
	*decision_r = (struct decision){.cause = "limit"};
	defer(mail, "4.3.0", reason, decision_r);
}

void policy_too_large(const struct mail *mail, struct decision *decision_r)
{
	*decision_r = (struct decision){.action = ACTION_REJECT,
					.would = ACTION_REJECT,
					.cause = "limit",
					.reply_code = "552",
					.reply_status = "5.3.4"};
	decision_r->reply_text = reply_text(
		mail->arena, arena_printf(mail->arena,
					  "Message too large (%s)", mail->id));
}

void policy_vault_failed(const struct policy *policy, const struct mail *mail,
			 struct decision *decision)
{
	decision->cause = "vault";
	defer(mail, "4.3.1", "it is to be held, but cannot be stored now",
	      decision);
	if (policy->shadow)
		decision->action = ACTION_TAG;
}

/* How strict an action is; the strictest asked for is taken. */
static int rank(enum action action)
{
	return action == ACTION_REJECT	     ? 3
	       : action == ACTION_QUARANTINE ? 2
	       : action == ACTION_TAG	     ? 1
					     : 0;
}

static enum action action_of(enum class_action action)
{
	static const enum action actions[] = {
		[CLASS_TAG] = ACTION_TAG,
		[CLASS_QUARANTINE] = ACTION_QUARANTINE,
		[CLASS_REJECT] = ACTION_REJECT,
	};

	return actions[action];
}

static void offer(struct decision *d, enum vault_class class,
		  const struct class_report *report)
{
	enum action action = action_of(report->action);

	/* Of two equals the class says more than the score. */
	if (rank(action) < rank(d->would) ||
	    (d->classed && rank(action) == rank(d->would)))
		return;
	d->would = action;
	d->cause = vault_class_word(class);
	d->classed = true;
	d->class = class;
	d->reason = report->reason;
	d->keep = report->keep && action == ACTION_REJECT;
}

static bool is_certain(const struct policy *policy, const struct mail *mail)
{
	return mail->verdict->score >= points_of(&policy->actions.quarantine);
}

/* What is certain spam by its score, or refused for it, is of that class. */
static void follow_spam(const struct policy *policy, const struct mail *mail,
			struct decision *d)
{
	const struct actions_conf *actions = &policy->actions;
	enum action spam = action_of((enum class_action)actions->spam.value);
	const struct hit *hit = main_hit(mail->verdict);

	/* Of two equals the class says more than the score. */
	if (is_certain(policy, mail) && rank(spam) > rank(d->would))
		d->would = spam;
	else if (d->classed || (!is_certain(policy, mail) &&
				d->would != ACTION_REJECT))
		return;
	d->cause = "score";
	d->classed = true;
	d->class = VAULT_SPAM;
	d->keep = actions->keep_rejected && d->would == ACTION_REJECT;
	d->reason = hit ? slice_cstr(hit->symbol->doc)
			: SLICE("its score is too high");
}

/* The classes the checks found, and that of its score. */
static void follow_classes(const struct policy *policy,
			   const struct mail *mail, struct decision *d)
{
	const struct verdict *v = mail->verdict;

	for (int class = 0; class < VAULT_CLASSES; class++)
		if (v->classes[class].in)
			offer(d, (enum vault_class)class, &v->classes[class]);
	follow_spam(policy, mail, d);
}

static bool is_lenient(enum action action)
{
	return action == ACTION_ACCEPT || action == ACTION_TAG;
}

/* What has to wait: nobody could look, or DNS did not answer. */
static void follow_troubles(const struct policy *policy,
			    const struct mail *mail, struct decision *d)
{
	const struct unscanned_report *unscanned = &mail->verdict->unscanned;

	if (!is_lenient(d->would))
		return;
	if (unscanned->in) {
		d->cause = "unscanned";
		d->reason = unscanned->reason;
		defer(mail, "4.7.1", "it could not be scanned for viruses", d);
	} else if (policy->actions.dns_failure.value == DNS_FAILURE_TEMPFAIL &&
		   dns_failed(&mail->verdict->auth)) {
		d->cause = "dns";
		defer(mail, "4.4.3", "DNS did not answer about the sender", d);
	}
}

/* In shadow mode mail is tagged at most. */
static enum action shadow_of(enum action would)
{
	if (would == ACTION_REJECT || would == ACTION_QUARANTINE)
		return ACTION_TAG;
	return would == ACTION_TEMPFAIL ? ACTION_ACCEPT : would;
}

/* Certain spam that is left to the mailbox side is not Junk, whatever its
 * class. */
static enum action mailbox_of(const struct policy *policy,
			      const struct mail *mail,
			      const struct decision *d)
{
	return d->action == ACTION_TAG && !policy->shadow &&
			       is_certain(policy, mail)
		       ? ACTION_QUARANTINE
		       : d->action;
}

void policy_decide(const struct policy *policy, const struct mail *mail,
		   struct decision *decision_r)
{
	struct decision *d = decision_r;

	*d = (struct decision){0};
	judge_score(policy, mail->verdict->score, d);
	follow_classes(policy, mail, d);
	if (d->would == ACTION_REJECT)
		reply_reject(mail, d);
	follow_troubles(policy, mail, d);
	d->action = policy->shadow ? shadow_of(d->would) : d->would;
	d->mailbox = mailbox_of(policy, mail, d);
	edits_make(policy->authserv_id, policy->key, mail, d);
}

static void follow_greylist(const struct mail *mail,
			    const struct commit *commit, struct decision *d)
{
	d->would = ACTION_GREYLIST;
	d->cause = "greylist";
	d->reply_code = "451";
	d->reply_status = "4.7.1";
	d->reply_text = reply_text(
		mail->arena,
		arena_printf(mail->arena,
			     "Greylisted, please try again in %lld seconds "
			     "(%s)",
			     (long long)commit->wait_s, mail->id));
}

static void follow_ratelimit(const struct mail *mail,
			     const struct commit *commit, struct decision *d)
{
	bool never = commit->wish == COMMIT_RATELIMIT_NEVER;
	struct slice text =
		never ? arena_printf(mail->arena, "%.*s (%s)",
				     SLICE_FMT(commit->reason), mail->id)
		      : arena_printf(mail->arena,
				     "%.*s, try again in %lld seconds (%s)",
				     SLICE_FMT(commit->reason),
				     (long long)commit->wait_s, mail->id);

	d->would = ACTION_RATELIMIT;
	d->cause = "ratelimit";
	d->reply_code = never ? "550" : "450";
	d->reply_status = never ? "5.7.1" : "4.7.1";
	d->reply_text = reply_text(mail->arena, text);
}

/*
 * A message over which the scanner fails would come again and again: the
 * second time it is held.
 */
static void follow_failure(const struct policy *policy, struct mail *mail,
			   struct decision *d)
{
	const struct vault *vault = engine_vault(mail->engine);
	unsigned char digest[FINGERPRINT];
	struct err err;
	bool before;

	if (d->would != ACTION_TEMPFAIL || !vault ||
	    !mail->verdict->unscanned.in ||
	    !mail->verdict->unscanned.by_message ||
	    !spool_fingerprint(&mail->spool, digest))
		return;
	if (vault_note_failure(vault, digest, &before, &err) < 0) {
		log_warn("record %s: %s", mail->id, err.text);
		return;
	}
	if (!before)
		return;
	d->would = ACTION_QUARANTINE;
	d->cause = vault_class_word(VAULT_UNSCANNED);
	d->classed = true;
	d->class = VAULT_UNSCANNED;
	d->reply_code = d->reply_status = d->reply_text = NULL;
	d->action = policy->shadow ? ACTION_TAG : d->would;
}

void policy_commit(const struct policy *policy, struct mail *mail,
		   struct decision *decision)
{
	enum action would = decision->would;
	struct commit commit = {
		.accept = is_lenient(would),
		.spam = rank(would) > 0,
	};

	follow_failure(policy, mail, decision);

	commit.doubtful = commit.accept &&
			  mail->verdict->score >=
				  points_of(&policy->actions.greylist);
	engine_commit(mail, &commit);
	if (commit.wish == COMMIT_NOTHING || !commit.accept)
		return;
	if (commit.wish == COMMIT_GREYLIST)
		follow_greylist(mail, &commit, decision);
	else
		follow_ratelimit(mail, &commit, decision);
	if (!policy->shadow)
		decision->action = decision->would;
}
