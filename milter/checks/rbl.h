/*
 * The DNS lists as a check: `check_rbl` in the table. See rbl_conf.h for
 * the settings, rbl_answers.h for what answers mean, rbl_health.h for how
 * lists are tested.
 */
#ifndef GATEPOST_CHECKS_RBL_H
#define GATEPOST_CHECKS_RBL_H

#include "milter/engine/check.h"

extern const struct check check_rbl;

#endif
