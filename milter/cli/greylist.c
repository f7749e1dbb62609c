/*
 * gatepost greylist: who waits, who has passed, who is never deferred; and
 * the ways to change that. It works on the daemon's store, running or not.
 */
#include "milter/cli/args.h"
#include "milter/cli/entries.h"
#include "milter/cli/greylist_names.h"
#include "milter/cli/open_store.h"
#include "milter/cli/terminal.h"
#include "milter/cli/verb.h"

#include "common/base/utf8.h"
#include "milter/daemon/settings.h"

#include <stdio.h>
#include <string.h>

#define LIST_MAX 20000

struct request {
	struct args args;
	struct arena *arena;
	const char *action;
	const char *what; /* NULL: none was named */
	bool json;
	bool waiting;
	bool passed;
	/* Open while the action runs. */
	struct conf *conf;
	struct store *store;
};

static const struct arg rows[] = {
	{"--json", ARG_FLAG, offsetof(struct request, json)},
	{"--waiting", ARG_FLAG, offsetof(struct request, waiting)},
	{"--passed", ARG_FLAG, offsetof(struct request, passed)},
	{0},
};

static int failed(const struct err *err)
{
	return verb_failed(&verb_greylist, EXIT_FAILED, "%s", err->text);
}

static int no_match(const struct request *r)
{
	return verb_failed(&verb_greylist, EXIT_INVALID, "nothing matches '%s'",
			   r->what);
}

static int misnamed(const struct err *err)
{
	return verb_usage(&verb_greylist, "%s", err->text);
}

static int show_list(const struct request *r, const struct greylist_list *list)
{
	if (r->json)
		entries_json(stdout, r->arena, list);
	else if (list->count > 0)
		entries_table(stdout, r->arena, list, terminal_width());
	else if (!r->what)
		printf("No entries%s.\n", r->waiting  ? " are waiting"
					  : r->passed ? " have passed"
						      : "");
	if (list->cut)
		fprintf(stderr,
			"gatepost greylist: only the oldest %zu are shown; "
			"name a sender, recipient or @domain\n",
			list->count);
	if (list->count > 0 || !r->what)
		return EXIT_DONE;
	return r->json ? EXIT_INVALID : no_match(r);
}

static int do_list(const struct request *r)
{
	struct greylist_filter filter = {.waiting = r->waiting,
					 .passed = r->passed};
	struct greylist_words words = {.count = 1};
	struct greylist_list list = {0};
	struct err err;

	if (r->what && greylist_words_of_entries(r->arena, slice_cstr(r->what),
						 &words, &err) < 0)
		return misnamed(&err);
	for (size_t i = 0; i < words.count && list.count == 0; i++) {
		filter.match = words.word[i];
		if (store_greylist_list(r->store, r->arena, &filter, LIST_MAX,
					&list, &err) < 0)
			return failed(&err);
	}
	return show_list(r, &list);
}

static int tell_number(const struct request *r, int64_t number,
		       const char *done)
{
	if (number == 0)
		return no_match(r);
	printf("%lld %s %s.\n", (long long)number,
	       number == 1 ? "entry" : "entries", done);
	return EXIT_DONE;
}

static int do_release(const struct request *r)
{
	int64_t lifetime_ms = greylist_lifetime(r->conf), number, total = 0;
	struct greylist_words words;
	struct err err;

	if (greylist_words_of_entries(r->arena, slice_cstr(r->what), &words,
				      &err) < 0)
		return misnamed(&err);
	for (size_t i = 0; i < words.count; i++) {
		number = store_greylist_release(r->store, words.word[i],
						lifetime_ms, &err);
		if (number < 0)
			return failed(&err);
		total += number;
	}
	return tell_number(r, total, "released: the next try passes");
}

