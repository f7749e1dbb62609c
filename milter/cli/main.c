/* gatepost: the administrator's command. Finds the verb and runs it. */
#include "milter/cli/verb.h"
#include "config.h"

#include "common/base/nearest.h"
#include "milter/cli/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct verb *const verbs[] = {
	&verb_check, &verb_config,     &verb_explain, &verb_greylist, &verb_lists,
	&verb_log,   &verb_quarantine, &verb_scanner, &verb_stats,    &verb_status,
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

/* In a pipe a text stays one line, for completion to read. */
static void paragraph(FILE *out, const char *text, size_t indent)
{
	size_t width = terminal_width();
	const struct terminal_wrap wrap = {width > 0 && width < 100 ? width
					   : width		    ? 100
								    : SIZE_MAX,
					   indent, indent + 4};

	fprintf(out, "%*s", (int)indent, "");
	terminal_wrap(out, slice_cstr(text), &wrap);
}

static void help(FILE *out)
{
	fputs("usage: gatepost VERB …\n\n", out);
	for (size_t i = 0; verbs[i]; i++) {
		fprintf(out, "  gatepost %s\n", verbs[i]->name);
		paragraph(out, verbs[i]->doc, 6);
	}
	fputs("\nHow to call one: gatepost help VERB\n\n"
	      "Exit codes: 0 done; 1 what was asked for is not right or not "
	      "there;\n2 wrong usage; 3 could not be done.\n",
	      out);
}

static void help_verb(const struct verb *verb)
{
	char *usage;

	if (asprintf(&usage, "usage: gatepost %s %s", verb->name, verb->usage) <
	    0)
		return;
	paragraph(stdout, usage, 0);
	free(usage);
	fputc('\n', stdout);
	paragraph(stdout, verb->doc, 0);
}

static const struct verb *find_verb(const char *name)
{
	struct nearest nearest = nearest_begin(slice_cstr(name));

	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(name, verbs[i]->name) == 0)
			return verbs[i];
		nearest_offer(&nearest, verbs[i]->name);
	}
	fprintf(stderr, "gatepost: there is no verb '%s'", name);
	if (nearest_result(&nearest))
		fprintf(stderr, "; did you mean '%s'?",
			nearest_result(&nearest));
	fputs("\nTry: gatepost --help\n", stderr);
	return NULL;
}

int main(int argc, char **argv)
{
	bool asks = argc > 1 && (strcmp(argv[1], "--help") == 0 ||
				 strcmp(argv[1], "help") == 0);
	const struct verb *verb;

	if (argc < 2 || (asks && argc == 2)) {
		help(asks ? stdout : stderr);
		return asks ? EXIT_DONE : EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("gatepost " PACKAGE_VERSION);
		return EXIT_DONE;
	}
	verb = find_verb(argv[asks ? 2 : 1]);
	if (!verb)
		return EXIT_USAGE;
	if (!asks && (argc != 3 || strcmp(argv[2], "--help") != 0))
		return verb->run(argc - 1, argv + 1);
	help_verb(verb);
	return EXIT_DONE;
}
