/*
 * The command line of a verb: -c and --set, which every verb takes, its own
 * options by their rows, and words. Options and words may be mixed; after
 * "--" all are words. An option's value stands behind it or, after '=', in
 * it. Everything points into argv.
 */
#ifndef GATEPOST_CLI_ARGS_H
#define GATEPOST_CLI_ARGS_H

#include "common/conf/conf.h"
#include "milter/cli/verb.h"

#define ARGS_MANY 1000
#define ARGS_WORDS 1000

/* The values of an option that may stand many times, NULL-ended. */
struct arg_list {
	const char *v[ARGS_MANY + 1];
	size_t n;
};

/* The first member of what a verb reads its options into. */
struct args {
	size_t words_max; /* set before: how many words it takes */
	const char *conf; /* the file named, else the default, or NULL */
	struct arg_list sets;
	const char *words[ARGS_WORDS];
	size_t word_count;
};

enum arg_kind {
	ARG_FLAG, /* bool */
	ARG_TEXT, /* const char *; the last one counts */
	ARG_LIST, /* struct arg_list */
};

/* One option; rows end with {0}. */
struct arg {
	const char *name;
	enum arg_kind kind;
	size_t offset; /* in the verb's struct */
};

/* 0, or EXIT_USAGE when told why not. `rows` may be NULL. */
int args_read(const struct verb *verb, const struct arg *rows, void *options,
	      int argc, char **argv);
/*
 * The value of --since, or of --until, as since.h has it. If it was not
 * given (NULL), *ms_r stays. 0, or EXIT_USAGE when told why not.
 */
int args_time(const struct verb *verb, const char *text, bool until,
	      int64_t now_ms, int64_t *ms_r);
/*
 * The value of --limit: a number from 1 to `most`, or "all", which is 0. If
 * it was not given (NULL), *limit_r stays. 0, or EXIT_USAGE when told.
 */
int args_limit(const struct verb *verb, const char *text, size_t most,
	       size_t *limit_r);
/* The configuration they name; NULL and *code_r when told why not. */
struct conf *args_conf(const struct verb *verb, const struct args *args,
		       int *code_r);

#endif
