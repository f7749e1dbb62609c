/*
 * A configuration in memory: defaults first, then the file, then what the
 * command line sets. Everything lives in one arena.
 */
#include "common/conf/conf.h"
#include "common/base/nearest.h"
#include "common/conf/conf_private.h"
#include "common/conf/value.h"

#include <string.h>

const char *const conf_pair_sections[] = {"score", "cap", NULL};

static size_t row_count(const struct settings_group *group)
{
	size_t n = 0;

	while (group->rows[n].name)
		n++;
	return n;
}

static void *new_values(struct conf *conf, const struct settings_group *group)
{
	void *values = arena_alloc(conf->arena, group->conf_size);

	for (const struct setting *row = group->rows; row->name; row++)
		value_set_default(row, conf->arena, values);
	return values;
}

static struct conf *conf_new(const struct settings_group *const *groups)
{
	struct arena *arena = arena_new(16 * 1024);
	struct conf *conf = ARENA_NEW(arena, struct conf);

	conf->arena = arena;
	conf->groups = groups;
	while (groups[conf->group_count])
		conf->group_count++;
	conf->values = ARENA_ARRAY(arena, void *, conf->group_count);
	conf->lines = ARENA_ARRAY(arena, int *, conf->group_count);
	conf->blocks = ARENA_ARRAY(arena, struct conf_block *,
				   conf->group_count);
	conf->block_counts = ARENA_ARRAY(arena, size_t, conf->group_count);
	for (size_t i = 0; i < conf->group_count; i++) {
		if (groups[i]->titled)
			conf->blocks[i] = ARENA_ARRAY(
				arena, struct conf_block, CONF_BLOCKS_MAX);
		else
			conf->values[i] = new_values(conf, groups[i]);
		conf->lines[i] =
			ARENA_ARRAY(arena, int, row_count(groups[i]) + 1);
	}
	for (int i = 0; i < CONF_PAIR_SECTIONS; i++)
		conf->pairs[i].pairs = ARENA_ARRAY(arena, struct conf_points,
						   CONF_PAIRS_MAX);
	return conf;
}

const struct setting *conf_find(const struct conf *conf, struct slice section,
				struct slice name, size_t *group_r)
{
	for (size_t i = 0; i < conf->group_count; i++) {
		const struct settings_group *group = conf->groups[i];

		if (!slice_eq(slice_cstr(group->section), section))
			continue;
		for (const struct setting *row = group->rows; row->name; row++) {
			if (slice_eq(slice_cstr(row->name), name)) {
				*group_r = i;
				return row;
			}
		}
	}
	return NULL;
}

const char *conf_nearest(const struct conf *conf, struct slice section,
			 struct slice name)
{
	struct nearest nearest = nearest_begin(name);

	for (size_t i = 0; i < conf->group_count; i++) {
		const struct settings_group *group = conf->groups[i];

		if (section.n == 0 && group->section[0])
			nearest_offer(&nearest, group->section);
		if (!slice_eq(slice_cstr(group->section), section))
			continue;
		for (const struct setting *row = group->rows; row->name; row++)
			nearest_offer(&nearest, row->name);
	}
	for (size_t i = 0; section.n == 0 && conf_pair_sections[i]; i++)
		nearest_offer(&nearest, conf_pair_sections[i]);
	return nearest_result(&nearest);
}

void conf_set_line(struct conf *conf, size_t group, const struct setting *row,
		   int line)
{
	conf->lines[group][row - conf->groups[group]->rows] = line;
}

struct conf_block *conf_block_get(struct conf *conf, size_t group,
				  struct slice title, int line)
{
	struct conf_block *block;

	for (size_t i = 0; i < conf->block_counts[group]; i++)
		if (slice_eq_nocase(conf->blocks[group][i].title, title))
			return &conf->blocks[group][i];
	if (conf->block_counts[group] == CONF_BLOCKS_MAX)
		return NULL;
	block = &conf->blocks[group][conf->block_counts[group]++];
	block->title = arena_dup(conf->arena, title);
	block->values = new_values(conf, conf->groups[group]);
	block->given = ARENA_ARRAY(conf->arena, bool,
				   row_count(conf->groups[group]) + 1);
	block->line = line;
	return block;
}

int conf_pair_section(struct slice name)
{
	for (int i = 0; i < CONF_PAIR_SECTIONS; i++)
		if (slice_eq(slice_cstr(conf_pair_sections[i]), name))
			return i;
	return -1;
}

int conf_pair_set(struct conf *conf, size_t section, struct slice name,
		  struct slice text, int line, struct err *err)
{
	struct conf_pair_list *list = &conf->pairs[section];
	struct conf_points *pair = NULL;
	double value;

	if (!value_number(text, &value))
		return err_set(err,
			       "%s.%.*s: '%.*s' is not allowed; write a number "
			       "of points such as 1.5 or -0.2",
			       conf_pair_sections[section], SLICE_FMT(name),
			       SLICE_FMT(text));
	for (size_t i = 0; i < list->count; i++)
		if (slice_eq(list->pairs[i].name, name))
			pair = &list->pairs[i];
	if (!pair && list->count == CONF_PAIRS_MAX)
		return err_set(err, "%s: more than %d entries",
			       conf_pair_sections[section], CONF_PAIRS_MAX);
	if (!pair)
		pair = &list->pairs[list->count++];
	*pair = (struct conf_points){arena_dup(conf->arena, name), value, line};
	return 0;
}

static int unknown(const struct conf *conf, struct slice key,
		   struct slice section, struct slice name, struct err *err)
{
	const char *near = conf_nearest(conf, section, name);

