/*
 * libspf2 as an evaluator, behind spf.evaluator = libspf2. It takes the
 * same query and gives the same outcome as spf_evaluate(), without
 * explanations and without naming the term that matched. Its limits are
 * told in spf_libspf2.c.
 */
#ifndef GATEPOST_CHECKS_SPF_LIBSPF2_H
#define GATEPOST_CHECKS_SPF_LIBSPF2_H

#include "milter/checks/spf_eval.h"

enum step spf_libspf2_evaluate(const struct spf_query *query,
			       struct spf_outcome *outcome_r);

#endif
