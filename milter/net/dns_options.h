/* Prepares a context of libunbound; for dns_unbound.c alone. */
#ifndef GATEPOST_NET_DNS_OPTIONS_H
#define GATEPOST_NET_DNS_OPTIONS_H

#include "common/base/err.h"
#include "milter/net/dns.h"

struct ub_ctx;

/*
 * Sets all options of a new context; from then on it takes no more of them.
 * The error names the setting that is wrong.
 */
int dns_options_set(struct ub_ctx *context, const struct dns_conf *conf,
		    struct err *err);

#endif
