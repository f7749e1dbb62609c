/* Reads command lines by rows. */
#include "milter/cli/args.h"

#include "common/base/nearest.h"
#include "milter/cli/since.h"
#include "milter/daemon/settings.h"

#include <string.h>

static const struct arg common_rows[] = {
	{"-c", ARG_TEXT, offsetof(struct args, conf)},
	{"--set", ARG_LIST, offsetof(struct args, sets)},
	{0},
};

struct reader {
	const struct verb *verb;
	const struct arg *rows;
	struct args *args; /* and the verb's own struct around it */
	int argc;
	char **argv;
	int i;
};

static const struct arg *find(const struct arg *rows, struct slice name)
{
	for (; rows && rows->name; rows++)
		if (slice_eq(name, slice_cstr(rows->name)))
			return rows;
	return NULL;
}

static int unknown(const struct reader *r, struct slice name)
{
	struct nearest nearest = nearest_begin(name);
	const char *best;

	for (const struct arg *row = r->rows; row && row->name; row++)
		nearest_offer(&nearest, row->name);
	nearest_offer(&nearest, "--set");
	best = nearest_result(&nearest);
	return verb_usage(r->verb, "'%.*s' is no option of it%s%s%s",
			  SLICE_FMT(name), best ? "; did you mean '" : "",
			  best ? best : "", best ? "'?" : "");
}

static int keep(const struct reader *r, const struct arg *row,
		const char *value)
{
	void *field = (char *)r->args + row->offset;
	struct arg_list *list = field;

	if (row->kind == ARG_TEXT) {
		*(const char **)field = value;
		return 0;
	}
	if (list->n == ARGS_MANY)
		return verb_usage(r->verb, "too many %s", row->name);
	list->v[list->n++] = value;
	return 0;
}

static int read_option(struct reader *r)
{
	struct slice word = slice_cstr(r->argv[r->i]);
	size_t equals = slice_find(word, 0, '=');
	struct slice name = slice_sub(word, 0, equals);
	const struct arg *row = find(common_rows, name);

	if (!row)
		row = find(r->rows, name);
	if (!row)
		return unknown(r, name);
	if (row->kind == ARG_FLAG) {
		if (equals < word.n)
			return verb_usage(r->verb, "'%s' takes no value",
					  row->name);
		*(bool *)((char *)r->args + row->offset) = true;
		return 0;
	}
	if (equals < word.n)
		return keep(r, row, word.p + equals + 1);
	if (r->i + 1 >= r->argc)
		return verb_usage(r->verb, "'%s' lacks its value", row->name);
	return keep(r, row, r->argv[++r->i]);
}

static int read_word(struct args *args, const struct verb *verb,
		     const char *word)
{
	if (args->word_count >= args->words_max ||
	    args->word_count >= ARGS_WORDS)
		return verb_usage(verb, "'%s' is one word too many", word);
	args->words[args->word_count++] = word;
	return 0;
}

int args_read(const struct verb *verb, const struct arg *rows, void *options,
	      int argc, char **argv)
{
	struct reader r = {verb, rows, options, argc, argv, 1};
	bool ended = false;
	int rc = 0;

	for (; r.i < argc && rc == 0; r.i++) {
		const char *word = argv[r.i];

		if (!ended && strcmp(word, "--") == 0)
			ended = true;
		else if (!ended && word[0] == '-' && word[1] != '\0')
			rc = read_option(&r);
		else
			rc = read_word(r.args, verb, word);
	}
	if (!r.args->conf)
		r.args->conf = verb_default_conf();
	return rc;
}

int args_time(const struct verb *verb, const char *text, bool until,
	      int64_t now_ms, int64_t *ms_r)
{
	struct err err;

	if (!text ||
	    since_parse(slice_cstr(text), now_ms, until, ms_r, &err) == 0)
		return 0;
	return verb_usage(verb, "%s: %s", until ? "--until" : "--since",
			  err.text);
}

int args_limit(const struct verb *verb, const char *text, size_t most,
	       size_t *limit_r)
{
	uint64_t limit = 0;

	if (!text)
		return 0;
	if (strcmp(text, "all") != 0 &&
	    (!slice_to_u64(slice_cstr(text), &limit) || limit == 0 ||
	     limit > most))
		return verb_usage(verb,
				  "--limit: write a number from 1 to %zu, or "
				  "all",
				  most);
	*limit_r = (size_t)limit;
	return 0;
}

struct conf *args_conf(const struct verb *verb, const struct args *args,
		       int *code_r)
{
	struct err err;
	struct conf *conf =
		conf_load(settings_all(), args->conf, args->sets.v, &err);

	if (!conf)
		*code_r = verb_failed(verb,
				      strncmp(err.text, "--set", 5) == 0
					      ? EXIT_USAGE
					      : EXIT_FAILED,
				      "%s", err.text);
	return conf;
}
