/*
 * The file. libconfuse knows its syntax and this is the one file that sees
 * the library; to it every value is a text, so all kinds are read in one
 * place (value.c) and complain in one voice.
 */
#include "common/base/nearest.h"
#include "common/conf/conf_private.h"
#include "common/conf/value.h"

#include <confuse.h>
#include <stdio.h>
#include <string.h>

/*
 * libconfuse hands no pointer of ours to its callbacks. One thread parses
 * one file at a time, so what they need stands here for that while.
 */
static _Thread_local struct {
	struct conf *conf;
	struct err *err;
	bool failed;
} parsing;

static struct slice section_of(const cfg_t *cfg)
{
	return strcmp(cfg->name, "root") == 0 ? SLICE("")
					      : slice_cstr(cfg->name);
}

/* The library's "no such option 'x'" gains a suggestion. */
__attribute__((format(printf, 2, 0)))
static void report(cfg_t *cfg, const char *format, va_list args)
{
	char text[400];
	struct slice name = SLICE_NONE;
	const char *near = NULL;

	if (parsing.failed)
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (conf_pair_section(section_of(cfg)) >= 0 &&
	    strncmp(text, "no such option", 14) == 0)
		return; /* free-form: the library adds the name by itself */
	parsing.failed = true;
	if (strncmp(text, "no such option", 14) == 0) {
		struct slice rest = slice_cstr(text), piece;

		if (slice_next(&rest, '\'', &piece) &&
		    slice_next(&rest, '\'', &name))
			near = conf_nearest(parsing.conf, section_of(cfg),
					    name);
		err_set(parsing.err,
			"%s:%d: there is no setting '%.*s'%s%s%s%s%s%s",
			parsing.conf->path, cfg->line, SLICE_FMT(name),
			section_of(cfg).n ? " in section '" : "",
			section_of(cfg).n ? cfg->name : "",
			section_of(cfg).n ? "'" : "",
			near ? "; did you mean '" : "", near ? near : "",
			near ? "'?" : "");
		return;
	}
	err_set(parsing.err, "%s:%d: %s", parsing.conf->path, cfg->line, text);
}

/* Called after each value; checks it while the line number is known. */
static int validate(cfg_t *cfg, cfg_opt_t *opt)
{
	struct arena *scratch = arena_new(0);
	struct slice section = section_of(cfg), value;
	const struct setting *row;
	struct err why;
	size_t group;
	int rc = 0;

	row = conf_find(parsing.conf, section, slice_cstr(opt->name), &group);
	if (row)
		conf_set_line(parsing.conf, group, row, cfg->line);
	if (row && row->kind != SETTING_LIST) {
		void *base = arena_alloc(
			scratch, parsing.conf->groups[group]->conf_size);

		value = slice_cstr(cfg_opt_getstr(opt));
		if (value_set(row, scratch, &value, 1, base, &why) < 0) {
			cfg_error(cfg, "%s%s%s: %s", section.n ? cfg->name : "",
				  section.n ? "." : "", opt->name, why.text);
			rc = -1;
		}
	}
	arena_free(&scratch);
	return rc;
}

static cfg_opt_t make_opt(struct arena *arena, const struct setting *row)
{
	cfg_opt_t one = CFG_STR(arena_cstr(arena, slice_cstr(row->name)), NULL,
				CFGF_NODEFAULT);
	cfg_opt_t many = CFG_STR_LIST(
		arena_cstr(arena, slice_cstr(row->name)), NULL, CFGF_NODEFAULT);
	cfg_opt_t opt = row->kind == SETTING_LIST ? many : one;

	opt.validcb = validate;
	return opt;
}

/* All rows of all groups of one section, ended as libconfuse wants it. */
static cfg_opt_t *section_opts(struct arena *arena, const struct conf *conf,
			       const char *section, size_t extra)
{
	size_t count = 0, n = 0;
	cfg_opt_t *opts;

	for (size_t i = 0; i < conf->group_count; i++)
		for (size_t k = 0; conf->groups[i]->rows[k].name; k++)
			count += strcmp(conf->groups[i]->section, section) == 0;
	opts = ARENA_ARRAY(arena, cfg_opt_t, count + extra + 1);
	for (size_t i = 0; i < conf->group_count; i++) {
		if (strcmp(conf->groups[i]->section, section) != 0)
			continue;
		for (size_t k = 0; conf->groups[i]->rows[k].name; k++)
			opts[n++] = make_opt(arena, &conf->groups[i]->rows[k]);
	}
	return opts;
}

static bool seen_before(const struct conf *conf, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(conf->groups[k]->section,
			   conf->groups[i]->section) == 0)
			return true;
	return false;
}

