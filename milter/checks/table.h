/*
 * The table of all checks, NULL-ended: what the daemon and the commands
 * hand to engine_new(). A new check is one file and one row here.
 */
#ifndef GATEPOST_CHECKS_TABLE_H
#define GATEPOST_CHECKS_TABLE_H

#include "milter/engine/check.h"

extern const struct check *const checks_table[];

#endif
