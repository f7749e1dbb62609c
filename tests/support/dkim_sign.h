/*
 * A signer for tests, written apart from the verifier: what to hash is given
 * by the caller, and what stands in the field may be anything at all.
 */
#ifndef GATEPOST_TESTS_DKIM_SIGN_H
#define GATEPOST_TESTS_DKIM_SIGN_H

#include "common/base/arena.h"

/* "rsaBITS" or "ed25519"; another key for each name ("rsa2048", "rsa2048b").
 * Made when first asked for. */
struct dkim_pair;
const struct dkim_pair *dkim_pair(const char *name);
void dkim_pairs_free(void);
/* Base64 of the public key as records hold it: SubjectPublicKeyInfo (the 32
 * bytes for ed25519), or RSAPublicKey. */
struct slice dkim_pair_spki(struct arena *a, const struct dkim_pair *pair);
struct slice dkim_pair_pkcs1(struct arena *a, const struct dkim_pair *pair);

struct dkim_sign {
	const char *tags;  /* all of the field but bh= and b= */
	const char *names; /* fields to hash, with ':' between */
	bool relaxed_header, relaxed_body;
	bool has_length;
	size_t length;	   /* canonical body bytes to hash */
	const char *key;   /* see dkim_pair() */
	const char *b;	   /* how the b= tag begins; NULL: " b=" */
	const char *after; /* what follows the value of b=; or NULL */
};

/*
 * "DKIM-Signature:…" with a final CRLF, for a header section (each field
 * ending in CRLF) and a body (CRLF line ends).
 */
struct slice dkim_sign(struct arena *a, struct slice header, struct slice body,
		       const struct dkim_sign *sign);

#endif
