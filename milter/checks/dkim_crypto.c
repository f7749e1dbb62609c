/* OpenSSL for DKIM. Errors are cleared, so that none waits for a later
 * user of the thread's queue. */
#include "milter/checks/dkim_crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct dkim_crypto {
	EVP_MD *sha256;
	struct dkim_keys *keys;
};

struct dkim_hash {
	EVP_MD_CTX *context;
};

struct dkim_crypto *dkim_crypto_new(void)
{
	struct dkim_crypto *crypto = calloc(1, sizeof(*crypto));

	if (!crypto)
		return NULL;
	crypto->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	crypto->keys = dkim_keys_new();
	if (!crypto->sha256 || !crypto->keys)
		dkim_crypto_free(&crypto);
	return crypto;
}

void dkim_crypto_free(struct dkim_crypto **crypto)
{
	if (!*crypto)
		return;
	EVP_MD_free((*crypto)->sha256);
	dkim_keys_free(&(*crypto)->keys);
	free(*crypto);
	*crypto = NULL;
}

struct dkim_hash *dkim_hash_new(const struct dkim_crypto *crypto)
{
	struct dkim_hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return NULL;
	hash->context = EVP_MD_CTX_new();
	if (!hash->context ||
	    EVP_DigestInit_ex2(hash->context, crypto->sha256, NULL) != 1)
		dkim_hash_free(&hash);
	return hash;
}

void dkim_hash_free(struct dkim_hash **hash)
{
	if (!*hash)
		return;
	EVP_MD_CTX_free((*hash)->context);
	free(*hash);
	*hash = NULL;
}

void dkim_hash_add(struct dkim_hash *hash, struct slice bytes)
{
	if (bytes.n > 0)
		EVP_DigestUpdate(hash->context, bytes.p, bytes.n);
}

void dkim_hash_end(struct dkim_hash *hash, char digest_r[DKIM_HASH_SIZE])
{
	EVP_DigestFinal_ex(hash->context, (unsigned char *)digest_r, NULL);
}

struct dkim_keys *dkim_crypto_keys(const struct dkim_crypto *crypto)
{
	return crypto->keys;
}

static EVP_PKEY *load_key(const struct dkim_crypto *crypto,
			  const struct dkim_key *key)
{
	const unsigned char *p = (const unsigned char *)key->bytes.p;

	if (key->algorithm == DKIM_ED25519_SHA256)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p,
						   key->bytes.n);
	return dkim_keys_get(crypto->keys, key->bytes);
}

/* RFC 8463 3: what is signed is the hash, and Ed25519 hashes once more. */
static bool verify_ed25519(EVP_PKEY *key, const unsigned char *digest,
			   struct slice signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good;

	good = context &&
	       EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(context, (const unsigned char *)signature.p,
				signature.n, digest, DKIM_HASH_SIZE) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

static bool verify_rsa(EVP_PKEY *key, const unsigned char *digest,
		       struct slice signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool good;

	good = context && EVP_PKEY_verify_init(context) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	       EVP_PKEY_verify(context, (const unsigned char *)signature.p,
			       signature.n, digest, DKIM_HASH_SIZE) == 1;
	EVP_PKEY_CTX_free(context);
	return good;
}

enum dkim_proof dkim_crypto_verify(const struct dkim_crypto *crypto,
				   const struct dkim_key *key,
				   const char digest[DKIM_HASH_SIZE],
				   struct slice signature)
{
	const unsigned char *bytes = (const unsigned char *)digest;
	EVP_PKEY *loaded = load_key(crypto, key);
	bool good;

	if (!loaded) {
		ERR_clear_error();
		return DKIM_PROOF_NO_KEY;
	}
	if (key->algorithm == DKIM_ED25519_SHA256)
		good = verify_ed25519(loaded, bytes, signature);
	else
		good = verify_rsa(loaded, bytes, signature);
	EVP_PKEY_free(loaded);
	ERR_clear_error();
	return good ? DKIM_PROOF_GOOD : DKIM_PROOF_BAD;
}
