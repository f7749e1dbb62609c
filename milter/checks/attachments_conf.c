/*
 * From settings to rules. A shipped rule is first described as its block
 * would be, so it goes through the same reading as one of the operator's.
 */
#include "milter/checks/attachments_conf.h"
#include "common/conf/value.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/checks/attachments_shipped.h"

#define TITLE_MAX 40
#define TEXT_MAX 255

static const struct setting attachments_rows[] = {
	SETTING(struct attachments_conf, enabled, "yes", NULL, NULL,
		"apply the attachment rules to mail from outside"),
	SETTING_END,
};

const struct settings_group attachments_settings = {
	.section = "attachments",
	.rows = attachments_rows,
	.conf_size = sizeof(struct attachments_conf),
	.doc = "Rules about attached files",
};

/* In the order of rule_rows. */
enum rule_row {
	ROW_ENABLED,
	ROW_NAMES,
	ROW_TYPES,
	ROW_KINDS,
	ROW_WHERE,
	ROW_ENCRYPTED,
	ROW_DOUBLE_EXTENSION,
	ROW_MISMATCH,
	ROW_SCORE,
	ROW_ACTION,
	ROW_KEEP,
};

static const struct setting rule_rows[] = {
	SETTING(struct attachment_conf, enabled, "yes", NULL, NULL,
		"apply this rule"),
	SETTING(struct attachment_conf, names, "", NULL, NULL,
		"file names, without case; * stands for any text and ? for "
		"one character; in double quotes, such as \"*.exe\". Folders, "
		"invisible characters, and blanks "
		"and dots at the end of a name are left out first"),
	SETTING(struct attachment_conf, types, "", NULL, NULL,
		"media types as the message declares them, such as "
		"application/zip or image/*; files in archives have none"),
	SETTING(struct attachment_conf, kinds, "", NULL, NULL,
		"what the first bytes of a file show it to be, such as exe, "
		"script, java, lnk, chm, zip, 7z, rar, iso, ole2, ooxml, "
		"onenote, pdf, rtf, html or text"),
	SETTING(struct attachment_conf, where, "anywhere",
		"attachment|archive|anywhere", NULL,
		"attachment: only files attached to the message itself; "
		"archive: only files within archives"),
	SETTING(struct attachment_conf, encrypted, "no", NULL, NULL,
		"only files that cannot be read without a password"),
	SETTING(struct attachment_conf, double_extension, "no", NULL, NULL,
		"only names with the ending of a document, picture, sound or "
		"film before the last, as in invoice.pdf.exe; names says "
		"which endings may be the last"),
	SETTING(struct attachment_conf, mismatch, "no", NULL, NULL,
		"only programs by content whose name ends as that of a "
		"document, picture, sound, film or archive"),
	SETTING(struct attachment_conf, score, "0", NULL, NULL,
		"points of the rule's symbol, which is ATTACHMENT_ and its "
		"name in capitals"),
	SETTING(struct attachment_conf, action, "none",
		"none|tag|quarantine|reject", NULL,
		"what is done with the message, whatever its points; none: "
		"only the points count"),
	SETTING(struct attachment_conf, keep, "no", NULL, NULL,
		"keep a copy in the vault of what is rejected by this rule"),
	SETTING_END,
};

const struct settings_group attachment_settings = {
	.section = "attachment",
	.rows = rule_rows,
	.conf_size = sizeof(struct attachment_conf),
	.doc = "A rule about files. Of what it sets, all must hold for the "
	       "same file; of a list, one entry. A block with the name of a "
	       "rule that comes with Gatepost (executable, script, "
	       "double_extension, executable_in_archive, script_in_archive, "
	       "encrypted_archive, macro_document, disk_image, shortcut, "
	       "mismatch) changes only what it gives. For instance",
	.titled = true,
	.example = "attachment \"disk_image\" {\n"
		   "\taction = reject\n"
		   "}\n"
		   "attachment \"web_page\" {\n"
		   "\tnames = {\"*.htm\", \"*.html\", \"*.svg\"}\n"
		   "\twhere = attachment\n"
		   "\tscore = 2\n"
		   "}\n",
};

/* A rule as it is set, before it is read. */
struct described {
	struct slice title;
	const char *place; /* where an error in it would be */
	const char *doc;   /* NULL: of the operator's */
	struct attachment_conf conf;
};

struct maker {
	struct arena *arena;
	struct err *err;
	struct attachment_rules *rules;
	const struct described *rule; /* that is being made */
};

