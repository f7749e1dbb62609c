/*
 * Greylisting. Whether a message is doubtful is known only once it is
 * scored, so all is done in commit(); judge() has nothing to add. A message
 * is deferred only after the store has confirmed that the try is written: a
 * store that fails lets mail through, and nobody is deferred for ever.
 */
#include "milter/checks/greylist.h"
#include "milter/checks/greylist_exempt.h"
#include "milter/checks/greylist_try.h"

enum {
	GREYLISTED,
	PASSED,
	KNOWN,
	LEARNT,
};

/* All without points: they come after the score. */
static const struct symbol symbols[] = {
	[GREYLISTED] = {"GREYLISTED", 0.0,
			"an unproven sender was told to come again", NULL},
	[PASSED] = {"GREYLIST_PASSED", 0.0,
		    "the sender came again after the time it was given", NULL},
	[KNOWN] = {"GREYLIST_KNOWN", 0.0,
		   "the sender has passed greylisting before", NULL},
	[LEARNT] = {"GREYLIST_LEARNT", 0.0,
		    "an unproven sender would have been told to come again "
		    "(greylist.mode is learn)",
		    NULL},
	[LEARNT + 1] = {0},
};

/* One message in commit(). */
struct round {
	struct mail *mail;
	const struct greylist_ready *ready;
	struct verdict *verdict;
	struct commit *commit;
	struct store *store; /* or NULL */
	struct greylist_try attempt;
};

static void not_deferred(const struct round *r, struct slice why)
{
	verdict_outcome(r->verdict, OUTCOME_PASS, "not deferred: %.*s",
			SLICE_FMT(why));
}

/* "first try from 192.0.2.0/24", "back after 37 s, too early" */
static struct slice tell_try(const struct round *r,
			     const struct greylist_answer *answer)
{
	struct arena *arena = r->mail->arena;

	if (answer->first)
		return arena_printf(arena, "first try from %.*s",
				    SLICE_FMT(r->attempt.origins[0]));
	return arena_printf(arena, "back after %lld s, too early",
			    (long long)(answer->age_ms / 1000));
}

static void defer(struct round *r, const struct greylist_answer *answer)
{
	int64_t wait_s = (answer->wait_ms + 999) / 1000;
	struct slice tried = tell_try(r, answer);

	if (wait_s < 1)
		wait_s = 1;
	if (r->ready->conf->mode.value == GREYLIST_LEARN) {
		verdict_hit(r->verdict, &symbols[LEARNT], "%.*s",
			    SLICE_FMT(tried));
		verdict_outcome(r->verdict, OUTCOME_PASS,
				"not deferred: greylist.mode is learn; it "
				"would wait for %lld s (%.*s)",
				(long long)wait_s, SLICE_FMT(tried));
		return;
	}
	r->commit->wish = COMMIT_GREYLIST;
	r->commit->wait_s = wait_s;
	r->commit->reason = tried;
	verdict_hit(r->verdict, &symbols[GREYLISTED], "%.*s", SLICE_FMT(tried));
	verdict_outcome(r->verdict, OUTCOME_FAIL, "deferred for %lld s: %.*s",
			(long long)wait_s, SLICE_FMT(tried));
}

static void pass(const struct round *r, const struct greylist_answer *answer)
{
	if (answer->known) {
		verdict_hit(r->verdict, &symbols[KNOWN], NULL);
		not_deferred(r, SLICE("this sender has passed before"));
		return;
	}
	verdict_hit(r->verdict, &symbols[PASSED], "back after %lld s",
		    (long long)(answer->age_ms / 1000));
	not_deferred(r,
		     arena_printf(r->mail->arena, "it came back after %lld s",
				  (long long)(answer->age_ms / 1000)));
}