	if (!near)
		return err_set(err, "--set %.*s: there is no such setting",
			       SLICE_FMT(key));
	return err_set(err,
		       "--set %.*s: there is no such setting; did you mean "
		       "'%.*s%s%s'?",
		       SLICE_FMT(key), SLICE_FMT(section),
		       section.n ? "." : "", near);
}

static int set_row(struct conf *conf, const struct setting *row, void *base,
		   struct slice text, struct err *err)
{
	struct slice *values = &text;
	size_t count = 1;

	if (row->kind == SETTING_LIST) {
		if (text.n > 1 && text.p[0] == '{' && text.p[text.n - 1] == '}')
			text = slice_sub(text, 1, text.n - 1);
		values = value_split(conf->arena, text, &count);
	}
	return value_set(row, conf->arena, values, count, base, err);
}

/* "key=value", where key is NAME, SECTION.NAME or SECTION.TITLE.NAME. */
static int apply_set(struct conf *conf, const char *set, struct err *err)
{
	struct slice whole = slice_cstr(set), key, text, section, name;
	size_t equals = slice_find(whole, 0, '='), dot, last, group;
	const struct setting *row;
	struct err why;
	int pairs;
	void *base;

	if (equals == whole.n)
		return err_set(err, "--set %s: write it as key=value", set);
	key = slice_trim(slice_sub(whole, 0, equals));
	text = slice_trim(slice_sub(whole, equals + 1, whole.n));
	dot = slice_find(key, 0, '.');
	section = dot == key.n ? SLICE("") : slice_sub(key, 0, dot);
	pairs = conf_pair_section(section);
	if (pairs >= 0) {
		if (conf_pair_set(conf, (size_t)pairs,
				  slice_sub(key, dot + 1, key.n), text, 0,
				  &why) < 0)
			return err_set(err, "--set %s", why.text);
		return 0;
	}
	last = slice_rfind(key, '.');
	name = dot == key.n ? key : slice_sub(key, last + 1, key.n);
	row = conf_find(conf, section, name, &group);
	if (!row || conf->groups[group]->titled != (dot != last))
		return unknown(conf, key, section, name, err);
	base = conf->values[group];
	conf_set_line(conf, group, row, CONF_LINE_SET);
	if (conf->groups[group]->titled) {
		struct conf_block *block = conf_block_get(
			conf, group, slice_sub(key, dot + 1, last), 0);

		if (!block)
			return err_set(err, "--set %.*s: too many blocks",
				       SLICE_FMT(key));
		((bool *)block->given)[row - conf->groups[group]->rows] = true;
		base = block->values;
	}
	if (set_row(conf, row, base, text, &why) < 0)
		return err_set(err, "--set %.*s: %s", SLICE_FMT(key), why.text);
	return 0;
}

struct conf *conf_load(const struct settings_group *const *groups,
		       const char *path, const char *const *sets,
		       struct err *err)
{
	struct conf *conf = conf_new(groups);

	if (path) {
		conf->path = arena_cstr(conf->arena, slice_cstr(path));
		if (conf_parse_file(conf, path, err) < 0)
			goto failed;
	}
	for (; sets && *sets; sets++)
		if (apply_set(conf, *sets, err) < 0)
			goto failed;
	return conf;
failed:
	conf_free(&conf);
	return NULL;
}

void conf_free(struct conf **conf)
{
	struct arena *arena;

	if (!*conf)
		return;
	arena = (*conf)->arena;
	arena_free(&arena);
	*conf = NULL;
}

const void *conf_group(const struct conf *conf,
		       const struct settings_group *group)
{
	for (size_t i = 0; i < conf->group_count; i++)
		if (conf->groups[i] == group)
			return conf->values[i];
	return NULL;
}

const char *conf_place(const struct conf *conf,
		       const struct settings_group *group, const char *name)
{
	const struct setting *row;
	size_t index;
	int line;

	row = conf_find(conf, slice_cstr(group->section), slice_cstr(name),
			&index);
	line = row ? conf->lines[index][row - conf->groups[index]->rows] : 0;
	if (line == 0)
		return NULL;
	if (line == CONF_LINE_SET)
		return "--set";
	return arena_printf(conf->arena, "%s:%d", conf->path, line).p;
}

const struct conf_block *conf_titled(const struct conf *conf,
				     const struct settings_group *group,
				     size_t *count_r)
{
	*count_r = 0;
	for (size_t i = 0; i < conf->group_count; i++) {
		if (conf->groups[i] != group)
			continue;
		*count_r = conf->block_counts[i];
		return conf->blocks[i];
	}
	return NULL;
}

const struct conf_points *conf_pairs(const struct conf *conf,
				     const char *section, size_t *count_r)
{
	int i = conf_pair_section(slice_cstr(section));

	*count_r = i < 0 ? 0 : conf->pairs[i].count;
	return i < 0 ? NULL : conf->pairs[i].pairs;
}

const char *conf_pair_place(const struct conf *conf,
			    const struct conf_points *pair)
{
	if (pair->line == 0)
		return "--set";
	return arena_printf(conf->arena, "%s:%d", conf->path, pair->line).p;
}

const char *conf_block_place(const struct conf *conf,
			     const struct conf_block *block)
{
	if (block->line == 0)
		return "--set";
	return arena_printf(conf->arena, "%s:%d", conf->path, block->line).p;
}

uint64_t conf_generation(const struct conf *conf)
{
	return conf->generation;
}

void conf_set_generation(struct conf *conf, uint64_t generation)
{
	conf->generation = generation;
}
