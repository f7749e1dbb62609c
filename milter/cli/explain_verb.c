/* gatepost explain: what became of one message, and why; in plain words. */
#include "milter/cli/args.h"
#include "milter/cli/explain.h"
#include "milter/cli/explain_private.h"
#include "milter/cli/log_lines.h"
#include "milter/cli/open_history.h"
#include "milter/cli/since.h"
#include "milter/cli/story.h"
#include "milter/cli/terminal.h"

#include <stdio.h>

struct options {
	struct args args;
	const char *recipient;
	bool json;
};

static const struct arg rows[] = {
	{"--recipient", ARG_TEXT, offsetof(struct options, recipient)},
	{"--json", ARG_FLAG, offsetof(struct options, json)},
	{0},
};

struct search {
	const struct options *options;
	const struct conf *conf;
	struct arena *arena;
	struct history *history;
	struct slice name; /* harmless */
};

static int failed(const struct err *err)
{
	return verb_failed(&verb_explain, EXIT_FAILED, "%s", err->text);
}

/* The same words whether it is not there or not for that recipient. */
static int tell_none(const struct search *s)
{
	struct history_size size = {.records = 0};
	const char *hint = open_history_hint(s->conf);
	struct err err;
	int rc = EXIT_INVALID;

	if (s->options->recipient)
		return verb_failed(
			&verb_explain, rc,
			"there is no message '%.*s' to %.*s: looked for a "
			"record id, a queue id and a Message-ID",
			SLICE_FMT(s->name),
			SLICE_FMT(explain_text(
				s->arena, slice_cstr(s->options->recipient))));
	if (history_size(s->history, &size, &err) < 0)
		return failed(&err);
	verb_failed(&verb_explain, rc,
		    "there is no message '%.*s': looked for a record id, a "
		    "queue id and a Message-ID in %.*s (%lld records%s%.*s)",
		    SLICE_FMT(s->name),
		    SLICE_FMT(open_history_path(s->arena, s->conf)),
		    (long long)size.records, size.records ? ", since " : "",
		    SLICE_FMT(size.records
				      ? since_text(s->arena, size.oldest_ms)
				      : SLICE("")));
	if (hint)
		verb_failed(&verb_explain, rc, "%s", hint);
	return rc;
}

static int tell_several(const struct search *s, const struct story *story)
{
	struct log_lines lines = {stderr, terminal_width(), {0}};
	size_t shown = story->other_count < 20 ? story->other_count : 20;

	verb_failed(&verb_explain, EXIT_INVALID,
		    "'%.*s' is the name of %zu messages; take the record id, "
		    "at the end of a line, of the one you mean:",
		    SLICE_FMT(s->name), story->other_count);
	log_lines_put(&lines, story->others, shown);
	if (shown < story->other_count)
		fprintf(stderr, "… and %zu older ones\n",
			story->other_count - shown);
	return EXIT_INVALID;
}

static void put_json(const struct search *s, const struct story *story)
{
	for (size_t i = 0; i < story->count; i++) {
		struct slice object =
			record_json(s->arena, &story->records[i], 2);

		fputs(i > 0 ? ",\n" : "[\n", stdout);
		fwrite(object.p, 1, object.n, stdout);
	}
	fputs("\n]\n", stdout);
}

static int tell(const struct search *s)
{
	const struct story_ask ask = {
		.name = slice_trim(slice_cstr(s->options->args.words[0])),
		.recipient = slice_cstr(s->options->recipient)};
	struct story story;
	struct err err = {""};

	if (story_find(s->history, s->arena, &ask, &story, &err) < 0)
		return failed(&err);
	if (story.other_count > 0)
		return tell_several(s, &story);
	if (story.count == 0)
		return tell_none(s);
	if (s->options->json)
		put_json(s, &story);
	else
		explain_story(stdout, story.records, story.count, story.detail);
	if (story.cut)
		verb_failed(&verb_explain, 0,
			    "this message has more tries than are shown; see "
			    "gatepost log --sender");
	return EXIT_DONE;
}

static int run_explain(struct search *s)
{
	struct err err;
	bool absent;
	int rc;

	s->history = open_history(s->conf, &absent, &err);
	if (!s->history)
		return verb_failed(&verb_explain,
				   absent ? EXIT_INVALID : EXIT_FAILED, "%s",
				   err.text);
	s->arena = arena_new(0);
	s->name = explain_text(s->arena, slice_cstr(s->options->args.words[0]));
	rc = tell(s);
	arena_free(&s->arena);
	history_close(&s->history);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {.args = {.words_max = 1}};
	struct search s = {.options = &o};
	struct conf *conf;
	int rc = args_read(&verb_explain, rows, &o, argc, argv);

	if (rc == 0 && o.args.word_count == 0)
		rc = verb_usage(&verb_explain,
				"name a message: its record id (in the SMTP "
				"reply and the log), queue id or Message-ID");
	if (rc == 0 && o.recipient && o.recipient[0] == '\0')
		rc = verb_usage(&verb_explain, "--recipient: whose?");
	if (rc != 0)
		return rc;
	conf = args_conf(&verb_explain, &o.args, &rc);
	if (!conf)
		return rc;
	s.conf = conf;
	rc = run_explain(&s);
	conf_free(&conf);
	return rc;
}

const struct verb verb_explain = {
	.name = "explain",
	.usage = "[-c CONF] [--set key=value]… [--recipient ADDR] [--json] ID",
	.doc = "Says what became of a message and why, with all its tries. ID "
	       "is its record id, queue id or Message-ID; --recipient shows "
	       "only what that recipient may know.",
	.run = run,
};
