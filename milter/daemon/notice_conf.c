/* The settings of notices, and what makes them rules. */
#include "milter/daemon/notice_conf.h"
#include "milter/engine/policy.h"
#include "milter/net/deliver_check.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000
#define SHIPPED_TEMPLATES PKGDATADIR "/notices"
#define HOST_FIELD "<hostname>"

static const struct setting rows[] = {
	SETTING(struct notices_conf, enabled, "yes", NULL, NULL,
		"whether anybody is told of messages that came into the "
		"vault; switched off and on again, it begins with what comes "
		"then"),
	SETTING(struct notices_conf, smtp, "inet:127.0.0.1:10026", NULL, NULL,
		"where notices are sent, by SMTP: inet:HOST:PORT or "
		"inet6:[HOST]:PORT of a Postfix service without Gatepost "
		"(smtpd_milters empty)"),
	SETTING(struct notices_conf, from, "postmaster@<hostname>", NULL, NULL,
		"the From address of notices; <hostname> is authserv_id, or "
		"the host's name; their envelope sender is empty, so nobody "
		"answers them by himself"),
	SETTING(struct notices_conf, postmaster, "postmaster@<hostname>", NULL,
		NULL, "who gets the postmaster's notices; empty: nobody"),
	SETTING(struct notices_conf, to_postmaster, "virus, unscanned", NULL,
		NULL,
		"what the postmaster is told of: virus, spam, dmarc, "
		"attachment, unscanned"),
	SETTING(struct notices_conf, to_recipient, "", NULL, NULL,
		"what the recipients of a message are told of, the same "
		"words; those of mail that your own users send are never told"),
	SETTING(struct notices_conf, digest, "0s", "0s", "7d",
		"how long messages are gathered before one notice tells an "
		"address of all of them; 0s: the first is told at once"),
	SETTING(struct notices_conf, rate, "10", "1", "3600",
		"the most notices an address gets in an hour, evenly: with 10, "
		"what comes within 6 minutes after one is told in one more"),
	SETTING(struct notices_conf, templates, "", NULL, NULL,
		"folder of their texts: CLASS.postmaster, CLASS.recipient, "
		"default.postmaster, digest.postmaster and so on; what is not "
		"there has a short text of its own; empty: those that came "
		"with Gatepost (docs/notices.md)"),
	SETTING(struct notices_conf, webhook, "", NULL, NULL,
		"http or https URL that is told of every message, in JSON, "
		"by POST; empty: none"),
	SETTING(struct notices_conf, webhook_key, "", NULL, NULL,
		"file with the secret that signs what the webhook gets "
		"(X-Gatepost-Signature), at least 16 bytes, readable by user; "
		"empty: not signed"),
	SETTING_END,
};

const struct settings_group notices_settings = {
	.section = "notices",
	.rows = rows,
	.conf_size = sizeof(struct notices_conf),
	.doc = "Who is told of messages that came into the vault",
};

const char *notice_audience_word(enum notice_audience audience)
{
	static const char *const words[NOTICE_AUDIENCES] = {
		"postmaster", "recipient", "hook"};

	return words[audience];
}

static int read_classes(const char *name, const struct strlist *list,
			bool tells_r[VAULT_CLASSES], struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		int class = 0;

		while (class < VAULT_CLASSES &&
		       !slice_eq(list->v[i], slice_cstr(vault_class_word((
						     enum vault_class) class))))
			class ++;
		if (class == VAULT_CLASSES)
			return err_set(err,
				       "notices.%s: \"%.*s\" is none of virus, "
				       "spam, dmarc, attachment, unscanned",
				       name, SLICE_FMT(list->v[i]));
		tells_r[class] = true;
	}
	return 0;
}

static int read_address(const char *name, struct slice value, const char *host,
			char address_r[321], struct err *err)
{
	size_t at = slice_search_nocase(value, SLICE(HOST_FIELD));
	bool named = at < value.n;
	int n = snprintf(
		address_r, 321, "%.*s%s%.*s",
		SLICE_FMT(slice_sub(value, 0, at)), named ? host : "",
		SLICE_FMT(slice_sub(value, at + strlen(HOST_FIELD), value.n)));

	if (n > 0 && n < 321 && deliver_address_ok(slice_cstr(address_r)))
		return 0;
	return err_set(err, "notices.%s = \"%.*s\" is no address", name,
		       SLICE_FMT(value));
}

static int read_host(const struct conf *conf, char host_r[256], struct err *err)
{
	struct policy *policy = policy_new(conf, NULL, err);

	if (!policy)
		return -1;
	snprintf(host_r, 256, "%s", policy_authserv_id(policy));
	policy_free(&policy);
	return 0;
}

static int read_hook(struct notice_rules *rules, struct err *err)
{
	struct slice url = rules->conf->webhook.s;

	if (url.n == 0)
		return 0;
	if (!slice_is_printable(url) ||
	    (!slice_starts_nocase(url, SLICE("http://")) &&
	     !slice_starts_nocase(url, SLICE("https://"))))
		return err_set(err,
			       "notices.webhook: write an http or https URL");
	for (int class = 0; class < VAULT_CLASSES; class ++)
		rules->tells[NOTICE_HOOK][class] = true;
	return 0;
}

int notice_rules_read(const struct conf *conf, struct notice_rules *rules_r,
		      struct err *err)
{
	const struct notices_conf *c = conf_group(conf, &notices_settings);
	struct deliver_server server;
	struct err why;

	*rules_r =
		(struct notice_rules){.conf = c, .pause_ms = HOUR_MS / c->rate};
	rules_r->templates =
		c->templates.s.n > 0 ? c->templates.s.p : SHIPPED_TEMPLATES;
	if (deliver_server_read(c->smtp.s, &server, &why) < 0)
		return err_set(err, "notices.smtp: %.400s", why.text);
	if (read_host(conf, rules_r->host, err) < 0 ||
	    read_address("from", c->from.s, rules_r->host, rules_r->from, err) <
		    0)
		return -1;
	if (c->postmaster.s.n > 0) {
		if (read_address("postmaster", c->postmaster.s, rules_r->host,
				 rules_r->postmaster, err) < 0 ||
		    read_classes("to_postmaster", &c->to_postmaster,
				 rules_r->tells[NOTICE_POSTMASTER], err) < 0)
			return -1;
	}
	if (read_classes("to_recipient", &c->to_recipient,
			 rules_r->tells[NOTICE_RECIPIENT], err) < 0)
		return -1;
	return read_hook(rules_r, err);
}
