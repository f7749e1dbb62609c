/* The inside of a configuration, for the files of this folder. */
#ifndef GATEPOST_CONF_PRIVATE_H
#define GATEPOST_CONF_PRIVATE_H

#include "common/conf/conf.h"

#define CONF_BLOCKS_MAX 256
#define CONF_PAIRS_MAX 1024

/* The free-form sections, by name: each entry is NAME = points. */
extern const char *const conf_pair_sections[];	/* NULL-ended */
#define CONF_PAIR_SECTIONS 2

struct conf_pair_list {
	struct conf_points *pairs;
	size_t count;
};

struct conf {
	struct arena *arena;
	const struct settings_group *const *groups;
	size_t group_count;
	void **values;			/* one struct per untitled group */
	int **lines;			/* per row of each group; 0: default */
	struct conf_block **blocks;	/* one array per titled group */
	size_t *block_counts;
	struct conf_pair_list pairs[CONF_PAIR_SECTIONS];
	const char *path;		/* NULL: defaults only */
	uint64_t generation;
};

/* The row `name` in some group of that section; *group_r is its index. */
const struct setting *conf_find(const struct conf *conf, struct slice section,
				struct slice name, size_t *group_r);
/* Notes where a row got its value: a line, or CONF_LINE_SET. */
#define CONF_LINE_SET (-1)
void conf_set_line(struct conf *conf, size_t group, const struct setting *row,
		   int line);
/* The block of that title, made with defaults if it is new; or NULL. */
struct conf_block *conf_block_get(struct conf *conf, size_t group,
				  struct slice title, int line);
/* Sets NAME = points in a pair section. */
int conf_pair_set(struct conf *conf, size_t section, struct slice name,
		  struct slice text, int line, struct err *err);
/* Index in conf_pair_sections, or -1. */
int conf_pair_section(struct slice name);
/* Reads the file into conf. */
int conf_parse_file(struct conf *conf, const char *path, struct err *err);
/* The file's text with its comments blanked, braces and quotes balanced. */
int conf_scan_file(struct arena *arena, const char *path,
		   struct slice *text_r, struct err *err);
/* A suggestion for a name that does not exist, or NULL. */
const char *conf_nearest(const struct conf *conf, struct slice section,
			 struct slice name);

#endif
