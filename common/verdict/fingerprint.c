/*
 * The digest. The algorithm is fetched once per process and never changes:
 * a fetch takes longer than the digest of an address.
 */
#include "common/verdict/fingerprint.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

static EVP_MD *sha256; /* written once, by fetch() */

static _Noreturn void give_up(void)
{
	static const char text[] = "gatepost: OpenSSL offers no SHA-256\n";

	fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		give_up();
}

static bool add_part(EVP_MD_CTX *context, struct slice part)
{
	unsigned char length[8];

	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (unsigned char)((uint64_t)part.n >> (8 * i));
	return EVP_DigestUpdate(context, length, sizeof(length)) == 1 &&
	       (part.n == 0 || EVP_DigestUpdate(context, part.p, part.n) == 1);
}

static EVP_MD_CTX *begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	EVP_MD_CTX *context;

	pthread_once(&once, fetch);
	context = EVP_MD_CTX_new();
	if (!context || EVP_DigestInit_ex2(context, sha256, NULL) != 1)
		give_up();
	return context;
}

void fingerprint_bytes(struct slice bytes, unsigned char digest_r[FINGERPRINT])
{
	EVP_MD_CTX *context = begin();

	if (EVP_DigestUpdate(context, bytes.p ? bytes.p : "", bytes.n) != 1 ||
	    EVP_DigestFinal_ex(context, digest_r, NULL) != 1)
		give_up();
	EVP_MD_CTX_free(context);
}

void fingerprint(const struct slice *parts, size_t count,
		 unsigned char digest_r[FINGERPRINT])
{
	EVP_MD_CTX *context = begin();
	bool good = true;

	for (size_t i = 0; good && i < count; i++)
		good = add_part(context, parts[i]);
	if (!good || EVP_DigestFinal_ex(context, digest_r, NULL) != 1)
		give_up();
	EVP_MD_CTX_free(context);
}
