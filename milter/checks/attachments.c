/*
 * Files in the message, by rules over their name, type, content and place.
 * The scanner has taken the message apart; nothing is unpacked here, and
 * names and counts are believed only as far as they can be looked up. What
 * was not listed is never "clean": then the outcome says so.
 */
#include "milter/checks/attachments.h"
#include "common/base/buf.h"
#include "common/base/utf8.h"
#include "milter/checks/attachments_match.h"
#include "milter/checks/scanning.h"

/* In a finding: archives around a file, and bytes of a long name. */
#define SHOWN_DEPTH 4
#define SHOWN_BEGIN 50
#define SHOWN_END 30

/* One message. */
struct look {
	const struct scan_report *report;
	const struct slice *names; /* of the parts, normalised */
	struct verdict *verdict;
};

static bool is_one_of(struct slice word, const char *const *words)
{
	for (; *words; words++)
		if (slice_eq(word, slice_cstr(*words)))
			return true;
	return false;
}

/*
 * A shell script ("#!") is none: as text files, which they are, such
 * scripts are sent honestly, and nothing runs them then.
 */
static bool is_program(struct slice kind)
{
	static const char *const kinds[] = {"exe", "java", "lnk", NULL};

	return is_one_of(kind, kinds);
}

static const struct scan_part *parent_of(const struct scan_report *report,
					 size_t index)
{
	const struct scan_part *part = &report->parts[index];

	return part->depth > 0 && part->parent < index
		       ? &report->parts[part->parent]
		       : NULL;
}

/* What gzip and the like hold has the name without the last ending. */
static struct slice name_of(struct arena *arena, const struct look *look,
			    size_t index)
{
	static const char *const packers[] = {"gzip", "bzip2",	  "xz",
					      "zstd", "compress", NULL};
	const struct scan_part *part = &look->report->parts[index];
	const struct scan_part *parent = parent_of(look->report, index);
	struct slice stem;

	if (part->name.n > 0 || !parent || !is_one_of(parent->kind, packers))
		return attachment_name_normalise(arena, part->name);
	(void)attachment_extension(look->names[part->parent], &stem);
	return attachment_name_normalise(arena, stem);
}

static bool fits_one(const struct strlist *patterns, struct slice text)
{
	if (patterns->n == 0)
		return true;
	for (size_t i = 0; text.n > 0 && i < patterns->n; i++)
		if (attachment_pattern_matches(patterns->v[i], text))
			return true;
	return false;
}

static bool fits_where(enum attachment_where where, unsigned depth)
{
	return where == ATTACHMENT_ANYWHERE ||
	       (depth > 0) == (where == ATTACHMENT_ARCHIVE);
}

static bool applies(const struct attachment_conf *rule,
		    const struct scan_part *part, struct slice name)
{
	if (!fits_where((enum attachment_where)rule->where.value, part->depth))
		return false;
	if (rule->encrypted && !part->encrypted)
		return false;
	if (rule->double_extension && !attachment_name_is_double(name))
		return false;
	if (rule->mismatch &&
	    !(is_program(part->kind) && attachment_name_is_harmless(name)))
		return false;
	return fits_one(&rule->names, name) &&
	       fits_one(&rule->types, part->type) &&
	       fits_one(&rule->kinds, part->kind);
}

/* A long name without its middle: its end says what it is. */
static void add_name(struct buf *out, struct slice name)
{
	size_t from = name.n > SHOWN_END ? name.n - SHOWN_END : 0;

	if (name.n <= SHOWN_BEGIN + SHOWN_END) {
		utf8_add_shown(out, name);
		return;
	}
	/* Not from within a character. */
	while (from < name.n && ((unsigned char)name.p[from] & 0xc0) == 0x80)
		from++;
	utf8_add_shown(out, utf8_cut(name, SHOWN_BEGIN));
	buf_add_text(out, "...");
	utf8_add_shown(out, slice_sub(name, from, name.n));
}

/* "'a.exe' in 'b.zip'", with hidden characters made visible. */
static struct slice shown(const struct look *look, size_t index)
{
	struct buf out = BUF(look->verdict->arena);

