/*
 * Where DMARC policies and organizational domains are found: by the DNS
 * tree walk (RFC 9989 4.10), or by the public suffix list and two names
 * (RFC 7489 3.2 and 6.6.3).
 */
#ifndef GATEPOST_CHECKS_DMARC_DISCOVER_H
#define GATEPOST_CHECKS_DMARC_DISCOVER_H

#include "milter/checks/dmarc_record.h"
#include "milter/checks/psl.h"
#include "milter/engine/check.h"

/* What one discovery needs to know. All names are lower-case A-labels. */
struct dmarc_source {
	struct arena *arena;
	struct lookups *lookups;
	enum dmarc_rfc rfc;
	const struct suffixes *suffixes; /* for RFC 7489 only */
};

enum dmarc_state {
	DMARC_STATE_FOUND,
	DMARC_STATE_NONE,    /* no record: DMARC does not apply */
	DMARC_STATE_SEVERAL, /* more than one at a name, and no other */
	DMARC_STATE_FAILED,  /* DNS did not answer: nobody knows */
};

struct dmarc_found {
	enum dmarc_state state;
	struct dmarc_record record;
	struct slice record_domain; /* where it stands */
	struct slice failed_name;   /* for FAILED: what had no answer */
	/*
	 * The organizational domain; where org_known is false, DNS failed
	 * and org is the highest name that it could be.
	 */
	struct slice org;
	bool org_known;
};

/* Asks early for all that dmarc_discover() will ask; never waits. */
void dmarc_ask(const struct dmarc_source *source, struct slice domain);

/* The record that applies to the author domain, and its organization. */
enum step dmarc_discover(const struct dmarc_source *source, struct slice domain,
			 struct dmarc_found *found_r);

/*
 * The organizational domain of an authenticated identifier. As above, it
 * may come out as not known.
 */
enum step dmarc_organization(const struct dmarc_source *source,
			     struct slice domain, struct slice *org_r,
			     bool *known_r);

#endif
