/*
 * gatepost config: check a file before the daemon sees it, show what is in
 * force, and make the example and the manual from the settings' rows.
 */
#include "milter/cli/args.h"
#include "milter/cli/manual.h"

#include "common/conf/dump.h"
#include "milter/checks/table.h"
#include "milter/daemon/settings.h"
#include "milter/engine/policy.h"
#include "milter/net/dns.h"
#include "milter/store/store.h"

#include <stdio.h>
#include <string.h>

/* A file is only right when the daemon could start from it. */
static int try_engine(const struct conf *conf, struct err *err)
{
	struct policy *policy = policy_new(conf, NULL, err);
	struct engine *engine = NULL;
	struct dns *dns = NULL;
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	int rc = -1;

	if (policy && store_check(conf, daemon->state_dir.s.p, err) == 0)
		dns = dns_new(conf_group(conf, &dns_settings), err);
	if (dns)
		engine = engine_new(checks_table, conf, dns_resolver(dns), err);
	if (engine) {
		engine_free(&engine);
		rc = 0;
	}
	if (dns)
		dns_free(&dns);
	if (policy)
		policy_free(&policy);
	return rc;
}

static int do_check(const struct args *args)
{
	struct err err;
	struct conf *conf = conf_load(settings_all(), args->conf,
				      args->sets.v, &err);
	int rc = EXIT_INVALID;

	if (conf && try_engine(conf, &err) == 0)
		rc = EXIT_DONE;
	if (rc == EXIT_DONE)
		printf("%s: no errors\n",
		       args->conf ? args->conf : "built-in defaults");
	else
		fprintf(stderr, "%s\n", err.text);
	conf_free(&conf);
	return rc;
}

static int do_show(const struct args *args)
{
	struct err err;
	struct conf *conf = conf_load(settings_all(), args->conf,
				      args->sets.v, &err);

	if (!conf) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_INVALID;
	}
	dump_effective(stdout, conf, settings_all());
	conf_free(&conf);
	return EXIT_DONE;
}

static int do_example(const struct args *args)
{
	(void)args;
	dump_example(stdout, settings_all());
	return EXIT_DONE;
}

static int do_manual(const struct args *args)
{
	struct err err;
	struct conf *conf =
		conf_load(settings_all(), NULL, args->sets.v, &err);

	if (!conf || manual_write(stdout, conf, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		conf_free(&conf);
		return EXIT_FAILED;
	}
	conf_free(&conf);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct args *args);
	} actions[] = {
		{"check", do_check},
		{"show", do_show},
		{"example", do_example},
		{"manual", do_manual},
	};
	struct args args = {.words_max = 2};
	int rc = args_read(&verb_config, NULL, &args, argc, argv);

	if (rc != 0)
		return rc;
	if (args.word_count == 2)
		args.conf = args.words[1];
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (args.word_count > 0 &&
		    strcmp(args.words[0], actions[i].name) == 0)
			return actions[i].run(&args);
	return verb_usage(&verb_config, "say what to do");
}

const struct verb verb_config = {
	.name = "config",
	.usage = "check|show|example|manual [--set key=value]… [FILE]",
	.doc = "Checks a configuration file, shows the settings in force, "
	       "prints the commented example or gatepost.conf(5).",
	.run = run,
};
