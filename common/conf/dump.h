/*
 * The rows of the settings as texts: the effective configuration, the
 * commented example, and the body of gatepost.conf(5).
 */
#ifndef GATEPOST_CONF_DUMP_H
#define GATEPOST_CONF_DUMP_H

#include "common/conf/conf.h"

#include <stdio.h>

/* Every setting with its value; what differs from the default is marked. */
void dump_effective(FILE *out, const struct conf *conf,
		    const struct settings_group *const *groups);
/* Every setting commented out, with its meaning, default and range. */
void dump_example(FILE *out, const struct settings_group *const *groups);
/* The sections of the manual page, in man(7) macros. */
void dump_manual(FILE *out, const struct settings_group *const *groups);

#endif
