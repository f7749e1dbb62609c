/*
 * Reads a DKIM-Signature field. One function a tag; all are run, so that a
 * report names domain and selector of a field that is wrong elsewhere, and
 * the first complaint stands. Unknown tags are ignored (RFC 6376 3.2).
 */
#include "milter/checks/dkim_signature.h"

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/mail/domain.h"
#include "common/mail/tags.h"

#include <string.h>

#define SHA256_SIZE 32
/* libopendkim cuts h= at 4096 bytes, the decoded i= at 255, and refuses
 * fields above 64 KB. */
#define PLAIN_NAMES_MAX 4000
#define PLAIN_IDENTITY_MAX 250
#define PLAIN_FIELD_MAX 32768

struct reading {
	struct arena *a;
	struct slice value;
	struct tags tags;
	struct dkim_signature *sig;
};

static const char *why(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *why(struct arena *a, const char *format, ...)
{
	va_list args;
	struct slice text;

	va_start(args, format);
	text = arena_vprintf(a, format, args);
	va_end(args);
	return text.p;
}

static struct slice tag(const struct reading *r, const char *name)
{
	const struct slice *value = tags_get(&r->tags, name);

	return value ? *value : SLICE_NONE;
}

static bool has(const struct reading *r, const char *name)
{
	return tags_get(&r->tags, name) != NULL;
}

static bool is_blank(char c)
{
	return ascii_is_wsp(c) || c == '\r' || c == '\n';
}

/* Without any blanks: folds may stand inside base64 and lists. */
static struct slice collapse(struct arena *a, struct slice s)
{
	struct buf out = BUF(a);

	for (size_t i = 0; i < s.n; i++)
		if (!is_blank(s.p[i]))
			buf_add_char(&out, s.p[i]);
	return buf_slice(&out);
}

/* A value from outside, fit to be read in a sentence; NUL-terminated. */
static const char *shown(struct arena *a, struct slice s)
{
	return arena_cstr(a, slice_sub(collapse(a, s), 0, 100));
}

bool dkim_name_normalise(struct arena *a, struct slice name, size_t labels,
			 struct slice *normal_r)
{
	*normal_r = SLICE_NONE;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!ascii_is_alnum(c) && c != '-' && c != '_' && c != '.' &&
		    (unsigned char)c < 0x80)
			return false;
	}
	if (name.n == 0 || name.p[name.n - 1] == '.' ||
	    domain_labels(name) < labels)
		return false;
	return domain_normalise(a, name, normal_r);
}

/* ---- One tag each ---- */

static const char *read_version(struct reading *r)
{
	if (!has(r, "v"))
		return "tag v= is missing";
	if (!slice_eq(tag(r, "v"), SLICE("1")))
		return why(r->a, "v=%s is not version 1",
			   shown(r->a, tag(r, "v")));
	return NULL;
}

static const char *read_algorithm(struct reading *r)
{
	struct slice text = tag(r, "a");

	r->sig->algorithm_text = text;
	if (!has(r, "a"))
		return "tag a= is missing";
	if (slice_eq(text, SLICE("rsa-sha256")))
		r->sig->algorithm = DKIM_RSA_SHA256;
	else if (slice_eq(text, SLICE("ed25519-sha256")))
		r->sig->algorithm = DKIM_ED25519_SHA256;
	else if (slice_eq(text, SLICE("rsa-sha1")))
		return "rsa-sha1 is obsolete and proves nothing (RFC 8301)";
	else
		return why(r->a, "a=%s is no algorithm we know",
			   shown(r->a, text));
	return NULL;
}

static const char *read_domain(struct reading *r)
{
	if (!has(r, "d"))
		return "tag d= is missing";
	if (!dkim_name_normalise(r->a, tag(r, "d"), 2, &r->sig->domain))
		return why(r->a, "d=%s is not a domain name",
			   shown(r->a, tag(r, "d")));
	return NULL;
}

static const char *read_selector(struct reading *r)
{
	if (!has(r, "s"))
		return "tag s= is missing";
	if (!dkim_name_normalise(r->a, tag(r, "s"), 1, &r->sig->selector))
		return why(r->a, "s=%s is not a selector",
			   shown(r->a, tag(r, "s")));
	return NULL;
}

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* dkim-quoted-printable (RFC 6376 2.11). */
static bool decode_quoted(struct arena *a, struct slice s, struct slice *out_r)
{
	struct buf out = BUF(a);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (is_blank(c))
			continue;
		if (c == '=') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		buf_add_char(&out, c);
	}
	*out_r = buf_slice(&out);
	return true;
}

