/*
 * DMARC for one author domain: discovery, alignment, result and policy
 * (RFC 9989 4.4, 4.10.2 and 5.3; RFC 7489 3.1 and 6.6). It knows neither
 * messages nor settings.
 */
#ifndef GATEPOST_CHECKS_DMARC_EVALUATE_H
#define GATEPOST_CHECKS_DMARC_EVALUATE_H

#include "milter/checks/dmarc_discover.h"

enum dmarc_method { DMARC_SPF, DMARC_DKIM };

/* What SPF or one signature found for a domain (lower-case A-labels). */
struct dmarc_identifier {
	enum dmarc_method method;
	enum auth_result result;
	struct slice domain;
};

struct dmarc_query {
	struct dmarc_source source;
	struct slice author; /* lower-case A-labels */
	const struct dmarc_identifier *identifiers;
	size_t identifier_count;
	unsigned sample; /* 0 to 99, by chance: for pct of RFC 7489 */
};

/* Fills all of *dmarc_r; its texts live in the arena. */
enum step dmarc_evaluate(const struct dmarc_query *query,
			 struct auth_dmarc *dmarc_r);

#endif
