/*
 * Results of message authentication, in the words of RFC 8601 2.7. One
 * struct holds them all, so that DMARC reads what SPF and DKIM found by
 * type and not by name.
 */
#ifndef GATEPOST_ENGINE_AUTH_H
#define GATEPOST_ENGINE_AUTH_H

#include "common/base/slice.h"

enum auth_result {
	AUTH_NONE,
	AUTH_NEUTRAL,
	AUTH_PASS,
	AUTH_FAIL,
	AUTH_SOFTFAIL,
	AUTH_POLICY,
	AUTH_TEMPERROR,
	AUTH_PERMERROR,
};

/* "none", "pass", … */
const char *auth_result_word(enum auth_result result);

struct auth_spf {
	enum auth_result result;
	struct slice domain;		/* the domain examined, A-labels */
	const char *scope;		/* "mfrom" or "helo"; "" if not run */
	struct slice explanation;	/* exp= text on fail, or ours */
	enum auth_result helo_result;	/* the HELO identity, where checked */
	struct slice helo_domain;
};

struct auth_dkim {
	enum auth_result result;
	struct slice domain;		/* d= */
	struct slice selector;		/* s= */
	struct slice identity;		/* i= */
	struct slice algorithm;		/* a= */
	struct slice signature;		/* first characters of b= (RFC 6008) */
	struct slice reason;		/* why not pass, plain words */
	int key_bits;			/* RSA only */
	bool testing;			/* t=y in the key */
	bool secure;			/* key came with DNSSEC */
};

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE,
		    DMARC_POLICY_REJECT };
/* "none", "quarantine", "reject" */
const char *dmarc_policy_word(enum dmarc_policy policy);

struct auth_dmarc {
	enum auth_result result;
	struct slice domain;		/* Author Domain (RFC5322.From) */
	struct slice policy_domain;	/* where the record stands */
	struct slice org_domain;	/* organizational domain of `domain` */
	bool has_policy;
	enum dmarc_policy policy;	/* what applies to `domain` */
	enum dmarc_policy disposition;	/* what it asks us to do */
	struct slice reason;		/* plain words */
};

/* Reverse DNS confirmed by forward DNS (RFC 8601 2.7.3); none: not asked. */
struct auth_iprev {
	enum auth_result result;
	struct slice name;		/* the reverse name, empty if none */
};

#define AUTH_DKIM_MAX 10

struct auth {
	struct auth_spf spf;
	struct auth_dkim dkim[AUTH_DKIM_MAX];
	size_t dkim_count;
	struct auth_dmarc dmarc;
	struct auth_iprev iprev;
};

#endif