static const char *read_identity(struct reading *r)
{
	struct dkim_signature *sig = r->sig;
	struct slice text;
	size_t at;

	if (!has(r, "i")) {
		sig->identity =
			arena_printf(r->a, "@%.*s", SLICE_FMT(sig->domain));
		sig->identity_domain = sig->domain;
		return NULL;
	}
	if (!decode_quoted(r->a, tag(r, "i"), &text))
		return "i= has a '=' that two hexadecimal digits do not follow";
	sig->identity = text;
	at = slice_rfind(text, '@');
	if (at == text.n ||
	    !dkim_name_normalise(r->a, slice_sub(text, at + 1, text.n), 1,
				 &sig->identity_domain))
		return why(r->a, "i=%s is not an address", shown(r->a, text));
	if (!domain_is_within(sig->identity_domain, sig->domain))
		return why(r->a, "i=%s is not within d=%s", shown(r->a, text),
			   shown(r->a, sig->domain));
	return NULL;
}

static bool canon_of(struct slice word, enum dkim_canon *canon_r)
{
	if (slice_eq(word, SLICE("simple")))
		*canon_r = DKIM_SIMPLE;
	else if (slice_eq(word, SLICE("relaxed")))
		*canon_r = DKIM_RELAXED;
	else
		return false;
	return true;
}

static const char *read_canon(struct reading *r)
{
	struct slice text = tag(r, "c");
	size_t slash = slice_find(text, 0, '/');
	struct slice body = slice_sub(text, slash + 1, text.n);

	r->sig->header_canon = r->sig->body_canon = DKIM_SIMPLE;
	if (!has(r, "c"))
		return NULL;
	if (!canon_of(slice_sub(text, 0, slash), &r->sig->header_canon) ||
	    (slash < text.n && !canon_of(body, &r->sig->body_canon)))
		return why(r->a, "c=%s is no canonicalization we know",
			   shown(r->a, text));
	return NULL;
}

/* field-name of RFC 5322 2.2 */
static bool is_field_name(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.n > 0;
}

static const char *read_names(struct reading *r)
{
	struct slice rest = tag(r, "h"), name;
	struct slice *names;
	size_t count = 1;
	bool from = false;

	if (!has(r, "h"))
		return "tag h= is missing";
	for (size_t i = 0; i < rest.n; i++)
		count += rest.p[i] == ':';
	if (count > DKIM_NAMES_MAX)
		return why(r->a, "h= names %zu fields, more than %d", count,
			   DKIM_NAMES_MAX);
	names = ARENA_ARRAY(r->a, struct slice, count);
	count = 0;
	while (slice_next(&rest, ':', &name)) {
		name = slice_trim(name);
		if (!is_field_name(name))
			return "h= is not a list of field names";
		from |= slice_eq_nocase(name, SLICE("From"));
		names[count++] = name;
	}
	r->sig->names = names;
	r->sig->name_count = count;
	return from ? NULL : "the From field is not signed";
}

static const char *read_signature(struct reading *r)
{
	const struct slice *b = tags_get(&r->tags, "b");

	if (!b)
		return "tag b= is missing";
	r->sig->signature_text = collapse(r->a, *b);
	r->sig->b_from = (size_t)(b->p - r->value.p);
	while (r->value.p[r->sig->b_from - 1] != '=')
		r->sig->b_from--;
	r->sig->b_to = slice_find(r->value, r->sig->b_from, ';');
	if (!base64_decode(r->a, tag(r, "b"), &r->sig->signature) ||
	    r->sig->signature.n == 0)
		return "the signature (b=) is not base64";
	return NULL;
}

static const char *read_body_hash(struct reading *r)
{
	if (!has(r, "bh"))
		return "tag bh= is missing";
	if (!base64_decode(r->a, tag(r, "bh"), &r->sig->body_hash))
		return "the body hash (bh=) is not base64";
	if (r->sig->body_hash.n != SHA256_SIZE)
		return "the body hash (bh=) is not a SHA-256 hash";
	return NULL;
}

