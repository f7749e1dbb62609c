/*
 * A configuration: read once, immutable afterwards. A process keeps the one
 * it started with; a reload starts a new generation of processes.
 */
#ifndef GATEPOST_CONF_CONF_H
#define GATEPOST_CONF_CONF_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/setting.h"

struct conf;

/* A name in a free-form section (`score { NAME = 1.0 }`, `cap { … }`). */
struct conf_points {
	struct slice name;
	double value;
	int line;		/* in the file; 0: set on the command line */
};

/* One titled block as it stands in the file. */
struct conf_block {
	struct slice title;
	void *values;		/* the group's struct, defaults filled in */
	const bool *given;	/* per row: whether the file set it */
	int line;
};

/*
 * Reads `path` (NULL: defaults only), then applies `sets`, each
 * "key=value" (NULL-ended, or NULL). `groups` is NULL-ended and must
 * outlive the result. On failure returns NULL and err names file, line,
 * the value and what is allowed.
 */
struct conf *conf_load(const struct settings_group *const *groups,
		       const char *path, const char *const *sets,
		       struct err *err);
void conf_free(struct conf **conf);

/* The struct that a group's rows fill. */
const void *conf_group(const struct conf *conf,
		       const struct settings_group *group);
/*
 * "FILE:LINE" or "--set": where the setting `name` of an untitled group got
 * its value; NULL where it has its default. Lives in the conf.
 */
const char *conf_place(const struct conf *conf,
		       const struct settings_group *group, const char *name);
/* The blocks of a titled group, in file order. */
const struct conf_block *conf_titled(const struct conf *conf,
				     const struct settings_group *group,
				     size_t *count_r);
/* The pairs of the free-form sections "score" and "cap". */
const struct conf_points *conf_pairs(const struct conf *conf,
				     const char *section, size_t *count_r);
/* "FILE:LINE", or "--set", for messages about a pair. Lives in the conf. */
const char *conf_pair_place(const struct conf *conf,
			    const struct conf_points *pair);
/* The same for a block: where it begins. */
const char *conf_block_place(const struct conf *conf,
			     const struct conf_block *block);
/* Number that grows with each load in the master; written in records. */
uint64_t conf_generation(const struct conf *conf);
void conf_set_generation(struct conf *conf, uint64_t generation);

#endif
