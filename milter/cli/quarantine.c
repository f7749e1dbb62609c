/*
 * gatepost quarantine: what the vault holds, and what becomes of it. It
 * works on the daemon's folder, running or not, as the user who owns it.
 */
#include "milter/cli/quarantine.h"

#include "common/base/utf8.h"
#include "milter/cli/owner.h"
#include "milter/cli/since.h"
#include "milter/daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ALIKE_SHOWN 10

static const struct arg rows[] = {
	{"--class", ARG_TEXT, offsetof(struct quarantine, class)},
	{"--state", ARG_TEXT, offsetof(struct quarantine, state)},
	{"--since", ARG_TEXT, offsetof(struct quarantine, since)},
	{"--until", ARG_TEXT, offsetof(struct quarantine, until)},
	{"--sender", ARG_TEXT, offsetof(struct quarantine, sender)},
	{"--recipient", ARG_TEXT, offsetof(struct quarantine, recipient)},
	{"--subject", ARG_TEXT, offsetof(struct quarantine, subject)},
	{"--limit", ARG_TEXT, offsetof(struct quarantine, limit)},
	{"--output", ARG_TEXT, offsetof(struct quarantine, output)},
	{"--to", ARG_TEXT, offsetof(struct quarantine, to)},
	{"--json", ARG_FLAG, offsetof(struct quarantine, json)},
	{"--allow-sender", ARG_FLAG,
	 offsetof(struct quarantine, allow_sender)},
	{0},
};

int quarantine_failed(const struct err *err)
{
	return verb_failed(&verb_quarantine, EXIT_FAILED, "%s", err->text);
}

static int tell_alike(const struct quarantine *q, const char *word,
		      const struct vault_item *items, int count)
{
	verb_failed(&verb_quarantine, EXIT_INVALID,
		    "several ids begin with '%s'; write more of the one you "
		    "mean:",
		    word);
	for (int i = 0; i < count && i < ALIKE_SHOWN; i++)
		fprintf(stderr, "  %.*s  %.*s  %.*s\n", SLICE_FMT(items[i].id),
			SLICE_FMT(since_text(q->arena, items[i].stored_ms)),
			SLICE_FMT(utf8_shown(q->arena,
					     utf8_cut(items[i].subject, 60))));
	if (count > ALIKE_SHOWN)
		fputs("  …\n", stderr);
	return EXIT_INVALID;
}

int quarantine_name(const struct quarantine *q, const char *word,
		    struct slice *id_r)
{
	struct vault_item items[ALIKE_SHOWN + 1];
	struct slice name = slice_cstr(word);
	struct err err;
	int n = 0;

	*id_r = name;
	if (q->index && vault_file_is_id(name))
		n = vault_index_find(q->index, q->arena, name, items,
				     ALIKE_SHOWN + 1, &err);
	if (n < 0 && !q->stale)
		return quarantine_failed(&err);
	if (n > 1)
		return tell_alike(q, word, items, n);
	if (n == 1)
		*id_r = items[0].id;
	/* A damaged file is in no list; its whole name finds it. */
	return 0;
}

void quarantine_warn(const struct quarantine *q)
{
	struct vault_stats stats;
	struct err err;

	if (vault_index_stats(q->index, &stats, &err) == 0 && stats.damaged > 0)
		verb_failed(&verb_quarantine, 0,
			    "%lld %s of the vault cannot be read as a "
			    "message and %s left alone; gatepost quarantine "
			    "reindex says why",
			    (long long)stats.damaged,
			    stats.damaged == 1 ? "file" : "files",
			    stats.damaged == 1 ? "is" : "are");
}

static int do_reindex(const struct quarantine *q)
{
	struct vault_changes changes;
	struct vault_stats stats;
	struct err err = {""};

	if (vault_index_rebuild(q->index, &changes, &err) < 0 ||
	    vault_index_stats(q->index, &stats, &err) < 0)
		return quarantine_failed(&err);
	printf("The index was made anew: %lld %s.\n",
	       (long long)stats.all.messages,
	       stats.all.messages == 1 ? "message" : "messages");
	if (changes.damaged > 0)
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "%lld %s left alone; the last: %s",
				   (long long)changes.damaged,
				   changes.damaged == 1 ? "file is"
							: "files are",
				   changes.why.text);
	return EXIT_DONE;
}

static const struct action {
	const char *name;
	size_t ids_min, ids_max;
	bool lists; /* takes filters */
	bool shows; /* takes --json */
	int (*run)(const struct quarantine *q);
} actions[] = {
	{"list", 0, 0, true, true, quarantine_list},
	{"show", 1, 1, false, true, quarantine_show},
	{"export", 1, 1, false, false, quarantine_export},
	{"release", 1, ARGS_WORDS, false, false, quarantine_release},
	{"delete", 1, ARGS_WORDS, false, false, quarantine_delete},
	{"stats", 0, 0, false, true, quarantine_stats},
	{"reindex", 0, 0, false, false, do_reindex},
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(name, actions[i].name) == 0)
			return &actions[i];
	return NULL;
}