	for (int i = 0; i < SHOWN_DEPTH; i++) {
		const struct scan_part *part = &look->report->parts[index];
		/* One that only its archive names is shown by that name. */
		struct slice name =
			part->name.n > 0 ? part->name : look->names[index];

		if (name.n == 0) {
			buf_add_text(&out, "a file without name");
		} else {
			buf_add_char(&out, '\'');
			add_name(&out, name);
			buf_add_char(&out, '\'');
		}
		if (!parent_of(look->report, index))
			break;
		buf_add_text(&out, i + 1 < SHOWN_DEPTH ? " in " : " in ...");
		index = part->parent;
	}
	return buf_slice(&out);
}

static void act(const struct look *look, const struct attachment_rule *rule,
		struct slice file)
{
	int action = rule->conf.action.value;

	if (action == ATTACHMENT_NONE)
		return;
	verdict_class(look->verdict, VAULT_ATTACHMENT,
		      (enum class_action)(action - ATTACHMENT_TAG),
		      rule->conf.keep, "%.*s: %.*s", SLICE_FMT(rule->title),
		      SLICE_FMT(file));
}

/* Whether the rule has found something; the first file stands for all. */
static bool apply(const struct look *look, const struct attachment_rule *rule)
{
	size_t first = 0, count = 0;
	struct slice file;

	for (size_t i = 0; i < look->report->part_count; i++) {
		if (!applies(&rule->conf, &look->report->parts[i],
			     look->names[i]))
			continue;
		if (count++ == 0)
			first = i;
	}
	if (count == 0)
		return false;
	file = shown(look, first);
	if (count == 1)
		verdict_hit(look->verdict, rule->symbol, "%.*s",
			    SLICE_FMT(file));
	else
		verdict_hit(look->verdict, rule->symbol, "%.*s and %zu more",
			    SLICE_FMT(file), count - 1);
	act(look, rule, file);
	return true;
}

static void conclude(const struct look *look, bool found)
{
	const struct scan_report *report = look->report;
	struct slice reason = utf8_shown(look->verdict->arena, report->reason);

	if (!report->parts_complete)
		verdict_outcome(look->verdict, OUTCOME_TEMPERROR,
				"not all files could be listed, only %zu%s%.*s",
				report->part_count, reason.n > 0 ? ": " : "",
				SLICE_FMT(reason));
	else
		verdict_outcome(look->verdict,
				found ? OUTCOME_FAIL : OUTCOME_PASS,
				"%zu part%s looked at", report->part_count,
				report->part_count == 1 ? "" : "s");
}

void attachments_judge(const struct attachment_rules *rules,
		       const struct scan_report *report,
		       struct verdict *verdict)
{
	struct arena *arena = verdict->arena;
	struct look look = {report, NULL, verdict};
	struct slice *names, reason;
	bool found = false;

	if (!report) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"no scanner has taken the message apart");
		return;
	}
	if (!report->parts_known) {
		reason = utf8_shown(arena, report->reason);
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"the files in the message are not known%s%.*s",
				reason.n > 0 ? ": " : "", SLICE_FMT(reason));
		return;
	}
	look.names = names =
		ARENA_ARRAY(arena, struct slice, report->part_count + 1);
	for (size_t i = 0; i < report->part_count; i++)
		names[i] = name_of(arena, &look, i);
	for (size_t i = 0; i < rules->count; i++)
		found |= apply(&look, &rules->rule[i]);
	conclude(&look, found);
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	const struct attachment_rules *rules = ready;

	(void)index;
	if (!rules->enabled)
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"switched off (attachments.enabled)");
	else if (rules->count == 0)
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "no rule is enabled");
	else if (!mail_is_inbound(mail))
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"only for mail from outside");
	else
		attachments_judge(rules, scanning_report(mail), verdict);
	return STEP_DONE;
}

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct attachment_rules *rules =
		ARENA_NEW(arena, struct attachment_rules);

	*ready_r = rules;
	return attachment_rules_make(arena, conf, rules, err);
}

static const struct symbol *more_symbols(const void *ready)
{
	return ((const struct attachment_rules *)ready)->symbols;
}

static const char *const after[] = {"antivirus", NULL};

const struct check check_attachments = {
	.name = "attachments",
	.doc = "attached files, by name, type and content",
	.settings = &attachments_settings,
	.blocks = &attachment_settings,
	.needs = STAGE_MESSAGE,
	.after = after,
	.prepare = prepare,
	.more_symbols = more_symbols,
	.judge = judge,
};
