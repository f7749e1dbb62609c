/*
 * Rates: counts the messages that are let through, for each user, client or
 * sender domain, in the store that all hosts share, and asks policy to send
 * away what is over a limit. Only commit() does anything; what is refused or
 * deferred for another reason counts for nothing.
 *
 * A message may fall under rules of several subjects (its user, and the
 * domain of its sender). The store decides about one subject at a time, so
 * with more than one all are asked first, and only then is anything used up.
 *
 * A store in trouble lets mail through: the outcome says so.
 */
#include "milter/checks/ratelimit.h"
#include "common/base/log.h"
#include "milter/checks/ratelimit_subjects.h"
#include "milter/engine/engine.h"

static const struct symbol symbols[] = {
	{.name = "RATELIMITED",
	 .score = 0,
	 .doc = "more was sent than a rate limit allows"},
	{0},
};

/* One run of commit(). */
struct round {
	const struct mail *mail;
	struct verdict *verdict;
	struct commit *commit;
	struct store *store;
	int64_t deadline_ms;
	struct ratelimit_subject subjects[RATELIMIT_BY_COUNT];
	size_t count;
};

static void trouble(const struct round *r, enum store_status status)
{
	verdict_outcome(r->verdict, OUTCOME_TEMPERROR, "not counted: %s",
			store_status_words(status));
}

static void alert(const struct ratelimit_subject *subject,
		  const struct ratelimit_limit *limit, const char *times)
{
	const struct ratelimit_rule *rule = limit->rule;

	log_warn("ratelimit \"%.*s\": %s %.*s was refused %s%lld times "
		 "within %.*s: the limit is %lld %s; find out whether this "
		 "sender has been taken over",
		 SLICE_FMT(rule->name), ratelimit_by_word(subject->by),
		 SLICE_FMT(subject->name), times, (long long)rule->alert,
		 SLICE_FMT(rule->interval),
		 (long long)(limit->of_recipients ? rule->recipients
						  : rule->messages),
		 limit->of_recipients ? "recipients" : "messages");
}

static void tell_messages(struct round *r,
			  const struct ratelimit_subject *subject,
			  const struct ratelimit_rule *rule, int64_t used)
{
	verdict_hit(r->verdict, &symbols[0],
		    "rule \"%.*s\": %.*s sent %lld messages within %.*s, "
		    "limit %lld",
		    SLICE_FMT(rule->name), SLICE_FMT(subject->name),
		    (long long)used, SLICE_FMT(rule->interval),
		    (long long)rule->messages);
	r->commit->reason = arena_printf(
		r->mail->arena, "Too many messages: at most %lld within %.*s",
		(long long)rule->messages, SLICE_FMT(rule->interval));
}

static void tell_recipients(struct round *r,
			    const struct ratelimit_subject *subject,
			    const struct ratelimit_rule *rule, int64_t used)
{
	verdict_hit(r->verdict, &symbols[0],
		    "rule \"%.*s\": %.*s sent to %lld recipients within "
		    "%.*s, this message has %zu more, limit %lld",
		    SLICE_FMT(rule->name), SLICE_FMT(subject->name),
		    (long long)used, SLICE_FMT(rule->interval),
		    r->mail->rcpt_count, (long long)rule->recipients);
	r->commit->reason = arena_printf(
		r->mail->arena, "Too many recipients: at most %lld within %.*s",
		(long long)rule->recipients, SLICE_FMT(rule->interval));
}

static void refuse(struct round *r, const struct ratelimit_subject *subject,
		   const struct rate_answer *answer)
{
	const struct ratelimit_limit *limit = &subject->limits[answer->which];

	r->commit->wish = COMMIT_RATELIMIT;
	r->commit->wait_s =
		answer->wait_ms > 1000 ? (answer->wait_ms + 999) / 1000 : 1;
	if (limit->of_recipients)
		tell_recipients(r, subject, limit->rule, answer->used);
	else
		tell_messages(r, subject, limit->rule, answer->used);
	verdict_outcome(r->verdict, OUTCOME_FAIL, "over the limit of \"%.*s\"",
			SLICE_FMT(limit->rule->name));
	if (limit->rule->alert > 0 && answer->refused == limit->rule->alert)
		alert(subject, limit, "");
}

/* A limit that the message would pass by itself. */
static const struct ratelimit_limit *
find_never(const struct round *r, const struct ratelimit_subject **subject_r)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->subjects[i].count; k++) {
			const struct rate *rate = &r->subjects[i].rates[k];

			*subject_r = &r->subjects[i];
			if (rate->amount > rate->limit)
				return &r->subjects[i].limits[k];
		}
	return NULL;
}

/*
 * Such a message cannot be asked about. That it was refused is counted as
 * a rate of its own, whose limit is the number that is worth no warning.
 */
