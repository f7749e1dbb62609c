/* gatepost.conf(5), made from the rows of settings and symbols. */
#ifndef GATEPOST_CLI_MANUAL_H
#define GATEPOST_CLI_MANUAL_H

#include "common/base/err.h"
#include "common/conf/conf.h"

#include <stdio.h>

/* Writes the whole page; `conf` holds the defaults. */
int manual_write(FILE *out, const struct conf *conf, struct err *err);

#endif