static int do_forget(const struct request *r)
{
	struct greylist_words words;
	int64_t number, total = 0;
	struct err err;

	if (greylist_words_of_all(r->arena, r->conf, slice_cstr(r->what),
				  &words, &err) < 0)
		return misnamed(&err);
	for (size_t i = 0; i < words.count; i++) {
		number = store_greylist_forget(r->store, words.word[i], &err);
		if (number < 0)
			return failed(&err);
		total += number;
	}
	return tell_number(r, total, "forgotten");
}

static int do_allow(const struct request *r)
{
	struct slice name;
	struct err err;

	if (greylist_allowed_name(r->arena, r->conf, slice_cstr(r->what), &name,
				  &err) < 0)
		return misnamed(&err);
	if (store_allow(r->store, name, &err) < 0)
		return failed(&err);
	printf("%.*s is allowed: never deferred from now on.\n",
	       SLICE_FMT(name));
	return EXIT_DONE;
}

static int do_allowed(const struct request *r)
{
	struct slice *names;
	struct err err;
	size_t count;

	if (store_allow_list(r->store, r->arena, &names, &count, &err) < 0)
		return failed(&err);
	if (r->json)
		entries_names_json(stdout, r->arena, names, count);
	else if (count == 0)
		puts("No names are allowed.");
	for (size_t i = 0; !r->json && i < count; i++)
		printf("%.*s\n",
		       SLICE_FMT(utf8_shown(r->arena, names[i])));
	return EXIT_DONE;
}

static const struct action {
	const char *name;
	bool needs; /* what it works on must be named */
	bool takes; /* ... or may be */
	bool shows; /* it takes --json */
	int (*run)(const struct request *r);
} actions[] = {
	{"list", false, true, true, do_list},
	{"release", true, true, false, do_release},
	{"allow", true, true, false, do_allow},
	{"forget", true, true, false, do_forget},
	{"allowed", false, false, true, do_allowed},
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

static int check_request(const struct request *r, const struct action *action)
{
	if (!r->action)
		return verb_usage(&verb_greylist, "say what to do");
	if (!action)
		return verb_usage(&verb_greylist, "there is no '%s'",
				  r->action);
	if (action->needs && !r->what)
		return verb_usage(&verb_greylist, "say what to %s",
				  action->name);
	if (!action->takes && r->what)
		return verb_usage(&verb_greylist, "'%s' is one word too many",
				  r->what);
	if (r->json && !action->shows)
		return verb_usage(&verb_greylist, "'%s' takes no --json",
				  action->name);
	if ((r->waiting || r->passed) && action->run != do_list)
		return verb_usage(&verb_greylist, "--waiting and --passed "
						  "go with list");
	return 0;
}

static int open_all(struct request *r)
{
	struct err err;
	int code;

	r->conf = args_conf(&verb_greylist, &r->args, &code);
	if (!r->conf)
		return code;
	r->store = open_store(r->arena, r->conf, &err);
	return r->store ? 0 : failed(&err);
}

static int run(int argc, char **argv)
{
	struct request r = {.args = {.words_max = 2}};
	const struct action *action;
	int rc = args_read(&verb_greylist, rows, &r, argc, argv);

	if (rc != 0)
		return rc;
	r.action = r.args.words[0];
	r.what = r.args.words[1];
	action = r.action ? find_action(r.action) : NULL;
	rc = check_request(&r, action);
	if (rc != 0 || !action)
		return rc;
	r.arena = arena_new(0);
	rc = open_all(&r);
	if (rc == 0)
		rc = action->run(&r);
	if (r.store)
		store_free(&r.store);
	conf_free(&r.conf);
	arena_free(&r.arena);
	return rc;
}

const struct verb verb_greylist = {
	.name = "greylist",
	.usage = "[-c CONF] [--set key=value]… [--json] "
		 "list [--waiting|--passed] [MATCH] | release MATCH | "
		 "forget MATCH|NAME | allow NAME | allowed",
	.doc = "Shows who waits and who has passed, lets pass, forgets, and "
	       "names who is never deferred. MATCH is a key, a sender, a "
	       "recipient or a domain; NAME an address, domain or network.",
	.run = run,
};
