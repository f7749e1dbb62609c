/*
 * gatepost check: the engine offline. The same checks, settings and policy
 * as the daemon's, over one message and an envelope from the command line.
 */
#include "milter/cli/args.h"
#include "milter/cli/explain.h"
#include "milter/cli/message.h"

#include "common/base/log.h"
#include "milter/checks/table.h"
#include "milter/daemon/settings.h"
#include "milter/engine/policy.h"
#include "milter/engine/report.h"
#include "milter/net/dns.h"

#include <stdio.h>

struct options {
	struct args args;
	struct arena *arena;
	const char *ip, *ptr, *helo, *from, *user, *dns;
	struct arg_list rcpts;
	bool json;
};

/* What one run opens; all of it is closed in close_all(). */
struct run_set {
	struct conf *conf;
	struct dns *dns;
	struct policy *policy;
	struct engine *engine;
	struct conn conn;
	struct mail *mail;
};

static const struct arg rows[] = {
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{"--dns", ARG_TEXT, offsetof(struct options, dns)},
	{"--ip", ARG_TEXT, offsetof(struct options, ip)},
	{"--ptr", ARG_TEXT, offsetof(struct options, ptr)},
	{"--helo", ARG_TEXT, offsetof(struct options, helo)},
	{"--from", ARG_TEXT, offsetof(struct options, from)},
	{"--rcpt", ARG_LIST, offsetof(struct options, rcpts)},
	{"--auth", ARG_TEXT, offsetof(struct options, user)},
	{0},
};

/* ADDR:PORT, [ADDR]:PORT or ADDR, as dns.servers writes it. */
static const char *dns_setting(struct arena *arena, const char *value)
{
	struct slice text = slice_cstr(value), host = text, port = SLICE("53");
	size_t colon = slice_rfind(text, ':');
	struct ip ip;

	if (!ip_parse(text, &ip) && colon < text.n) {
		host = slice_sub(text, 0, colon);
		port = slice_sub(text, colon + 1, text.n);
	}
	if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_sub(host, 1, host.n - 1);
	return arena_printf(arena, "dns.servers=%.*s@%.*s", SLICE_FMT(host),
			    SLICE_FMT(port)).p;
}

static int read_options(struct options *o, int argc, char **argv)
{
	int rc = args_read(&verb_check, rows, o, argc, argv);

	if (rc != 0)
		return rc;
	if (!o->ip || !o->helo || !o->from || o->rcpts.n == 0)
		return verb_usage(&verb_check, "--ip, --helo, --from and "
				  "--rcpt are needed");
	if (o->args.word_count == 0)
		return verb_usage(&verb_check, "name one FILE, or - for "
				  "standard input");
	if (o->dns && o->args.sets.n == ARGS_MANY)
		return verb_usage(&verb_check, "too many --set");
	if (o->dns)
		o->args.sets.v[o->args.sets.n++] =
			dns_setting(o->arena, o->dns);
	return 0;
}

static struct slice without_brackets(const char *path)
{
	struct slice s = slice_trim(slice_cstr(path));

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = slice_sub(s, 1, s.n - 1);
	return s;
}

static int fill_conn(const struct options *o, const struct engine *engine,
		     struct conn *conn)
{
	*conn = (struct conn){.arena = o->arena,
			      .helo = slice_cstr(o->helo),
			      .ptr_name = slice_cstr(o->ptr),
			      .user = slice_cstr(o->user)};
	if (!ip_parse(slice_cstr(o->ip), &conn->client))
		return verb_usage(&verb_check, "--ip: '%s' is not an IP "
				  "address", o->ip);
	conn->client_text = ip_text(o->arena, &conn->client);
	conn->trusted = engine_trusts(engine, &conn->client);
	return 0;
}

static int open_all(const struct options *o, struct run_set *s)
{
	const struct daemon_conf *daemon;
	struct err err;
	int code;

	s->conf = args_conf(&verb_check, &o->args, &code);
	if (!s->conf)
		return code;
	log_open("gatepost", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
		 LOG_LEVEL_ERROR);
	daemon = conf_group(s->conf, &daemon_settings);
	s->policy = policy_new(s->conf,
			       arena_printf(o->arena, "%.*s/verdict.key",
					    SLICE_FMT(daemon->state_dir.s)).p,
			       &err);
	if (s->policy)
		s->dns = dns_new(conf_group(s->conf, &dns_settings), &err);
	if (s->dns)
		s->engine = engine_new(checks_table, s->conf,
				       dns_resolver(s->dns), &err);
	if (!s->engine)
		return verb_failed(&verb_check, EXIT_FAILED, "%s", err.text);
	return 0;
}

static void close_all(struct run_set *s)
{
	mail_free(&s->mail);
	engine_free(&s->engine);
	if (s->dns)
		dns_free(&s->dns);
	policy_free(&s->policy);
	conf_free(&s->conf);
}

static int fill_envelope(const struct options *o, struct mail *mail)
{
	engine_stage(mail, STAGE_CONNECT);
	engine_stage(mail, STAGE_HELO);
	mail_set_sender(mail, without_brackets(o->from));
	for (size_t i = 0; i < o->rcpts.n; i++)
		if (!mail_add_rcpt(mail, without_brackets(o->rcpts.v[i])))
			return verb_failed(&verb_check, EXIT_FAILED,
					   "more recipients than "
					   "limits.recipients");
	engine_stage(mail, STAGE_ENVELOPE);
	return 0;
}

static int judge(const struct options *o, struct run_set *s)
{
	const struct record *record;
	struct decision decision;
	struct slice text;
	struct err err;
	int rc = fill_conn(o, s->engine, &s->conn);

	if (rc != 0)
		return rc;
	if (message_read(o->arena, o->args.words[0], &text, &err) < 0)
		return verb_failed(&verb_check, EXIT_FAILED, "%s", err.text);
	s->mail = mail_new(s->engine, &s->conn);
	rc = fill_envelope(o, s->mail);
	if (rc != 0)
		return rc;
	if (message_feed(s->mail, text, &err) < 0)
		return verb_failed(&verb_check, EXIT_FAILED, "%s", err.text);
	engine_finish(s->mail);
	policy_decide(s->policy, s->mail, &decision);
	policy_commit(s->policy, s->mail, &decision);
	record = report_make(s->policy, s->mail, &decision);
	if (o->json)
		printf("%s\n", record_json(o->arena, record, 2).p);
	else
		explain_record(stdout, record);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct options o = {.args = {.words_max = 1},
			    .arena = arena_new(0)};
	struct run_set s = {0};
	int rc = read_options(&o, argc, argv);

	if (rc == 0)
		rc = open_all(&o, &s);
	if (rc == 0)
		rc = judge(&o, &s);
	close_all(&s);
	arena_free(&o.arena);
	return rc;
}

const struct verb verb_check = {
	.name = "check",
	.usage = "[-c CONF] [--set key=value]… [--json] [--dns ADDR:PORT] "
		 "--ip ADDR [--ptr NAME] --helo NAME --from ADDR "
		 "--rcpt ADDR… [--auth USER] FILE|-",
	.doc = "Judges one message as the daemon would, and says why.",
	.run = run,
};
