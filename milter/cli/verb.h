/*
 * The verbs of `gatepost`: one file each, one row in main.c each. A verb
 * gets its own name as argv[0] and returns the exit code.
 */
#ifndef GATEPOST_CLI_VERB_H
#define GATEPOST_CLI_VERB_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_INVALID = 1,	/* what was asked for is not right, or not there */
	EXIT_USAGE = 2,		/* the command line is not right */
	EXIT_FAILED = 3,	/* it could not be done */
};

struct verb {
	const char *name;
	const char *usage;	/* what follows the name */
	const char *doc;	/* one line */
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_check;
extern const struct verb verb_config;
extern const struct verb verb_explain;
extern const struct verb verb_greylist;
extern const struct verb verb_lists;
extern const struct verb verb_log;
extern const struct verb verb_quarantine;
extern const struct verb verb_scanner;
extern const struct verb verb_stats;
extern const struct verb verb_status;

/* Prints "gatepost VERB: text" and how to call it; returns EXIT_USAGE. */
int verb_usage(const struct verb *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints "gatepost VERB: text"; returns `code`. */
int verb_failed(const struct verb *verb, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The configuration that is read when none is named, or NULL. */
const char *verb_default_conf(void);

#endif
