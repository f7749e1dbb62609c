/*
 * From a message to its subjects. Who has logged in is counted by login, who
 * has not by address. The domain of a sender can be forged, so of strangers
 * only that counts which SPF has proven.
 */
#include "milter/checks/ratelimit_subjects.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/engine/verdict.h"

/*
 * Whether the domain of the envelope's sender may be held against it: of
 * strangers only with SPF's word, which no replayed signature can give.
 */
static bool domain_is_proven(const struct mail *mail)
{
	const struct auth_spf *spf = &mail->verdict->auth.spf;

	if (!mail_is_inbound(mail))
		return true;
	return spf->result == AUTH_PASS &&
	       slice_eq(slice_cstr(spf->scope), SLICE("mfrom")) &&
	       slice_eq_nocase(spf->domain, mail->sender_address.domain);
}

/* Providers hand out whole /64 networks, so hosts of one count as one. */
static struct slice client_name(const struct mail *mail)
{
	struct ip net = mail->conn->client;

	if (net.family != IP_V6)
		return ip_text(mail->arena, &net);
	for (int i = 8; i < 16; i++)
		net.b[i] = 0;
	return arena_printf(mail->arena, "%.*s/64",
			    SLICE_FMT(ip_text(mail->arena, &net)));
}

/* Empty: the message has no such subject. */
static struct slice subject_name(const struct mail *mail, enum ratelimit_by by)
{
	switch (by) {
	case RATELIMIT_USER:
		return arena_lower(mail->arena, mail->conn->user);
	case RATELIMIT_CLIENT:
		return mail_is_inbound(mail) ? client_name(mail) : SLICE_NONE;
	case RATELIMIT_SENDER_DOMAIN:
		return domain_is_proven(mail) ? mail->sender_address.domain
					      : SLICE_NONE;
	}
	return SLICE_NONE;
}

/* The names by which exceptions may know the message under such a rule. */
static struct ratelimit_names names_of(const struct mail *mail,
				       enum ratelimit_by by)
{
	struct ratelimit_names names = {.client = &mail->conn->client};
	struct slice path = mail->sender, local, domain;

	if (by == RATELIMIT_USER)
		path = mail->conn->user;
	else if (!domain_is_proven(mail))
		return names;
	names.name = arena_lower(mail->arena, path);
	address_split(path, &local, &domain);
	domain_normalise(mail->arena, domain, &names.domain);
	return names;
}

static void add_limit(struct ratelimit_subject *subject,
		      const struct ratelimit_rule *rule, bool of_recipients,
		      int64_t amount)
{
	size_t n = subject->count;

	/* ratelimit_rules_make() leaves no more than there is room for. */
	if (n == RATES_MAX)
		return;
	subject->limits[n] = (struct ratelimit_limit){rule, of_recipients};
	subject->rates[n] = (struct rate){
		.name = of_recipients ? rule->recipients_key
				      : rule->messages_key,
		.limit = of_recipients ? rule->recipients : rule->messages,
		.amount = amount,
		.interval_ms = rule->interval_ms,
	};
	subject->count++;
}

static void gather(const struct mail *mail, const struct ratelimit_rules *rules,
		   enum ratelimit_by by, struct ratelimit_subject *subject_r)
{
	struct slice name = subject_name(mail, by);
	struct ratelimit_names names;

	*subject_r = (struct ratelimit_subject){.by = by, .name = name};
	if (name.n == 0)
		return;
	names = names_of(mail, by);
	subject_r->key = arena_printf(mail->arena, "%s %.*s",
				      ratelimit_by_word(by), SLICE_FMT(name));
	for (size_t i = 0; i < rules->count; i++) {
		const struct ratelimit_rule *rule = &rules->rule[i];

		if (rule->by != by || ratelimit_is_excepted(rule, &names))
			continue;
		if (rule->messages > 0)
			add_limit(subject_r, rule, false, 1);
		if (rule->recipients > 0 && mail->rcpt_count > 0)
			add_limit(subject_r, rule, true,
				  (int64_t)mail->rcpt_count);
	}
}

size_t
ratelimit_subjects(const struct mail *mail, const struct ratelimit_rules *rules,
		   struct ratelimit_subject subjects_r[RATELIMIT_BY_COUNT])
{
	size_t count = 0;

	for (int by = 0; by < RATELIMIT_BY_COUNT; by++) {
		gather(mail, rules, (enum ratelimit_by)by, &subjects_r[count]);
		count += subjects_r[count].count > 0;
	}
	return count;
}
