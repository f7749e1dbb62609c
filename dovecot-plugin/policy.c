/*
 * The order of rules: what the engine lets pass (shadow mode) passes; what
 * may be harmful is locked away whatever the user wishes; then the user's
 * wishes; then the engine's action.
 */
#include "dovecot-plugin/policy.h"

static const char *const class_words[POLICY_CLASSES] = {
	"clean", "spam", "dmarc", "attachment", "virus", "unscanned", "other"};
static const char *const action_words[POLICY_ACTIONS] = {"accept", "tag",
							 "quarantine"};
static const char *const place_words[POLICY_PLACES] = {
	"inbox", "junk", "flagged", "quarantine", "virus"};

const char *policy_class_word(enum policy_class class)
{
	return class_words[class];
}

const char *policy_place_word(enum policy_place place)
{
	return place_words[place];
}

static int find_word(const char *const *words, int count, struct slice word)
{
	int i = 0;

	while (i < count && !slice_eq(slice_cstr(words[i]), word))
		i++;
	return i;
}

bool policy_read(const struct seal_fields *fields,
		 struct policy_verdict *verdict_r)
{
	int class = find_word(class_words, POLICY_OTHER, fields->class);
	int action = find_word(action_words, POLICY_ACTIONS, fields->action);

	verdict_r->class = (enum policy_class) class;
	verdict_r->action = (enum policy_action)action;
	verdict_r->score = fields->score;
	return action < POLICY_ACTIONS;
}

/* Spam is a matter of taste; an attachment that is not allowed is not. */
static bool is_taste(enum policy_class class)
{
	return class == POLICY_CLEAN || class == POLICY_SPAM ||
	       class == POLICY_DMARC;
}

/* The user's thresholds in place of the engine's, each where it is set. */
static enum policy_action user_action(const struct policy_verdict *verdict,
				      const struct policy_user *user)
{
	bool hold = verdict->action == POLICY_QUARANTINE;
	bool tag = verdict->action != POLICY_ACCEPT;

	if (verdict->class == POLICY_CLEAN || verdict->class == POLICY_SPAM) {
		if (user->quarantine.set)
			hold = verdict->score >= user->quarantine.score;
		if (user->tag.set)
			tag = verdict->score >= user->tag.score;
	}
	return hold ? POLICY_QUARANTINE : tag ? POLICY_TAG : POLICY_ACCEPT;
}

static enum policy_place place_of(const struct policy_verdict *verdict,
				  const struct policy_user *user)
{
	static const enum policy_place places[POLICY_ACTIONS] = {
		POLICY_INBOX, POLICY_JUNK, POLICY_HELD};

	if (verdict->class != POLICY_CLEAN && verdict->action == POLICY_ACCEPT)
		return POLICY_INBOX;
	if (verdict->class == POLICY_VIRUS ||
	    verdict->class == POLICY_UNSCANNED)
		return POLICY_INFECTED;
	if (user->off && is_taste(verdict->class))
		return POLICY_INBOX;
	return places[user_action(verdict, user)];
}

struct policy_decision policy_decide(const struct policy_verdict *verdict,
				     const struct policy_user *user)
{
	struct policy_decision decision = {place_of(verdict, user), NULL};

	if (!user->pop3)
		return decision;
	if (decision.place == POLICY_JUNK)
		decision.keyword = "$Junk";
	else if (decision.place == POLICY_HELD)
		decision.keyword = "Quarantine";
	if (decision.keyword)
		decision.place = POLICY_FLAGGED;
	return decision;
}
