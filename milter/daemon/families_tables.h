/*
 * The tables of families; each ends with a NULL name. Rows stand in the
 * order in which they are shown.
 */
#ifndef GATEPOST_DAEMON_FAMILIES_TABLES_H
#define GATEPOST_DAEMON_FAMILIES_TABLES_H

#include "milter/daemon/families.h"

extern const struct family families_mail[];
extern const struct family families_kept[];
extern const struct family families_host[];

#endif
