/* The signer of the tests: whole texts, no streams, no care for speed. */
#include "tests/support/dkim_sign.h"
#include "common/base/base64.h"
#include "common/base/buf.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 16
#define FIELDS_MAX 4096

struct dkim_pair {
	char name[24];
	EVP_PKEY *key;
};

static struct dkim_pair pairs[PAIRS_MAX];

const struct dkim_pair *dkim_pair(const char *name)
{
	size_t i = 0;

	for (; i < PAIRS_MAX && pairs[i].key; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return &pairs[i];
	if (i == PAIRS_MAX)
		abort();
	strncpy(pairs[i].name, name, sizeof(pairs[i].name) - 1);
	if (strncmp(name, "rsa", 3) == 0)
		pairs[i].key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
						 (size_t)atoi(name + 3));
	else
		pairs[i].key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pairs[i].key)
		abort();
	return &pairs[i];
}

void dkim_pairs_free(void)
{
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		EVP_PKEY_free(pairs[i].key);
		pairs[i].key = NULL;
	}
}

static bool is_rsa(const struct dkim_pair *pair)
{
	return EVP_PKEY_base_id(pair->key) == EVP_PKEY_RSA;
}

struct slice dkim_pair_spki(struct arena *a, const struct dkim_pair *pair)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	struct slice text;
	int size;

	if (!is_rsa(pair)) {
		EVP_PKEY_get_raw_public_key(pair->key, raw, &n);
		return base64_encode(a, (struct slice){(char *)raw, n});
	}
	size = i2d_PUBKEY(pair->key, &der);
	text = base64_encode(a, (struct slice){(char *)der, (size_t)size});
	OPENSSL_free(der);
	return text;
}

struct slice dkim_pair_pkcs1(struct arena *a, const struct dkim_pair *pair)
{
	unsigned char *der = NULL;
	int size = i2d_PublicKey(pair->key, &der);
	struct slice text =
		base64_encode(a, (struct slice){(char *)der, (size_t)size});

	OPENSSL_free(der);
	return text;
}

static struct slice sign_hash(struct arena *a, const struct dkim_pair *pair,
			      const unsigned char hash[32])
{
	unsigned char out[1024];
	size_t n = sizeof(out);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->key, NULL);
	bool ok;

	if (is_rsa(pair))
		ok = EVP_PKEY_sign_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) ==
			     1 &&
		     EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		     EVP_PKEY_sign(ctx, out, &n, hash, 32) == 1;
	else
		ok = EVP_DigestSignInit(md, NULL, NULL, NULL, pair->key) == 1 &&
		     EVP_DigestSign(md, out, &n, hash, 32) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		abort();
	return base64_encode(a, (struct slice){(char *)out, n});
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice relaxed_field(struct arena *a, struct slice field)
{
	struct buf out = BUF(a);
	size_t colon = slice_find(field, 0, ':');
	struct slice value = slice_trim(slice_sub(field, colon + 1, field.n));

	buf_add(&out, arena_lower(a, slice_trim(slice_sub(field, 0, colon))));
	buf_add_char(&out, ':');
	for (size_t i = 0; i < value.n; i++)
		if (!blank(value.p[i]))
			buf_add_char(&out, value.p[i]);
		else if (!blank(value.p[i - 1]))
			buf_add_char(&out, ' ');
	return buf_slice(&out);
}

static struct slice canonical_body(struct arena *a, struct slice body,
				   bool relaxed)
{
	struct buf out = BUF(a);
	size_t n;

	for (size_t i = 0; i < body.n; i++) {
		size_t run = i;

		while (relaxed && run < body.n && ascii_is_wsp(body.p[run]))
			run++;
		if (run == i) {
			buf_add_char(&out, body.p[i]);
			continue;
		}
		/* Blanks before a line end go; others become one. */
		if (run < body.n && !(body.p[run] == '\r' && run + 1 < body.n &&
				      body.p[run + 1] == '\n'))
			buf_add_char(&out, ' ');
		i = run - 1;
	}
	n = out.n;
	while (n >= 2 && memcmp(out.p + n - 2, "\r\n", 2) == 0)
		n -= 2;
	out.n = n;
	if (n > 0 || !relaxed)
		buf_add_text(&out, "\r\n");
	return buf_slice(&out);
}

static void hash_of(struct slice s, unsigned char hash_r[32])
{
	EVP_Digest(s.p ? s.p : "", s.n, hash_r, NULL, EVP_sha256(), NULL);
}

/* Fields from the bottom up, each taken once (RFC 6376 5.4.2). */
static void add_fields(struct buf *out, struct slice header,
		       const struct dkim_sign *sign)
{
	struct slice fields[FIELDS_MAX], names = slice_cstr(sign->names), name;
	size_t count = 0, at = 0;

	while (at < header.n && count < FIELDS_MAX) {
		size_t end = at;

		do
			end = slice_find(header, end, '\n') + 1;
		while (end < header.n && ascii_is_wsp(header.p[end]));
		fields[count++] = slice_sub(header, at, end - 2);
		at = end;
	}
	while (slice_next(&names, ':', &name)) {
		for (size_t i = count; i > 0; i--) {
			struct slice *field = &fields[i - 1];
			struct slice its = slice_sub(
				*field, 0, slice_find(*field, 0, ':'));

			if (!field->p ||
			    !slice_eq_nocase(slice_trim(its), slice_trim(name)))
				continue;
			buf_add(out, sign->relaxed_header
					     ? relaxed_field(out->arena, *field)
					     : *field);
			buf_add_text(out, "\r\n");
			*field = SLICE_NONE;
			break;
		}
	}
}

struct slice dkim_sign(struct arena *a, struct slice header, struct slice body,
		       const struct dkim_sign *sign)
{
	struct slice canonical = canonical_body(a, body, sign->relaxed_body);
	struct buf field = BUF(a), hashed = BUF(a), whole = BUF(a);
	struct slice b, after = slice_cstr(sign->after);
	unsigned char hash[32];

	if (sign->has_length)
		canonical = slice_sub(canonical, 0, sign->length);
	hash_of(canonical, hash);
	buf_printf(&field, "DKIM-Signature: %s; bh=", sign->tags);
	buf_add(&field,
		base64_encode(a, (struct slice){(char *)hash, sizeof(hash)}));
	buf_printf(&field, ";\r\n\t%s", sign->b ? sign->b : "b=");
	add_fields(&hashed, header, sign);
	buf_add(&whole, buf_slice(&field));
	/* Blanks around the value go with it. */
	while (after.n > 0 && blank(after.p[0]))
		after = slice_sub(after, 1, after.n);
	buf_add(&whole, after);
	buf_add(&hashed, sign->relaxed_header
				 ? relaxed_field(a, buf_slice(&whole))
				 : buf_slice(&whole));
	hash_of(buf_slice(&hashed), hash);
	b = sign_hash(a, dkim_pair(sign->key), hash);
	for (size_t i = 0; i < b.n; i += 64) {
		buf_add_text(&field, i > 0 ? "\r\n\t " : "");
		buf_add(&field, slice_sub(b, i, i + 64));
	}
	buf_printf(&field, "%s\r\n", sign->after ? sign->after : "");
	return buf_slice(&field);
}
