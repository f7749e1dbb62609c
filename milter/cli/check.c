/*
 * gatepost check: the engine offline. The same checks, settings and policy
 * as the daemon's, over one message and an envelope from the command line.
 */
#include "milter/cli/explain.h"
#include "milter/cli/message.h"
#include "milter/cli/verb.h"

#include "common/base/log.h"
#include "milter/checks/table.h"
#include "milter/daemon/settings.h"
#include "milter/engine/policy.h"
#include "milter/engine/report.h"
#include "milter/net/dns.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define RCPTS_MAX 1000
#define SETS_MAX 200

struct options {
	struct arena *arena;
	const char *conf;
	const char *sets[SETS_MAX + 1];
	size_t set_count;
	const char *ip, *ptr, *helo, *from, *user, *file;
	const char *rcpts[RCPTS_MAX];
	size_t rcpt_count;
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

enum { OPT_SET = 256, OPT_JSON, OPT_DNS, OPT_IP, OPT_PTR, OPT_HELO, OPT_FROM,
       OPT_RCPT, OPT_AUTH };

static const struct option long_options[] = {
	{"set", required_argument, NULL, OPT_SET},
	{"json", no_argument, NULL, OPT_JSON},
	{"dns", required_argument, NULL, OPT_DNS},
	{"ip", required_argument, NULL, OPT_IP},
	{"ptr", required_argument, NULL, OPT_PTR},
	{"helo", required_argument, NULL, OPT_HELO},
	{"from", required_argument, NULL, OPT_FROM},
	{"rcpt", required_argument, NULL, OPT_RCPT},
	{"auth", required_argument, NULL, OPT_AUTH},
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

static int add_set(struct options *o, const char *set)
{
	if (o->set_count == SETS_MAX)
		return verb_usage(&verb_check, "too many --set");
	o->sets[o->set_count++] = set;
	return 0;
}

static int take_option(struct options *o, int option, char *value)
{
	switch (option) {
	case 'c':
		o->conf = value;
		return 0;
	case OPT_SET:
		return add_set(o, value);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_DNS:
		return add_set(o, dns_setting(o->arena, value));
	case OPT_IP:
		o->ip = value;
		return 0;
	case OPT_PTR:
		o->ptr = value;
		return 0;
	case OPT_HELO:
		o->helo = value;
		return 0;
	case OPT_FROM:
		o->from = value;
		return 0;
	case OPT_AUTH:
		o->user = value;
		return 0;
	case OPT_RCPT:
		if (o->rcpt_count == RCPTS_MAX)
			return verb_usage(&verb_check, "too many --rcpt");
		o->rcpts[o->rcpt_count++] = value;
		return 0;
	default:
		return EXIT_USAGE;
	}
}

static int read_options(struct options *o, int argc, char **argv)
{
	int option, rc;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	       -1) {
		if (option == '?')
			return verb_usage(&verb_check,
					  "'%s' is no option, or lacks its "
					  "value", argv[optind - 1]);
		rc = take_option(o, option, optarg);
		if (rc != 0)
			return rc;
	}
	if (!o->ip || !o->helo || !o->from || o->rcpt_count == 0)
		return verb_usage(&verb_check, "--ip, --helo, --from and "
				  "--rcpt are needed");
	if (optind != argc - 1)
		return verb_usage(&verb_check, "name one FILE, or - for "
				  "standard input");
	o->file = argv[optind];
	if (!o->conf)
		o->conf = verb_default_conf();
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

	s->conf = conf_load(settings_all(), o->conf, o->sets, &err);
	if (!s->conf)
		return verb_failed(&verb_check,
				   strncmp(err.text, "--set", 5) == 0
					   ? EXIT_USAGE
					   : EXIT_FAILED,
				   "%s", err.text);
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
	for (size_t i = 0; i < o->rcpt_count; i++)
		if (!mail_add_rcpt(mail, without_brackets(o->rcpts[i])))
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
	if (message_read(o->arena, o->file, &text, &err) < 0)
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
	struct options o = {.arena = arena_new(0)};
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