static int check_options(const struct quarantine *q, const struct action *a)
{
	bool filters = q->class || q->state || q->since || q->until ||
		       q->sender || q->recipient || q->subject || q->limit;

	if (filters && !a->lists)
		return verb_usage(&verb_quarantine, "filters go with list");
	if (q->json && !a->shows)
		return verb_usage(&verb_quarantine, "'%s' takes no --json",
				  a->name);
	if (q->output && a->run != quarantine_export)
		return verb_usage(&verb_quarantine,
				  "--output goes with export");
	if ((q->to || q->allow_sender) && a->run != quarantine_release)
		return verb_usage(&verb_quarantine,
				  "--to and --allow-sender go with release");
	return 0;
}

static int check_request(const struct quarantine *q, const struct action *a,
			 const char *name)
{
	if (!name)
		return verb_usage(&verb_quarantine, "say what to do");
	if (!a)
		return verb_usage(&verb_quarantine, "there is no '%s'", name);
	if (q->id_count < a->ids_min)
		return verb_usage(&verb_quarantine,
				  "say what to %s: an id, as list shows it",
				  name);
	if (q->id_count > a->ids_max)
		return verb_usage(&verb_quarantine, "'%s' is one word too many",
				  q->ids[a->ids_max]);
	return check_options(q, a);
}

/* As who it was called: the vault's owner may not write there. */
static int open_output(struct quarantine *q)
{
	q->output_fd = -1;
	if (!q->output)
		return 0;
	q->output_fd =
		open(q->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (q->output_fd >= 0)
		return 0;
	return verb_failed(&verb_quarantine,
			   errno == EEXIST ? EXIT_INVALID : EXIT_FAILED,
			   errno == EEXIST ? "%s is there already: it is not "
					     "overwritten"
					   : "%s cannot be written: %s",
			   q->output, strerror(errno));
}

/*
 * On a disk that is full the index cannot be brought up to date; but what
 * makes room there goes by the files alone, and a list of most of them is
 * better than none.
 */
static int open_index(struct quarantine *q, bool by_id)
{
	struct vault_changes changes;
	struct err err = {""};

	q->index = vault_index_open(q->vault, &err);
	if (q->index && vault_index_sync(q->index, &changes, &err) == 0)
		return 0;
	if (!q->index && !by_id)
		return quarantine_failed(&err);
	q->stale = true;
	return verb_failed(&verb_quarantine, 0,
			   "the index is not up to date, so ids may have to "
			   "be whole: %s",
			   err.text);
}

static int open_vault(struct quarantine *q, bool by_id)
{
	const struct daemon_conf *daemon =
		conf_group(q->conf, &daemon_settings);
	char path[PATH_MAX];
	struct err err = {""};

	vault_path(q->conf, daemon->state_dir.s, path, sizeof(path));
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "nothing was ever held: there is no %s; "
				   "gatepostd makes it when it runs",
				   path);
	if (owner_become(q->conf, path, &err) < 0)
		return quarantine_failed(&err);
	if (access(path, R_OK | W_OK | X_OK) != 0)
		return verb_failed(&verb_quarantine, EXIT_FAILED,
				   "cannot use %s: %s; run it as root or as "
				   "the user of gatepostd",
				   path, strerror(errno));
	q->vault = vault_open(q->conf, daemon->state_dir.s, &err);
	if (!q->vault)
		return quarantine_failed(&err);
	return open_index(q, by_id);
}

static int run_action(struct quarantine *q, const struct action *action)
{
	int rc = open_output(q);

	if (rc != 0)
		return rc;
	q->conf = args_conf(&verb_quarantine, &q->args, &rc);
	if (q->conf) {
		settings_open_log(q->conf, "gatepost", true);
		rc = open_vault(q, action->ids_min > 0);
	}
	if (rc == 0)
		rc = action->run(q);
	if (rc == 0 && q->stale && action->ids_min == 0)
		rc = EXIT_FAILED;
	if (q->output_fd >= 0)
		close(q->output_fd);
	if (q->output && rc != 0)
		(void)unlink(q->output);
	vault_index_close(&q->index);
	vault_close(&q->vault);
	conf_free(&q->conf);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct quarantine none = {
		.args = {.words_max = ARGS_WORDS}};
	struct quarantine q = none;
	const struct action *action;
	const char *name;
	int rc = args_read(&verb_quarantine, rows, &q, argc, argv);

	if (rc != 0)
		return rc;
	name = q.args.words[0];
	q.ids = q.args.words + 1;
	q.id_count = q.args.word_count > 0 ? q.args.word_count - 1 : 0;
	action = name ? find_action(name) : NULL;
	rc = check_request(&q, action, name);
	if (rc != 0 || !action)
		return rc;
	q.arena = arena_new(0);
	rc = run_action(&q, action);
	arena_free(&q.arena);
	return rc;
}

const struct verb verb_quarantine = {
	.name = "quarantine",
	.usage = "[-c CONF] [--set key=value]… "
		 "list [--class WORD] [--state held|released] [--since TIME] "
		 "[--until TIME] [--sender ADDR|DOMAIN] "
		 "[--recipient ADDR|DOMAIN] [--subject PART] [--limit N|all] "
		 "[--json] | show ID [--json] | export ID [--output FILE] | "
		 "release ID… [--to ADDR] [--allow-sender] | delete ID… | stats [--json] | "
		 "reindex",
	.doc = "Shows the messages that are held in the vault, sends them on "
	       "to their recipients (or to ADDR) and lets their sender pass "
	       "greylisting, writes one to a file byte for byte, deletes. ID may be shortened as long as one "
	       "message has it. Classes: virus, spam, dmarc, attachment, "
	       "unscanned.",
	.run = run,
};