/* An error that names the rule and where it stands. */
static int wrong(const struct maker *m, const char *setting, struct slice text,
		 const char *why)
{
	return err_set(m->err, "%s: attachment \"%.*s\": %s: '%.*s': %s",
		       m->rule->place, SLICE_FMT(m->rule->title), setting,
		       SLICE_FMT(slice_sub(text, 0, 100)), why);
}

static struct attachment_conf describe(struct arena *arena,
				       const struct attachment_shipped *row)
{
	struct strlist names = {0};

	names.v = value_split(arena, slice_cstr(row->names), &names.n);
	return (struct attachment_conf){
		.enabled = true,
		.names = names,
		.where = {row->where},
		.encrypted = row->encrypted,
		.double_extension = row->double_extension,
		.mismatch = row->mismatch,
		.score = {row->score, false},
		.action = {row->action},
	};
}

/* What the block gives replaces what was shipped. */
static void override(struct attachment_conf *conf,
		     const struct conf_block *block)
{
	const struct attachment_conf *given = block->values;

	if (block->given[ROW_ENABLED])
		conf->enabled = given->enabled;
	if (block->given[ROW_NAMES])
		conf->names = given->names;
	if (block->given[ROW_TYPES])
		conf->types = given->types;
	if (block->given[ROW_KINDS])
		conf->kinds = given->kinds;
	if (block->given[ROW_WHERE])
		conf->where = given->where;
	if (block->given[ROW_ENCRYPTED])
		conf->encrypted = given->encrypted;
	if (block->given[ROW_DOUBLE_EXTENSION])
		conf->double_extension = given->double_extension;
	if (block->given[ROW_MISMATCH])
		conf->mismatch = given->mismatch;
	if (block->given[ROW_SCORE])
		conf->score = given->score;
	if (block->given[ROW_ACTION])
		conf->action = given->action;
	if (block->given[ROW_KEEP])
		conf->keep = given->keep;
}

static bool is_shipped(struct slice title)
{
	for (const struct attachment_shipped *row = attachments_shipped;
	     row->title; row++)
		if (slice_eq_nocase(title, slice_cstr(row->title)))
			return true;
	return false;
}

static struct described describe_row(struct arena *arena,
				     const struct conf *conf,
				     const struct attachment_shipped *row)
{
	struct described rule = {slice_cstr(row->title), "shipped rules",
				 row->doc, describe(arena, row)};
	const struct conf_block *blocks;
	size_t count;

	blocks = conf_titled(conf, &attachment_settings, &count);
	for (size_t i = 0; i < count; i++) {
		if (!slice_eq_nocase(blocks[i].title, rule.title))
			continue;
		rule.place = conf_block_place(conf, &blocks[i]);
		override(&rule.conf, &blocks[i]);
	}
	return rule;
}

/* All rules, those that are off included: first the shipped ones. */
static struct described *describe_all(struct arena *arena,
				      const struct conf *conf, size_t *count_r)
{
	const struct attachment_shipped *row = attachments_shipped;
	const struct conf_block *blocks;
	struct described *all;
	size_t count, n = 0;

	blocks = conf_titled(conf, &attachment_settings, &count);
	while (row[n].title)
		n++;
	all = ARENA_ARRAY(arena, struct described, n + count);
	for (n = 0; row->title; row++)
		all[n++] = describe_row(arena, conf, row);
	for (size_t i = 0; i < count; i++)
		if (!is_shipped(blocks[i].title))
			all[n++] = (struct described){
				blocks[i].title,
				conf_block_place(conf, &blocks[i]),
				NULL,
				*(const struct attachment_conf *)blocks[i]
					 .values,
			};
	*count_r = n;
	return all;
}

static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-')
			return false;
	return s.n > 0;
}

static int check_lists(const struct maker *m, const struct attachment_conf *c)
{
	for (size_t i = 0; i < c->names.n; i++) {
		struct slice s = c->names.v[i];

		if (s.n == 0 || s.n > TEXT_MAX || slice_find(s, 0, '/') < s.n ||
		    slice_find(s, 0, '\\') < s.n)
			return wrong(
				m, "names", s,
				"write a file name without folders, in "
				"which * and ? may stand, such as \"*.exe\"");
	}
	for (size_t i = 0; i < c->types.n; i++) {
		struct slice s = c->types.v[i];
		size_t slash = slice_find(s, 0, '/');

		if (s.n > TEXT_MAX || slash == 0 || slash + 1 >= s.n)
			return wrong(m, "types", s,
				     "write a media type, such as "
				     "application/zip or \"image/*\"");
	}
	for (size_t i = 0; i < c->kinds.n; i++)
		if (!is_word(c->kinds.v[i]))
			return wrong(m, "kinds", c->kinds.v[i],
				     "write one word, such as exe, zip or pdf");
	return 0;
}

