/*
 * The digest is fetched for each call: calls are few, and their keys are
 * not those of seals.
 */
#include "common/verdict/hmac.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#define MAC_BYTES 32

static bool make(EVP_MAC_CTX *mac, struct slice key, const struct slice *parts,
		 size_t count, unsigned char out[MAC_BYTES])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0),
		OSSL_PARAM_construct_end()};
	size_t n = 0;
	bool good = EVP_MAC_init(mac, (const unsigned char *)key.p, key.n,
				 params) == 1;

	for (size_t i = 0; good && i < count; i++)
		good = parts[i].n == 0 ||
		       EVP_MAC_update(mac, (const unsigned char *)parts[i].p,
				      parts[i].n) == 1;
	return good && EVP_MAC_final(mac, out, &n, MAC_BYTES) == 1 &&
	       n == MAC_BYTES;
}

bool hmac_sha256(struct slice key, const struct slice *parts, size_t count,
		 char hex_r[HMAC_HEX + 1])
{
	unsigned char out[MAC_BYTES];
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	bool good = mac && make(mac, key, parts, count, out);

	for (size_t i = 0; good && i < MAC_BYTES; i++)
		snprintf(hex_r + 2 * i, 3, "%02x", out[i]);
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	return good;
}
