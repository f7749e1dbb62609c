/*
 * Reads DKIM key records. RSA keys are found in two wrappings: RFC 6376
 * names RSAPublicKey, practice (and its examples) SubjectPublicKeyInfo;
 * both leave here as the latter. The numbers are read here, because OpenSSL
 * takes six times as long to find them as to verify a signature.
 */
#include "milter/checks/dkim_key.h"

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/mail/domain.h"
#include "common/mail/tags.h"

#define ED25519_SIZE 32
/* More records than this at one name are not read. */
#define RECORDS_MAX 16

static const char not_a_key[] = "the TXT record is not a DKIM key (v=DKIM1)";

/* ---- DER, as much as a public key needs ---- */

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_SEQUENCE 0x30

/* AlgorithmIdentifier of rsaEncryption: its OID and NULL. */
static const struct slice rsa_algorithm = {
	"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 15};

/* Takes the element at the front of *rest; false unless it has that tag. */
static bool der_take(struct slice *rest, unsigned char tag,
		     struct slice *content_r)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	size_t n, used = 2;

	if (rest->n < 2 || p[0] != tag)
		return false;
	n = p[1];
	if (n == 0x81 && rest->n >= 3) {
		n = p[2];
		used = 3;
	} else if (n == 0x82 && rest->n >= 4) {
		n = (size_t)p[2] << 8 | p[3];
		used = 4;
	} else if (n >= 0x80) {
		return false;
	}
	if (rest->n - used < n)
		return false;
	*content_r = slice_sub(*rest, used, used + n);
	*rest = slice_sub(*rest, used + n, rest->n);
	return true;
}

static void der_add(struct buf *out, unsigned char tag, struct slice content)
{
	buf_add_char(out, (char)tag);
	if (content.n >= 0x100) {
		buf_add_char(out, (char)0x82);
		buf_add_char(out, (char)(content.n >> 8));
	} else if (content.n >= 0x80) {
		buf_add_char(out, (char)0x81);
	}
	buf_add_char(out, (char)content.n);
	buf_add(out, content);
}

static struct slice without_zeros(struct slice number)
{
	while (number.n > 0 && number.p[0] == '\0')
		number = slice_sub(number, 1, number.n);
	return number;
}

/* Takes an RSAPublicKey apart; false if it is none. */
static bool read_numbers(struct slice der, struct dkim_rsa *rsa_r)
{
	struct slice pair, modulus, exponent;

	if (!der_take(&der, DER_SEQUENCE, &pair) || der.n > 0 ||
	    !der_take(&pair, DER_INTEGER, &modulus) ||
	    !der_take(&pair, DER_INTEGER, &exponent) || pair.n > 0)
		return false;
	rsa_r->modulus = without_zeros(modulus);
	rsa_r->exponent = without_zeros(exponent);
	return rsa_r->modulus.n > 0 && rsa_r->exponent.n > 0 &&
	       rsa_r->exponent.n <= rsa_r->modulus.n;
}

bool dkim_rsa_read(struct slice spki, struct dkim_rsa *rsa_r)
{
	struct slice content, string;

	if (!der_take(&spki, DER_SEQUENCE, &content) || spki.n > 0 ||
	    content.n < rsa_algorithm.n ||
	    !slice_eq(slice_sub(content, 0, rsa_algorithm.n), rsa_algorithm))
		return false;
	content = slice_sub(content, rsa_algorithm.n, content.n);
	return der_take(&content, DER_BIT_STRING, &string) && content.n == 0 &&
	       string.n > 0 && string.p[0] == '\0' &&
	       read_numbers(slice_sub(string, 1, string.n), rsa_r);
}

static int bits_of(struct slice number)
{
	int bits = (int)number.n * 8;

	for (unsigned top = (unsigned char)number.p[0]; top < 0x80; top *= 2)
		bits--;
	return bits;
}

/* From either wrapping to a SubjectPublicKeyInfo. */
static bool rsa_key(struct arena *a, struct slice der, struct dkim_key *key)
{
	struct buf content = BUF(a), string = BUF(a), whole = BUF(a);
	struct dkim_rsa rsa;

	key->bytes = der;
	if (read_numbers(der, &rsa)) {
		buf_add_char(&string, '\0'); /* no unused bits */
		buf_add(&string, der);
		buf_add(&content, rsa_algorithm);
		der_add(&content, DER_BIT_STRING, buf_slice(&string));
		der_add(&whole, DER_SEQUENCE, buf_slice(&content));
		key->bytes = buf_slice(&whole);
	} else if (!dkim_rsa_read(der, &rsa)) {
		return false;
	}
	key->bits = bits_of(rsa.modulus);
	return true;
}

/* ---- The record ---- */

/* Whether a colon-separated list holds one of two words. */
static bool lists(const struct slice *list, struct slice word,
		  struct slice other)
{
	struct slice rest = *list, item;

	while (slice_next(&rest, ':', &item)) {
		item = slice_trim(item);
		if (slice_eq(item, word) || slice_eq(item, other))
			return true;
	}
	return false;
}

