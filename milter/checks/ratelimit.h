/* Rates: how much a user, client or sender domain may send. */
#ifndef GATEPOST_CHECKS_RATELIMIT_H
#define GATEPOST_CHECKS_RATELIMIT_H

#include "milter/engine/check.h"

extern const struct check check_ratelimit;

#endif
