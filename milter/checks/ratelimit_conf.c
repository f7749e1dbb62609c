/*
 * From blocks to rules. The keys of a rule's counts hold its interval, since
 * counts of intervals of different length cannot be compared: a rule whose
 * interval changes begins anew.
 */
#include "milter/checks/ratelimit_conf.h"
#include "common/conf/value.h"
#include "common/mail/domain.h"
#include "milter/store/store.h"

/* In the order of enum ratelimit_by. */
#define BY_WORDS "user|client|sender_domain"

static const struct setting ratelimit_rows[] = {
	SETTING(struct ratelimit_conf, by, "user", BY_WORDS, NULL,
		"whose messages are added up: user (SASL login, without "
		"case), client (address of one that has not logged in and is "
		"in no trusted network; of IPv6 its /64) or sender_domain "
		"(of the envelope: of users and trusted networks as they say, "
		"of others only where SPF passes, so that no one can use up "
		"the limit of a domain that is not theirs)"),
	SETTING(struct ratelimit_conf, messages, "0", "0", "1000000000",
		"messages that are accepted within the interval; 0: any "
		"number"),
	SETTING(struct ratelimit_conf, recipients, "0", "0", "1000000000",
		"recipients of all these messages together; 0: any number. A "
		"single message with more is refused for good (550)"),
	SETTING(struct ratelimit_conf, interval, "1h", "1s", "31d",
		"length of the sliding interval"),
	SETTING(struct ratelimit_conf, except, "", NULL, NULL,
		"who is not counted: networks, logins, addresses, or domains "
		"(of the login for by = user, else of the sender, with those "
		"below)"),
	SETTING(struct ratelimit_conf, alert, "10", "0", "1000000",
		"refusals within the interval after which a warning is "
		"logged, once however many hosts there are; 0: never"),
	SETTING_END,
};
#define ROW_INTERVAL 3

const struct settings_group ratelimit_settings = {
	.section = "ratelimit",
	.rows = ratelimit_rows,
	.conf_size = sizeof(struct ratelimit_conf),
	.doc = "How much a user, client or sender domain may send, counted "
	       "for all hosts that share the store; what is over it is told "
	       "to come again (450). No limit is set by default, since only "
	       "you know how much your users send. Against stolen accounts, "
	       "the commonest abuse, begin with",
	.titled = true,
	.example = "ratelimit \"users\" {\n"
		   "\tby = user\n"
		   "\tmessages = 200\n"
		   "\trecipients = 1000\n"
		   "\tinterval = 1h\n"
		   "\texcept = {newsletter@example.org}\n"
		   "}\n",
};

struct maker {
	struct arena *arena;
	struct err *err;
	/* The rule that is made. */
	struct slice name;
	const char *place;
	/* Counts that one question to the store would hold. */
	size_t counts[RATELIMIT_BY_COUNT];
};

const char *ratelimit_by_word(enum ratelimit_by by)
{
	static const char *const words[] = {"user", "client", "sender_domain"};

	return words[by];
}

static int wrong(const struct maker *m, const char *what)
{
	return err_set(m->err, "%s: ratelimit \"%.*s\": %s", m->place,
		       SLICE_FMT(m->name), what);
}

static int read_except(const struct maker *m, struct slice text,
		       struct ratelimit_except *except_r)
{
	struct slice word = slice_trim(text), name = word;

	*except_r = (struct ratelimit_except){0};
	if (ip_net_parse(word, &except_r->net)) {
		except_r->is_net = true;
		return 0;
	}
	if (name.n > 0 && name.p[0] == '@')
		name = slice_sub(name, 1, name.n);
	if (name.n == 0 || slice_find(name, 0, '/') < name.n ||
	    slice_find(name, 0, ' ') < name.n)
		return err_set(m->err,
			       "%s: ratelimit \"%.*s\": except: '%.*s': write "
			       "a login, an address, a domain or a network "
			       "such as 192.0.2.0/24",
			       m->place, SLICE_FMT(m->name), SLICE_FMT(text));
	except_r->text = arena_lower(m->arena, name);
	domain_normalise(m->arena, name, &except_r->domain);
	return 0;
}

static int read_excepts(const struct maker *m, const struct strlist *texts,
			struct ratelimit_rule *rule)
{
	struct ratelimit_except *all =
		ARENA_ARRAY(m->arena, struct ratelimit_except, texts->n + 1);

	for (size_t i = 0; i < texts->n; i++)
		if (read_except(m, texts->v[i], &all[i]) < 0)
			return -1;
	rule->except = all;
	rule->except_count = texts->n;
	return 0;
}

static struct slice key(const struct maker *m, const char *what,
			const struct ratelimit_rule *rule)
{
	return arena_printf(m->arena, "%s %lld %.*s", what,
			    (long long)rule->interval_ms,
			    SLICE_FMT(rule->name));
}

static int make_rule(struct maker *m, const struct ratelimit_conf *conf,
		     struct ratelimit_rule *rule)
{
	*rule = (struct ratelimit_rule){
		.name = m->name,
		.by = (enum ratelimit_by)conf->by.value,
		.messages = conf->messages,
		.recipients = conf->recipients,
		.interval_ms = conf->interval.ms,
		.alert = conf->alert,
		.interval = value_text(&ratelimit_rows[ROW_INTERVAL], m->arena,
				       conf),
	};
	if (rule->messages == 0 && rule->recipients == 0)
		return wrong(m, "limits nothing; set messages, recipients or "
				"both");
	m->counts[rule->by] += (rule->messages > 0) + (rule->recipients > 0);
	if (m->counts[rule->by] > RATES_MAX)
		return err_set(m->err,
			       "%s: ratelimit \"%.*s\": one limit too many: "
			       "no more than %d of messages and recipients "
			       "may be set with by = %s",
			       m->place, SLICE_FMT(m->name), RATES_MAX,
			       ratelimit_by_word(rule->by));
	rule->messages_key = key(m, "messages", rule);
	rule->recipients_key = key(m, "recipients", rule);
	rule->never_key = key(m, "never", rule);
	return read_excepts(m, &conf->except, rule);
}

int ratelimit_rules_make(struct arena *arena, const struct conf *conf,
			 struct ratelimit_rules *rules_r, struct err *err)
{
	struct maker m = {.arena = arena, .err = err};
	const struct conf_block *blocks;
	struct ratelimit_rule *rules;
	size_t count;

	blocks = conf_titled(conf, &ratelimit_settings, &count);
	rules = ARENA_ARRAY(arena, struct ratelimit_rule, count + 1);
	for (size_t i = 0; i < count; i++) {
		m.place = conf_block_place(conf, &blocks[i]);
		m.name = blocks[i].title;
		if (make_rule(&m, blocks[i].values, &rules[i]) < 0)
			return -1;
	}
	*rules_r = (struct ratelimit_rules){rules, count};
	return 0;
}

/* A login without a domain is no domain, whatever it looks like. */
static bool names_match(const struct ratelimit_except *except,
			const struct ratelimit_names *names)
{
	if (names->name.n > 0 && slice_eq(except->text, names->name))
		return true;
	return except->domain.n > 0 && names->domain.n > 0 &&
	       domain_is_within(names->domain, except->domain);
}

bool ratelimit_is_excepted(const struct ratelimit_rule *rule,
			   const struct ratelimit_names *names)
{
	for (size_t i = 0; i < rule->except_count; i++) {
		const struct ratelimit_except *except = &rule->except[i];

		if (except->is_net ? ip_in(names->client, &except->net.base,
					   except->net.bits)
				   : names_match(except, names))
			return true;
	}
	return false;
}
