/*
 * A small set-associative cache: the hash names a set, and of a full set the
 * key that was not wanted for longest goes. Keys are counted references, so
 * one that goes while another thread verifies with it lives on.
 *
 * libopendkim decodes a key anew for each signature, by d2i_PUBKEY_bio(),
 * and offers no way to give it a decoded one. So that function is defined
 * here: the program's symbols come before those of libraries. It does what
 * OpenSSL's does, and takes the key from the cache that was lent to the
 * thread, if there is one. Should a later libopendkim use another function,
 * nothing but speed is lost.
 */
#include "milter/checks/dkim_keys.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "milter/checks/dkim_key.h"

#define WAYS 4
#define SETS 128

struct slot {
	EVP_PKEY *key;	      /* NULL: empty */
	unsigned char *bytes; /* what it was decoded from */
	size_t n;
	uint64_t used; /* `uses` when last wanted */
};

struct dkim_keys {
	pthread_mutex_t lock;
	uint64_t secret[2];
	uint64_t uses;
	struct slot slots[SETS][WAYS];
};

/* The one thing that d2i_PUBKEY_bio() can be told by. */
static _Thread_local struct dkim_keys *lent;

struct dkim_keys *dkim_keys_new(void)
{
	struct dkim_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	/* No secret: whoever fills a set only makes his own keys slow. */
	keys->secret[0] = (uint64_t)clock_mono_us();
	keys->secret[1] = (uintptr_t)keys;
	pthread_mutex_init(&keys->lock, NULL);
	return keys;
}

static void empty(struct slot *slot)
{
	EVP_PKEY_free(slot->key);
	free(slot->bytes);
	*slot = (struct slot){0};
}

void dkim_keys_free(struct dkim_keys **keys)
{
	if (!*keys)
		return;
	for (size_t i = 0; i < SETS * WAYS; i++)
		empty(&(*keys)->slots[i / WAYS][i % WAYS]);
	pthread_mutex_destroy(&(*keys)->lock);
	free(*keys);
	*keys = NULL;
}

static struct slot *set_of(struct dkim_keys *keys, struct slice bytes)
{
	return keys->slots[slice_hash_nocase(bytes, keys->secret) % SETS];
}

/* Under the lock. */
static EVP_PKEY *find(struct dkim_keys *keys, struct slot *set,
		      struct slice bytes)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct slot *slot = &set[i];

		if (!slot->key || slot->n != bytes.n ||
		    memcmp(slot->bytes, bytes.p, bytes.n) != 0)
			continue;
		slot->used = ++keys->uses;
		EVP_PKEY_up_ref(slot->key);
		return slot->key;
	}
	return NULL;
}

/* Under the lock. */
static void keep(struct dkim_keys *keys, struct slot *set, struct slice bytes,
		 EVP_PKEY *key)
{
	struct slot *oldest = &set[0];
	unsigned char *copy = malloc(bytes.n);

	if (!copy)
		return;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	empty(oldest);
	memcpy(copy, bytes.p, bytes.n);
	EVP_PKEY_up_ref(key);
	*oldest = (struct slot){
		.key = key, .bytes = copy, .n = bytes.n, .used = ++keys->uses};
}

/* A big-endian number as OSSL_PARAM wants it, `room` bytes of it. */
static bool native(struct slice number, unsigned char *out_r, size_t room)
{
	BIGNUM *bn = BN_bin2bn((const unsigned char *)number.p, (int)number.n,
			       NULL);
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

struct evp_pkey_st *dkim_keys_get(struct dkim_keys *keys, struct slice bytes)
{
	struct slot *set = set_of(keys, bytes);
	EVP_PKEY *key, *known;

	pthread_mutex_lock(&keys->lock);
	key = find(keys, set, bytes);
	pthread_mutex_unlock(&keys->lock);
	if (key)
		return key;
	key = decode(bytes);
	if (!key)
		return NULL;
	pthread_mutex_lock(&keys->lock);
	known = find(keys, set, bytes);
	if (!known)
		keep(keys, set, bytes, key);
	pthread_mutex_unlock(&keys->lock);
	EVP_PKEY_free(known);
	return key;
}

void dkim_keys_lend(struct dkim_keys *keys)
{
	lent = keys;
}

/* Reads memory only, which is all that it is called for. */
__attribute__((visibility("default"))) EVP_PKEY *
d2i_PUBKEY_bio(BIO *bio, EVP_PKEY **key_r)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	struct slice bytes = {p, n > 0 && p ? (size_t)n : 0};
	EVP_PKEY *key = NULL;

	if (bytes.n > 0)
		key = lent ? dkim_keys_get(lent, bytes) : decode(bytes);
	if (key && key_r) {
		EVP_PKEY_free(*key_r);
		*key_r = key;
	}
	return key;
}