static bool is_number(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

static const char *read_length(struct reading *r)
{
	if (!has(r, "l"))
		return NULL;
	if (!is_number(tag(r, "l")) || tag(r, "l").n > 76)
		return "l= is not a number";
	r->sig->has_length = true;
	if (!slice_to_u64(tag(r, "l"), &r->sig->length))
		r->sig->length = UINT64_MAX;
	return NULL;
}

/* More than twelve digits may be read as infinity (RFC 6376 3.5). */
static bool read_time(struct reading *r, const char *name, int64_t *time_r)
{
	uint64_t value;

	*time_r = -1;
	if (!has(r, name))
		return true;
	if (!is_number(tag(r, name)))
		return false;
	if (tag(r, name).n > 12 || !slice_to_u64(tag(r, name), &value))
		*time_r = INT64_MAX;
	else
		*time_r = (int64_t)value;
	return true;
}

static const char *read_times(struct reading *r)
{
	struct dkim_signature *sig = r->sig;

	if (!read_time(r, "t", &sig->time))
		return "t= is not a number";
	if (!read_time(r, "x", &sig->expires))
		return "x= is not a number";
	if (sig->expires >= 0 && sig->expires <= sig->time)
		return "x= (expiry) is not later than t= (signing)";
	return NULL;
}

static const char *read_query(struct reading *r)
{
	struct slice rest = tag(r, "q"), method;

	if (!has(r, "q"))
		return NULL;
	while (slice_next(&rest, ':', &method))
		if (slice_eq(slice_trim(method), SLICE("dns/txt")))
			return NULL;
	return why(r->a, "q=%s does not name dns/txt",
		   shown(r->a, tag(r, "q")));
}

static const char *(*const readers[])(struct reading *r) = {
	read_version,	read_algorithm, read_domain, read_selector,
	read_identity,	read_canon,	read_names,  read_signature,
	read_body_hash, read_length,	read_times,  read_query,
};

/* ---- The whole ---- */

/* Tag lists are printable text and folds (RFC 6376 3.2, RFC 8616 3). */
static bool bytes_fit(struct slice value, bool *ascii_r)
{
	*ascii_r = true;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c < ' ' && !is_blank((char)c)) || c == 0x7f)
			return false;
		*ascii_r &= c < 0x80;
	}
	return true;
}

/* The library compares names without case, and finds b= by the one byte
 * before '='. */
static bool tags_are_plain(const struct tags *tags)
{
	for (size_t i = 0; i < tags->count; i++) {
		struct slice name = tags->tag[i].name;
		char last = name.p[name.n - 1];

		if (last == 'b' && (name.n > 1 || name.p[1] != '='))
			return false;
		for (size_t j = 0; j < name.n; j++)
			if (name.p[j] >= 'A' && name.p[j] <= 'Z')
				return false;
	}
	return true;
}

static bool names_signatures(const struct dkim_signature *sig)
{
	for (size_t i = 0; i < sig->name_count; i++)
		if (slice_eq_nocase(sig->names[i], SLICE("DKIM-Signature")))
			return true;
	return false;
}

static bool is_plain(const struct reading *r)
{
	const struct dkim_signature *sig = r->sig;
	struct slice identity = sig->identity;

	return !names_signatures(sig) && r->value.n <= PLAIN_FIELD_MAX &&
	       tags_are_plain(&r->tags) && tag(r, "h").n <= PLAIN_NAMES_MAX &&
	       identity.n <= PLAIN_IDENTITY_MAX &&
	       slice_find(identity, 0, '@') == slice_rfind(identity, '@') &&
	       memchr(identity.p, '\0', identity.n) == NULL &&
	       sig->expires != INT64_MAX && sig->time != INT64_MAX &&
	       sig->length <= INT64_MAX;
}

const char *dkim_signature_parse(struct arena *a, struct slice value,
				 struct dkim_signature *sig_r)
{
	struct reading r = {.a = a, .value = value, .sig = sig_r};
	const char *first = NULL;
	bool ascii;

	*sig_r = (struct dkim_signature){.time = -1, .expires = -1};
	if (!bytes_fit(value, &ascii))
		return "the DKIM-Signature field has control characters";
	tags_parse(value, &r.tags);
	if (r.tags.repeated)
		first = "a tag stands twice";
	else if (r.tags.malformed)
		first = "the DKIM-Signature field is no list of tags";
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		const char *complaint = readers[i](&r);

		if (!first)
			first = complaint;
	}
	if (!first)
		sig_r->plain = ascii && is_plain(&r);
	return first;
}
