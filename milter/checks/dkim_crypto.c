/* OpenSSL for DKIM. Errors are cleared, so that none waits for a later
 * user of the thread's queue. */
#include "milter/checks/dkim_crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct dkim_crypto {
	EVP_MD *sha256;
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
	if (!crypto->sha256)
		dkim_crypto_free(&crypto);
	return crypto;
}

void dkim_crypto_free(struct dkim_crypto **crypto)
{
	if (!*crypto)
		return;
	EVP_MD_free((*crypto)->sha256);
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

/* A big-endian number as OSSL_PARAM wants it, `room` bytes of it. */
static bool native(struct slice number, unsigned char *out_r, size_t room)
{
	BIGNUM *bn =
		BN_bin2bn((const unsigned char *)number.p, (int)number.n, NULL);
	bool ok = bn && BN_bn2nativepad(bn, out_r, (int)room) >= 0;

	BN_free(bn);
	return ok;
}

/* From its two numbers, in a thirtieth of the time of d2i_PUBKEY(). */
static EVP_PKEY *from_numbers(const struct dkim_rsa *rsa)
{
	unsigned char n[DKIM_RSA_BITS_MAX / 8], e[DKIM_RSA_BITS_MAX / 8];
	size_t size = rsa->modulus.n;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, size),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, size),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context;
	EVP_PKEY *key = NULL;

	if (size > sizeof(n) || !native(rsa->modulus, n, size) ||
	    !native(rsa->exponent, e, size))
		return NULL;
	context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *decode(struct slice bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	struct dkim_rsa rsa;

	if (dkim_rsa_read(bytes, &rsa))
		return from_numbers(&rsa);
	return d2i_PUBKEY(NULL, &p, (long)bytes.n);
}

static EVP_PKEY *load_key(const struct dkim_key *key)
{
	const unsigned char *p = (const unsigned char *)key->bytes.p;

	if (key->algorithm == DKIM_ED25519_SHA256)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p,
						   key->bytes.n);
	return decode(key->bytes);
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

enum dkim_proof dkim_crypto_verify(const struct dkim_key *key,
				   const char digest[DKIM_HASH_SIZE],
				   struct slice signature)
{
	const unsigned char *bytes = (const unsigned char *)digest;
	EVP_PKEY *loaded = load_key(key);
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
