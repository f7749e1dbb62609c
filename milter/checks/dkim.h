/* DKIM verification (RFC 6376, 8301, 8463): one row of the table. */
#ifndef GATEPOST_CHECKS_DKIM_H
#define GATEPOST_CHECKS_DKIM_H

#include "milter/engine/check.h"

extern const struct check check_dkim;

#endif
