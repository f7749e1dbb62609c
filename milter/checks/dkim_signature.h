/*
 * The DKIM-Signature field (RFC 6376 3.5, RFC 8301, RFC 8463, RFC 8616),
 * read strictly: what leaves here may be shown to libopendkim.
 */
#ifndef GATEPOST_CHECKS_DKIM_SIGNATURE_H
#define GATEPOST_CHECKS_DKIM_SIGNATURE_H

#include "common/base/arena.h"

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/* More names in h= than any signer writes; bounds the work per field. */
#define DKIM_NAMES_MAX 256

struct dkim_signature {
	/* What a report shows; filled as far as it could be read. */
	struct slice domain;	     /* d=, A-labels */
	struct slice selector;	     /* s=, A-labels */
	struct slice identity;	     /* i= decoded, or "@" and d= */
	struct slice algorithm_text; /* a= as written */
	struct slice signature_text; /* b= without blanks */

	/* Valid only when the whole field is. */
	enum dkim_algorithm algorithm;
	enum dkim_canon header_canon, body_canon;
	struct slice identity_domain; /* A-labels */
	const struct slice *names;    /* h= in order */
	size_t name_count;
	struct slice signature; /* b= decoded */
	struct slice body_hash; /* bh= decoded: 32 bytes */
	bool has_length;
	uint64_t length;     /* l=; huge values saturate */
	int64_t time;	     /* t=, or -1 */
	int64_t expires;     /* x=, or -1; INT64_MAX: never */
	size_t b_from, b_to; /* where in the field b= has its value,
			      * blanks around it included */
	/*
	 * Whether libopendkim reads this field as we do. It refuses
	 * U-labels, takes "b =" for another tag and D= for d=, cuts long
	 * values, and lets a signature cover itself when h= names
	 * DKIM-Signature.
	 */
	bool plain;
};

/*
 * Reads the value of the field (every byte after the colon). NULL when it
 * is good; else why not, in plain words, from the arena or static. Slices
 * point into value or the arena.
 */
const char *dkim_signature_parse(struct arena *a, struct slice value,
				 struct dkim_signature *sig_r);

/*
 * A domain or selector of a signature: labels of letters, digits, hyphens,
 * underscores or U-labels; at least `labels` of them, no last dot.
 */
bool dkim_name_normalise(struct arena *a, struct slice name, size_t labels,
			 struct slice *normal_r);

#endif