static int check_conf(const struct maker *m, const struct attachment_conf *c)
{
	if (!is_word(m->rule->title) || m->rule->title.n > TITLE_MAX)
		return wrong(m, "name", m->rule->title,
			     "the name of a rule is made of letters, digits, "
			     "_ and -, and at most 40 of them");
	if (c->names.n + c->types.n + c->kinds.n == 0 && !c->encrypted &&
	    !c->double_extension && !c->mismatch)
		return wrong(m, "names", SLICE(""),
			     "the rule must say which files it is about: by "
			     "names, types, kinds, encrypted, "
			     "double_extension or mismatch");
	return check_lists(m, c);
}

static const char *symbol_name(struct arena *arena, struct slice title)
{
	char *name = arena_cstr(arena, arena_printf(arena, "ATTACHMENT_%.*s",
						    SLICE_FMT(title)));

	for (char *p = name; *p; p++)
		*p = *p == '-'		      ? '_'
		     : *p >= 'a' && *p <= 'z' ? (char)(*p - 32)
					      : *p;
	return name;
}

static int make_rule(struct maker *m)
{
	struct attachment_rules *rules = m->rules;
	struct symbol *symbol = &rules->symbols[rules->count];
	const struct attachment_conf *conf = &m->rule->conf;
	const char *name;

	if (check_conf(m, conf) < 0)
		return -1;
	name = symbol_name(m->arena, m->rule->title);
	for (size_t i = 0; i < rules->count; i++)
		if (slice_eq(slice_cstr(rules->symbols[i].name),
			     slice_cstr(name)))
			return wrong(m, "name", m->rule->title,
				     "another rule has the same symbol");
	if (rules->count == ATTACHMENT_RULES_MAX)
		return wrong(m, "enabled", SLICE("yes"), "too many rules");
	*symbol = (struct symbol){
		.name = name,
		.score = conf->score.off ? 0 : conf->score.value,
		.doc = m->rule->doc ? m->rule->doc
				    : arena_printf(m->arena,
						   "a file is as attachment "
						   "\"%.*s\" says",
						   SLICE_FMT(m->rule->title))
					      .p,
	};
	rules->rule[rules->count++] =
		(struct attachment_rule){m->rule->title, *conf, symbol};
	return 0;
}

int attachment_rules_make(struct arena *arena, const struct conf *conf,
			  struct attachment_rules *rules_r, struct err *err)
{
	const struct attachments_conf *own =
		conf_group(conf, &attachments_settings);
	struct maker m = {.arena = arena, .err = err, .rules = rules_r};
	const struct described *all;
	size_t count;

	all = describe_all(arena, conf, &count);
	*rules_r = (struct attachment_rules){
		.enabled = own->enabled,
		.rule = ARENA_ARRAY(arena, struct attachment_rule,
				    ATTACHMENT_RULES_MAX),
		.symbols = ARENA_ARRAY(arena, struct symbol,
				       ATTACHMENT_RULES_MAX + 1),
	};
	for (size_t i = 0; i < count; i++) {
		m.rule = &all[i];
		if (all[i].conf.enabled && make_rule(&m) < 0)
			return -1;
	}
	return 0;
}

static bool has_rules(const struct conf *conf)
{
	const struct attachments_conf *own =
		conf_group(conf, &attachments_settings);
	struct arena *arena;
	const struct described *all;
	size_t count;
	bool found = false;

	if (!own->enabled)
		return false;
	arena = arena_new(0);
	all = describe_all(arena, conf, &count);
	for (size_t i = 0; i < count; i++)
		found |= all[i].conf.enabled;
	arena_free(&arena);
	return found;
}

/* A bad antivirus.engine is that check's to tell. */
bool antivirus_wants_scanner(const struct conf *conf)
{
	enum antivirus_engine engine;
	struct slice where;
	struct err err;

	return (antivirus_engine(conf, &engine, &where, &err) == 0 &&
		engine == ANTIVIRUS_LIBCLAMAV) ||
	       has_rules(conf);
}
