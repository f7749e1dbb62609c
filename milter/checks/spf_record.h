/*
 * SPF records as text (RFC 7208 4.5, 4.6.1, 12): which TXT record is one,
 * whether its grammar holds from end to end, and its directives one by one.
 * Nothing is copied: every slice points into the record.
 */
#ifndef GATEPOST_CHECKS_SPF_RECORD_H
#define GATEPOST_CHECKS_SPF_RECORD_H

#include "common/base/ip.h"
#include "milter/engine/auth.h"

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
};

struct spf_directive {
	enum spf_mechanism mechanism;
	enum auth_result result; /* what a match means */
	struct slice text;	 /* as published, qualifier included */
	struct slice target;	 /* <domain-spec>; empty if none */
	struct ip network;	 /* ip4 and ip6; always of that family */
	int bits4, bits6;	 /* prefix lengths; a and mx use both */
};

struct spf_record {
	struct slice terms;    /* what follows "v=spf1" */
	struct slice redirect; /* <domain-spec>; empty if none */
	struct slice exp;
	size_t directives;
};

/* Why a record cannot be used: "'moo' is not a known mechanism". */
struct spf_fault {
	struct slice term; /* empty: the record as a whole */
	const char *what;
};

/* Whether a TXT record claims to be SPF: "v=spf1", then a space or nothing. */
bool spf_record_is(struct slice txt);
/*
 * Checks the grammar of the whole record, as 4.6 demands before the first
 * mechanism is evaluated. False: fault_r says what is wrong, and the result
 * of the check is permerror.
 */
bool spf_record_parse(struct slice txt, struct spf_record *record_r,
		      struct spf_fault *fault_r);
/*
 * The next directive; modifiers are passed over. Start with a copy of
 * record.terms of a record that spf_record_parse() accepted.
 */
bool spf_record_next(struct slice *terms, struct spf_directive *directive_r);

#endif