static void count_never(const struct round *r,
			const struct ratelimit_subject *subject,
			const struct ratelimit_limit *limit)
{
	const struct ratelimit_rule *rule = limit->rule;
	const struct rate rate = {.name = rule->never_key,
				  .limit = rule->alert,
				  .amount = 1,
				  .interval_ms = rule->interval_ms};
	struct rate_answer answer;

	if (!r->store || rule->alert == 0)
		return;
	if (store_rate(r->store,
		       &(struct rate_ask){subject->key, &rate, 1, true},
		       r->deadline_ms, &answer) == STORE_DONE &&
	    answer.over && answer.refused == 1)
		alert(subject, limit, "more than ");
}

static void refuse_never(struct round *r,
			 const struct ratelimit_subject *subject,
			 const struct ratelimit_limit *limit)
{
	const struct ratelimit_rule *rule = limit->rule;

	r->commit->wish = COMMIT_RATELIMIT_NEVER;
	r->commit->reason = arena_printf(
		r->mail->arena,
		"Too many recipients: %zu in one message, at most %lld are "
		"accepted within %.*s; send it to fewer at a time",
		r->mail->rcpt_count, (long long)rule->recipients,
		SLICE_FMT(rule->interval));
	verdict_hit(r->verdict, &symbols[0],
		    "rule \"%.*s\": %.*s sent one message to %zu recipients, "
		    "limit %lld within %.*s",
		    SLICE_FMT(rule->name), SLICE_FMT(subject->name),
		    r->mail->rcpt_count, (long long)rule->recipients,
		    SLICE_FMT(rule->interval));
	verdict_outcome(r->verdict, OUTCOME_FAIL,
			"one message over the limit of \"%.*s\"",
			SLICE_FMT(rule->name));
	count_never(r, subject, limit);
}

static enum store_status ask(const struct round *r,
			     const struct ratelimit_subject *subject, bool take,
			     struct rate_answer *answer_r)
{
	*answer_r = (struct rate_answer){0};
	return store_rate(r->store,
			  &(struct rate_ask){subject->key, subject->rates,
					     subject->count, take},
			  r->deadline_ms, answer_r);
}

/*
 * Puts the subject first that asks for most patience, so that the refusal
 * is counted before anything is used up; a single one needs no question.
 */
static enum store_status look(struct round *r)
{
	struct rate_answer answer;
	struct ratelimit_subject first;
	int64_t longest = 0;

	for (size_t i = 0; r->count > 1 && i < r->count; i++) {
		enum store_status status =
			ask(r, &r->subjects[i], false, &answer);

		if (status != STORE_DONE)
			return status;
		if (!answer.over || answer.wait_ms <= longest)
			continue;
		longest = answer.wait_ms;
		first = r->subjects[i];
		r->subjects[i] = r->subjects[0];
		r->subjects[0] = first;
	}
	return STORE_DONE;
}

/*
 * Another host may take the last place between look() and this; then what
 * was taken before stays taken, and this message is sent away all the same.
 */
static void take_all(struct round *r)
{
	enum store_status status = look(r);
	struct rate_answer answer;

	for (size_t i = 0; status == STORE_DONE && i < r->count; i++) {
		status = ask(r, &r->subjects[i], true, &answer);
		if (status == STORE_DONE && answer.over) {
			refuse(r, &r->subjects[i], &answer);
			return;
		}
	}
	if (status != STORE_DONE)
		trouble(r, status);
	else
		verdict_outcome(r->verdict, OUTCOME_PASS, "within every limit");
}

static void commit(struct mail *mail, unsigned index, const void *with,
		   struct verdict *verdict, struct commit *commit)
{
	const struct ratelimit_rules *rules = with;
	struct round r = {.mail = mail,
			  .verdict = verdict,
			  .commit = commit,
			  .store = engine_store(mail->engine)};
	const struct ratelimit_subject *subject = NULL;
	const struct ratelimit_limit *never;

	(void)index;
	if (rules->count == 0 || !commit->accept ||
	    commit->wish != COMMIT_NOTHING)
		return;
	r.count = ratelimit_subjects(mail, rules, r.subjects);
	if (r.store)
		r.deadline_ms = store_deadline(r.store);
	never = find_never(&r, &subject);
	if (r.count == 0)
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"no rule counts this message");
	else if (never)
		refuse_never(&r, subject, never);
	else if (!r.store)
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"an offline run counts nothing");
	else
		take_all(&r);
}

static enum step judge(struct mail *mail, unsigned index, const void *with,
		       struct verdict *verdict)
{
	const struct ratelimit_rules *rules = with;

	(void)mail;
	(void)index;
	verdict_outcome(verdict, OUTCOME_NOT_RUN,
			rules->count == 0
				? "no ratelimit section is set"
				: "only what is let through is counted");
	return STEP_DONE;
}

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct ratelimit_rules *rules =
		ARENA_NEW(arena, struct ratelimit_rules);

	*ready_r = rules;
	return ratelimit_rules_make(arena, conf, rules, err);
}

const struct check check_ratelimit = {
	.name = "ratelimit",
	.doc = "how much users, clients and sender domains send",
	.symbols = symbols,
	.blocks = &ratelimit_settings,
	.needs = STAGE_ENVELOPE,
	.prepare = prepare,
	.judge = judge,
	.commit = commit,
};
