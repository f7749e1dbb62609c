/*
 * What a DNS list answers, and what an answer means (RFC 5782 2.1, 2.3).
 * The meaning of each code stands in a line of text, in the configuration
 * as in the table that Gatepost ships:
 *
 *	127.0.0.2 RBL_NAME 4.0 a source of spam
 *	127.0.0.4-7 RBL_NAME 4.0 an exploited host
 *	127.0.*.3 RBL_NAME -0.5 a sender of high trust
 *	&8 RBL_NAME 7.5 a phishing site
 *	127.0.0.1 refused
 *
 * Code, symbol, points, and what the sender then is, as a noun phrase that
 * goes on from "is listed by zen.example as". An octet may be a number, a
 * range, or '*'; "&8" tests bits of the last three octets read as one
 * number. "refused" marks a code by which the provider turns us away.
 */
#ifndef GATEPOST_CHECKS_RBL_ANSWERS_H
#define GATEPOST_CHECKS_RBL_ANSWERS_H

#include "milter/engine/verdict.h"
#include "milter/net/resolver.h"

struct rbl_code {
	uint32_t bits;		/* "&8"; 0: the octets count */
	uint8_t low[4], high[4];
	bool refused;
	/* Not when refused: */
	const struct symbol *symbol;
	struct slice meaning;
};

/* A line as it is written. */
struct rbl_line {
	struct rbl_code code;
	struct slice symbol;	/* empty when refused */
	double points;
	struct slice meaning;
};

/* False: *wrong_r says what is wrong and what is allowed. */
bool rbl_line_parse(struct slice text, struct rbl_line *line_r,
		    const char **wrong_r);

enum rbl_finding {
	RBL_NOT_LISTED,
	RBL_LISTED,	/* some codes may apply: ask rbl_code_applies() */
	RBL_REFUSED,	/* an error of the provider: never a listing */
	RBL_OUTSIDE,	/* outside 127.0.0.0/8: a dead or broken list */
	RBL_NO_ANSWER,
};

/*
 * What the answer to an A question says as a whole. One record that is no
 * listing spoils the others. *record_r: for REFUSED and OUTSIDE, which.
 */
enum rbl_finding rbl_answer_read(const struct rbl_code *codes, size_t count,
				 const struct dns_answer *answer,
				 size_t *record_r);
/* Whether the code applies to an address of four octets. */
bool rbl_code_applies(const struct rbl_code *code, struct slice address);
/* "127.0.0.2" */
struct slice rbl_address_text(struct arena *a, struct slice address);

#endif