/* All calls for one message share one deadline. */
static void ask_store(struct round *r)
{
	int64_t deadline_ms = store_deadline(r->store);
	struct greylist_answer answer;
	enum store_status status;
	struct slice why;

	status = greylist_exempt_store(r->mail, r->ready, &r->attempt,
				       deadline_ms, &why);
	if (status == STORE_DONE && why.n > 0) {
		not_deferred(r, why);
		return;
	}
	if (status == STORE_DONE)
		status = store_greylist(r->store, &r->attempt, deadline_ms,
					&answer);
	if (status != STORE_DONE)
		verdict_outcome(r->verdict, OUTCOME_TEMPERROR,
				"not deferred: %s", store_status_words(status));
	else if (answer.pass)
		pass(r, &answer);
	else
		defer(r, &answer);
}

static void decide(struct round *r)
{
	struct slice why;

	greylist_try_make(r->mail, r->ready, &r->attempt);
	why = greylist_exempt_settings(r->mail, r->ready, &r->attempt);
	if (why.n > 0)
		not_deferred(r, why);
	else if (r->store)
		ask_store(r);
	else
		verdict_outcome(r->verdict, OUTCOME_NOT_RUN,
				"%s deferred for %lld s at its first try from "
				"%.*s",
				r->ready->conf->mode.value == GREYLIST_LEARN
					? "in another mode would be"
					: "would be",
				(long long)(r->ready->conf->delay.ms / 1000),
				SLICE_FMT(r->attempt.origins[0]));
}

/* Why the message is none to greylist; NULL: it is one. */
static const char *out_of_question(const struct round *r)
{
	const struct mail *mail = r->mail;

	if (r->ready->conf->mode.value == GREYLIST_OFF)
		return "switched off (greylist.mode)";
	if (mail->conn->user.n > 0)
		return "not deferred: the client has logged in";
	if (mail->conn->client.family == IP_NONE)
		return "not deferred: the client is this host";
	if (!mail_is_inbound(mail))
		return "not deferred: the client is in trusted_networks";
	if (!r->commit->accept)
		return "the message is not let through anyway";
	if (r->commit->wish != COMMIT_NOTHING)
		return "the message is deferred for another reason";
	if (r->ready->conf->mode.value != GREYLIST_ALWAYS &&
	    !r->commit->doubtful)
		return "not deferred: its points are below actions.greylist";
	return NULL;
}

/*
 * A domain's record is about mail that is proven to be its own. What is
 * doubtful counts for neither side, nor does what shall come again.
 */
static void note(const struct round *r)
{
	const struct greylist_conf *conf = r->ready->conf;
	const struct auth_dmarc *dmarc = &r->verdict->auth.dmarc;
	const struct commit *commit = r->commit;
	bool good = commit->accept && !commit->doubtful && !commit->spam &&
		    commit->wish == COMMIT_NOTHING;

	if (!r->store || conf->mode.value == GREYLIST_OFF ||
	    conf->trust_after == 0 || dmarc->result != AUTH_PASS ||
	    !mail_is_inbound(r->mail))
		return;
	if (good || commit->spam)
		store_note(r->store, dmarc->domain, good,
			   conf->pass_lifetime.ms);
}

static void commit(struct mail *mail, unsigned index, const void *ready,
		   struct verdict *verdict, struct commit *commit)
{
	struct round r = {.mail = mail,
			  .ready = ready,
			  .verdict = verdict,
			  .commit = commit,
			  .store = engine_store(mail->engine)};
	const char *out = out_of_question(&r);

	(void)index;
	if (out)
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "%s", out);
	else
		decide(&r);
	note(&r);
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	(void)mail;
	(void)index;
	(void)ready;
	verdict_outcome(verdict, OUTCOME_NOT_RUN, "waits for the decision");
	return STEP_DONE;
}

const struct check check_greylist = {
	.name = "greylist",
	.doc = "whether an unproven sender comes again when it is told to",
	.symbols = symbols,
	.settings = &greylist_settings,
	.needs = STAGE_CONNECT,
	.prepare = greylist_conf_prepare,
	.review = greylist_conf_review,
	.judge = judge,
	.commit = commit,
	.stop = greylist_conf_stop,
};
