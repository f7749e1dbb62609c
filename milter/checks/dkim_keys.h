/*
 * Public RSA keys, decoded once and kept. OpenSSL 3.0 takes six times as
 * long to decode one as to verify a signature with it, and a few domains
 * sign most mail. What does not fit is decoded anew; many threads may ask.
 */
#ifndef GATEPOST_CHECKS_DKIM_KEYS_H
#define GATEPOST_CHECKS_DKIM_KEYS_H

#include "common/base/slice.h"

struct dkim_keys;
struct evp_pkey_st;	/* OpenSSL's EVP_PKEY */

/* NULL when memory is short. */
struct dkim_keys *dkim_keys_new(void);
void dkim_keys_free(struct dkim_keys **keys);
/*
 * The key in those bytes, a SubjectPublicKeyInfo, or NULL. The caller owns
 * a reference and drops it with EVP_PKEY_free().
 */
struct evp_pkey_st *dkim_keys_get(struct dkim_keys *keys, struct slice bytes);
/*
 * From now on keys that libopendkim decodes on this thread come from
 * `keys`; NULL ends that.
 */
void dkim_keys_lend(struct dkim_keys *keys);

#endif
