/*
 * The settings of the DNS lists, and the lists they make: shipped rows,
 * overridden by `list "ZONE" { }` blocks, read into what the check works
 * with. Everything lives in the arena of the engine.
 */
#ifndef GATEPOST_CHECKS_RBL_CONF_H
#define GATEPOST_CHECKS_RBL_CONF_H

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "milter/checks/rbl_answers.h"

/* What a list is asked for. */
enum rbl_query {
	RBL_ADDRESS = 1,	/* the client's address */
	RBL_HELO = 2,		/* these are domains */
	RBL_PTR = 4,
	RBL_SENDER = 8,
	RBL_FROM = 16,
	RBL_DKIM = 32,
};
#define RBL_DOMAINS (RBL_HELO | RBL_PTR | RBL_SENDER | RBL_FROM | RBL_DKIM)

struct rbl_conf {
	bool enabled;
	bool shipped_lists;
	bool skip_private;
	struct duration timeout;
	bool test_lists;
	struct duration test_interval;
};

struct rbl_list_conf {
	bool enabled;
	struct strlist query;
	struct strlist answers;
	bool ipv4;
	bool ipv6;
	struct text test_listed;
	struct text test_unlisted;
};

extern const struct settings_group rbl_settings;	/* rbl */
extern const struct settings_group rbl_list_settings;	/* list "ZONE" */

struct rbl_list {
	struct slice zone;
	unsigned query;			/* enum rbl_query, added up */
	bool ipv4, ipv6;
	struct rbl_code *codes;
	size_t code_count;
	/* Whole names to ask when testing; empty: that half is not tested. */
	struct slice test_listed, test_unlisted;
};

/* A list as it is set, shipped rows included, before it is read. */
struct rbl_described {
	struct slice zone;
	const char *place;		/* where an error in it would be */
	struct rbl_list_conf conf;
};

/*
 * All lists in force, those that are off included: the shipped ones first,
 * then those of the file.
 */
struct rbl_described *rbl_lists_describe(struct arena *arena,
					 const struct conf *conf,
					 size_t *count_r);

#define RBL_LISTS_MAX 64

struct rbl_lists {
	struct rbl_list *list;		/* those that are enabled */
	size_t count;
	struct symbol *symbols;		/* NULL-name ended */
};

/* Errors name the list, the text that is wrong and what is allowed. */
int rbl_lists_make(struct arena *arena, const struct conf *conf,
		   struct rbl_lists *lists_r, struct err *err);

#endif