static cfg_opt_t *all_opts(struct arena *arena, const struct conf *conf)
{
	size_t extra = conf->group_count + CONF_PAIR_SECTIONS, n = 0;
	cfg_opt_t *opts = section_opts(arena, conf, "", extra);
	cfg_opt_t end = CFG_END();

	while (opts[n].name)
		n++;
	for (size_t i = 0; i < conf->group_count; i++) {
		const struct settings_group *group = conf->groups[i];
		cfg_opt_t section = CFG_SEC(
			arena_cstr(arena, slice_cstr(group->section)),
			section_opts(arena, conf, group->section, 0),
			group->titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);

		if (group->section[0] && !seen_before(conf, i))
			opts[n++] = section;
	}
	for (size_t i = 0; i < CONF_PAIR_SECTIONS; i++) {
		cfg_opt_t *none = ARENA_ARRAY(arena, cfg_opt_t, 1);
		cfg_opt_t section = CFG_SEC(
			arena_cstr(arena, slice_cstr(conf_pair_sections[i])),
			none, CFGF_KEYSTRVAL);

		*none = end;
		opts[n++] = section;
	}
	opts[n] = end;
	return opts;
}

/* Copies what the file gave into the struct; checked already. */
static int take(struct conf *conf, cfg_opt_t *opt, const struct setting *row,
		void *base, struct err *err)
{
	unsigned count = cfg_opt_size(opt);
	struct slice *values = ARENA_ARRAY(conf->arena, struct slice,
					   (size_t)count + 1);

	for (unsigned i = 0; i < count; i++)
		values[i] = slice_cstr(cfg_opt_getnstr(opt, i));
	return value_set(row, conf->arena, values, count, base, err);
}

static bool given(const cfg_opt_t *opt)
{
	return opt && (opt->nvalues > 0 || opt->flags & CFGF_MODIFIED);
}

static int take_rows(struct conf *conf, cfg_t *cfg, size_t group, void *base,
		     bool *given_r, struct err *err)
{
	const struct setting *rows = conf->groups[group]->rows;

	for (size_t i = 0; rows[i].name; i++) {
		cfg_opt_t *opt = cfg_getopt(cfg, rows[i].name);

		if (!given(opt))
			continue;
		if (given_r)
			given_r[i] = true;
		if (take(conf, opt, &rows[i], base, err) < 0)
			return -1;
	}
	return 0;
}

static int take_group(struct conf *conf, cfg_t *cfg, size_t group,
		      struct err *err)
{
	const char *section = conf->groups[group]->section;

	if (!section[0])
		return take_rows(conf, cfg, group, conf->values[group], NULL,
				 err);
	for (unsigned i = 0; i < cfg_size(cfg, section); i++) {
		cfg_t *sub = cfg_getnsec(cfg, section, i);
		void *base = conf->values[group];
		bool *flags = NULL;

		if (conf->groups[group]->titled) {
			struct conf_block *block = conf_block_get(
				conf, group, slice_cstr(cfg_title(sub)),
				sub->line);

			if (!block)
				return err_set(err, "%s: too many '%s' blocks",
					       conf->path, section);
			base = block->values;
			flags = (bool *)block->given;
		}
		if (take_rows(conf, sub, group, base, flags, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * The library keeps no line numbers of free-form entries, so the text is
 * searched for the first line that assigns the name.
 */
static int line_of(struct slice text, struct slice name)
{
	struct slice line, piece;

	for (int number = 1; slice_next(&text, '\n', &line); number++) {
		while (slice_next(&line, '{', &piece)) {
			size_t equals = slice_find(piece, 0, '=');

			if (slice_eq(slice_trim(slice_sub(piece, 0, equals)),
				     name))
				return number;
		}
	}
	return 1;
}

static int take_pairs(struct conf *conf, cfg_t *cfg, size_t section,
		      struct slice text, struct err *err)
{
	cfg_t *sub = cfg_getsec(cfg, conf_pair_sections[section]);
	struct err why;

	for (cfg_opt_t *opt = sub ? sub->opts : NULL; opt && opt->name; opt++) {
		struct slice name = slice_cstr(opt->name);
		int line = line_of(text, name);

		if (opt->type != CFGT_STR || opt->nvalues == 0)
			continue;
		if (conf_pair_set(conf, section, name,
				  slice_cstr(cfg_opt_getnstr(
					  opt, opt->nvalues - 1)),
				  line, &why) < 0)
			return err_set(err, "%s:%d: %s", conf->path, line,
				       why.text);
	}
	return 0;
}

static int take_all(struct conf *conf, cfg_t *cfg, struct slice text,
		    struct err *err)
{
	for (size_t i = 0; i < conf->group_count; i++)
		if (take_group(conf, cfg, i, err) < 0)
			return -1;
	for (size_t i = 0; i < CONF_PAIR_SECTIONS; i++)
		if (take_pairs(conf, cfg, i, text, err) < 0)
			return -1;
	return 0;
}

int conf_parse_file(struct conf *conf, const char *path, struct err *err)
{
	struct slice text;
	cfg_t *cfg;
	int rc;

	if (conf_scan_file(conf->arena, path, &text, err) < 0)
		return -1;
	cfg = cfg_init(all_opts(conf->arena, conf), CFGF_NONE);
	cfg_set_error_function(cfg, report);
	parsing.conf = conf;
	parsing.err = err;
	parsing.failed = false;
	rc = cfg_parse_buf(cfg, text.p);
	if (rc != CFG_SUCCESS && !parsing.failed)
		err_set(err, "%s: is not a configuration file", path);
	rc = rc == CFG_SUCCESS && !parsing.failed
		     ? take_all(conf, cfg, text, err)
		     : -1;
	cfg_free(cfg);
	return rc;
}
