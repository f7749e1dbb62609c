/*
 * The well-known DNS lists that Gatepost ships with, in the same text form
 * as a `list "ZONE" { }` block of the configuration. A block for the same
 * zone overrides the rows it gives and no others.
 */
#ifndef GATEPOST_CHECKS_RBL_LISTS_H
#define GATEPOST_CHECKS_RBL_LISTS_H

#include <stdbool.h>

#define RBL_SHIPPED_ANSWERS 16

struct rbl_shipped {
	const char *zone;
	bool enabled;
	bool ipv6;
	const char *query;		/* "helo, from": see rbl_conf.h */
	const char *test_listed;	/* "": the usual one; "none" */
	const char *test_unlisted;
	const char *answers[RBL_SHIPPED_ANSWERS];	/* NULL-ended */
};

extern const struct rbl_shipped rbl_shipped[];	/* NULL-zone ended */

#endif
