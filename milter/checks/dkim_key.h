/*
 * The key record of a DKIM signature (RFC 6376 3.6.1, RFC 8463): what a TXT
 * record at SELECTOR._domainkey.DOMAIN says, read strictly.
 */
#ifndef GATEPOST_CHECKS_DKIM_KEY_H
#define GATEPOST_CHECKS_DKIM_KEY_H

#include "milter/checks/dkim_signature.h"
#include "milter/net/resolver.h"

/* RFC 8301 3.2: shorter RSA keys never verify. */
#define DKIM_RSA_BITS_MIN 1024
#define DKIM_RSA_BITS_MAX 16384

struct dkim_key {
	enum dkim_algorithm algorithm; /* that of its type, with SHA-256 */
	/* RSA: a SubjectPublicKeyInfo, whatever the record held; Ed25519:
	 * the 32 bytes. */
	struct slice bytes;
	int bits;     /* of an RSA modulus, exactly */
	bool testing; /* t=y */
	bool exact;   /* t=s: i= must not be a subdomain of d= */
};

/*
 * Reads one record for one signature. NULL when the key may be used for it;
 * else why not, in plain words.
 */
const char *dkim_key_parse(struct arena *a, struct slice record,
			   const struct dkim_signature *sig,
			   struct dkim_key *key_r);

/* The numbers of an RSA key, big-endian without leading zeros. */
struct dkim_rsa {
	struct slice modulus, exponent;
};
/* Takes a SubjectPublicKeyInfo of an RSA key apart; false if it is none. */
bool dkim_rsa_read(struct slice spki, struct dkim_rsa *rsa_r);

/*
 * Chooses among all TXT records at the name. Several keys there are
 * undefined (RFC 6376 3.6.2.2) and we may take any that fits (6.1.2); it is
 * the first in byte order, so that the order of an answer changes nothing.
 * The complaint is about the first record that is a key at all.
 */
const char *dkim_key_choose(struct arena *a, const struct dns_record *records,
			    size_t count, const struct dkim_signature *sig,
			    struct dkim_key *key_r);

#endif
