/* Files of the daemon, opened by a command that root may have started. */
#ifndef GATEPOST_CLI_OWNER_H
#define GATEPOST_CLI_OWNER_H

#include "common/base/err.h"
#include "common/conf/conf.h"

/*
 * Root becomes the owner of that file, or where there is none yet the
 * daemon's user, for the rest of the process, so that no file is left behind
 * that the daemon may not write. Anyone else stays who he is.
 */
int owner_become(const struct conf *conf, const char *path, struct err *err);

#endif