static const char *check_type(const struct tags *tags, enum dkim_algorithm want)
{
	const struct slice *k = tags_get(tags, "k");
	bool ed25519 = k && slice_eq(*k, SLICE("ed25519"));

	if (k && !ed25519 && !slice_eq(*k, SLICE("rsa")))
		return "the key is of a type (k=) we do not know";
	if (ed25519 != (want == DKIM_ED25519_SHA256))
		return ed25519 ? "the key is for ed25519, the signature is rsa"
			       : "the key is for rsa, the signature is ed25519";
	return NULL;
}

static const char *check_uses(const struct tags *tags)
{
	const struct slice *hashes = tags_get(tags, "h");
	const struct slice *services = tags_get(tags, "s");

	if (hashes && !lists(hashes, SLICE("sha256"), SLICE("sha256")))
		return "the key does not allow sha256 (h=)";
	if (services && !lists(services, SLICE("*"), SLICE("email")))
		return "the key is not for mail (s=)";
	return NULL;
}

static const char *read_public(struct arena *a, const struct slice *p,
			       struct dkim_key *key)
{
	struct slice bytes;

	if (!p)
		return "the key record has no key (p=)";
	if (p->n == 0)
		return "the key is revoked (p= is empty)";
	if (!base64_decode(a, *p, &bytes))
		return "the key (p=) is not base64";
	if (key->algorithm == DKIM_ED25519_SHA256) {
		key->bytes = bytes;
		return bytes.n == ED25519_SIZE
			       ? NULL
			       : "the key (p=) is not an ed25519 key";
	}
	if (!rsa_key(a, bytes, key) || key->bits > DKIM_RSA_BITS_MAX)
		return "the key (p=) is not an RSA key";
	if (key->bits < DKIM_RSA_BITS_MIN)
		return arena_printf(a,
				    "the key has %d bits, less than %d "
				    "(RFC 8301)",
				    key->bits, DKIM_RSA_BITS_MIN)
			.p;
	return NULL;
}

static const char *read_flags(const struct tags *tags,
			      const struct dkim_signature *sig,
			      struct dkim_key *key)
{
	const struct slice *flags = tags_get(tags, "t");

	if (!flags)
		return NULL;
	key->testing = lists(flags, SLICE("y"), SLICE("y"));
	key->exact = lists(flags, SLICE("s"), SLICE("s"));
	if (key->exact && !slice_eq(sig->identity_domain, sig->domain))
		return "the key forbids i= below d= (t=s)";
	return NULL;
}

/* v= may be left out, but where it stands it is first and DKIM1. */
static bool version_fits(const struct tags *tags)
{
	const struct slice *v = tags_get(tags, "v");

	return !v || (v == &tags->tag[0].value && slice_eq(*v, SLICE("DKIM1")));
}

const char *dkim_key_parse(struct arena *a, struct slice record,
			   const struct dkim_signature *sig,
			   struct dkim_key *key_r)
{
	struct tags tags;
	const char *complaint;

	*key_r = (struct dkim_key){.algorithm = sig->algorithm};
	tags_parse(record, &tags);
	if (!version_fits(&tags))
		return not_a_key;
	if (tags.malformed || tags.repeated)
		return "the key record is no list of tags";
	if ((complaint = check_type(&tags, sig->algorithm)) ||
	    (complaint = check_uses(&tags)) ||
	    (complaint = read_public(a, tags_get(&tags, "p"), key_r)))
		return complaint;
	return read_flags(&tags, sig, key_r);
}

static int record_order(struct slice x, struct slice y)
{
	size_t shorter = x.n < y.n ? x.n : y.n;

	for (size_t i = 0; i < shorter; i++)
		if (x.p[i] != y.p[i])
			return (unsigned char)x.p[i] < (unsigned char)y.p[i]
				       ? -1
				       : 1;
	return (x.n > y.n) - (x.n < y.n);
}

/* The first record after `last` in byte order, or none. */
static struct slice next_record(const struct dns_record *records, size_t count,
				const struct slice *last)
{
	struct slice next = SLICE_NONE;

	for (size_t i = 0; i < count; i++) {
		struct slice data = records[i].data;

		if ((!last || record_order(data, *last) > 0) &&
		    (!next.p || record_order(data, next) < 0))
			next = data;
	}
	return next;
}

const char *dkim_key_choose(struct arena *a, const struct dns_record *records,
			    size_t count, const struct dkim_signature *sig,
			    struct dkim_key *key_r)
{
	const char *complaint = not_a_key;
	struct slice record = next_record(records, count, NULL);

	if (count > RECORDS_MAX)
		return "there are too many TXT records where the key should be";
	for (size_t i = 0; i < count && record.p; i++) {
		const char *next = dkim_key_parse(a, record, sig, key_r);

		if (!next)
			return NULL;
		if (complaint == not_a_key)
			complaint = next;
		record = next_record(records, count, &record);
	}
	return complaint;
}
