/*
 * What DKIM needs of OpenSSL: SHA-256, and the check of a signature over a
 * hash. SHA-256 is fetched once per configuration, since that costs more
 * than what is done with it.
 */
#ifndef GATEPOST_CHECKS_DKIM_CRYPTO_H
#define GATEPOST_CHECKS_DKIM_CRYPTO_H

#include "milter/checks/dkim_key.h"

#define DKIM_HASH_SIZE 32

struct dkim_crypto;
struct dkim_hash;

/* NULL when OpenSSL has no SHA-256 to offer, or memory is short. */
struct dkim_crypto *dkim_crypto_new(void);
void dkim_crypto_free(struct dkim_crypto **crypto);

/* A running hash; NULL when memory is short. Free it, ended or not. */
struct dkim_hash *dkim_hash_new(const struct dkim_crypto *crypto);
void dkim_hash_free(struct dkim_hash **hash);
void dkim_hash_add(struct dkim_hash *hash, struct slice bytes);
/* Nothing may be added afterwards. */
void dkim_hash_end(struct dkim_hash *hash, char digest_r[DKIM_HASH_SIZE]);

enum dkim_proof {
	DKIM_PROOF_GOOD,
	DKIM_PROOF_BAD,	   /* it is not that key's signature */
	DKIM_PROOF_NO_KEY, /* the key cannot be used */
};

/* Whether `signature` is that of `key` over the digest. */
enum dkim_proof dkim_crypto_verify(const struct dkim_key *key,
				   const char digest[DKIM_HASH_SIZE],
				   struct slice signature);

#endif
