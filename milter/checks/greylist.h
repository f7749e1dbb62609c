/* Greylisting as a check: defers a message of an unproven sender once. */
#ifndef GATEPOST_CHECKS_GREYLIST_H
#define GATEPOST_CHECKS_GREYLIST_H

#include "milter/engine/check.h"

extern const struct check check_greylist;

#endif
