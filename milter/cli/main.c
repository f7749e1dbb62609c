/* gatepost: the administrator's command. Finds the verb and runs it. */
#include "milter/cli/verb.h"
#include "config.h"

#include "common/base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb *const verbs[] = {
	&verb_check,
	&verb_config,
	&verb_explain,
	&verb_greylist,
	&verb_lists,
	&verb_log,
	&verb_stats,
	&verb_status,
	NULL,
};

static void __attribute__((format(printf, 2, 0)))
complain(const struct verb *verb, const char *format, va_list args)
{
	fprintf(stderr, "gatepost %s: ", verb->name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int verb_usage(const struct verb *verb, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(verb, format, args);
	va_end(args);
	fprintf(stderr, "usage: gatepost %s %s\n", verb->name, verb->usage);
	return EXIT_USAGE;
}

int verb_failed(const struct verb *verb, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(verb, format, args);
	va_end(args);
	return code;
}

const char *verb_default_conf(void)
{
	static const char path[] = SYSCONFDIR "/gatepost/gatepost.conf";

	return access(path, F_OK) == 0 ? path : NULL;
}

static void help(FILE *out)
{
	fputs("usage: gatepost VERB …\n\n", out);
	for (size_t i = 0; verbs[i]; i++)
		fprintf(out, "  gatepost %s %s\n      %s\n", verbs[i]->name,
			verbs[i]->usage, verbs[i]->doc);
	fputs("\nExit codes: 0 done; 1 what was asked for is not right or not "
	      "there;\n2 wrong usage; 3 could not be done.\n", out);
}

int main(int argc, char **argv)
{
	struct nearest nearest;

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("gatepost " PACKAGE_VERSION);
		return EXIT_DONE;
	}
	nearest = nearest_begin(slice_cstr(argv[1]));
	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(argv[1], verbs[i]->name) == 0)
			return verbs[i]->run(argc - 1, argv + 1);
		nearest_offer(&nearest, verbs[i]->name);
	}
	fprintf(stderr, "gatepost: there is no verb '%s'", argv[1]);
	if (nearest_result(&nearest))
		fprintf(stderr, "; did you mean '%s'?", nearest_result(&nearest));
	fputs("\nTry: gatepost --help\n", stderr);
	return EXIT_USAGE;
}
