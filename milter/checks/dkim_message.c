/* The signatures of one message, from fields and keys to results. */
#include "milter/checks/dkim_message.h"

#include "common/base/clock.h"
#include "milter/checks/dkim_body.h"
#include "milter/checks/dkim_headers.h"

#include <string.h>

#define SIGNATURE_SHOWN 8

/* One DKIM-Signature field. */
struct signature {
	size_t field; /* index among the header fields */
	struct dkim_signature sig;
	const char *complaint; /* why it cannot be used, or NULL */
	struct slice key_name;
	struct dkim_key key;
	unsigned body; /* index of its body hash */
};

/* A body hash that one or more signatures ask for. */
struct body {
	struct dkim_body canon;
	char digest[DKIM_HASH_SIZE];
};

struct dkim_message {
	struct signature signatures[AUTH_DKIM_MAX];
	struct auth_dkim results[AUTH_DKIM_MAX];
	size_t count;
	size_t ignored; /* fields past the limit */
	struct body bodies[AUTH_DKIM_MAX];
	unsigned body_count;
};

/* ---- The header ---- */

static struct slice time_text(struct arena *a, int64_t time)
{
	time_t seconds = (time_t)time;
	struct tm tm;
	char text[64];

	if (time == INT64_MAX || !gmtime_r(&seconds, &tm))
		return SLICE("the end of time");
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return arena_dup(a, slice_cstr(text));
}

/* RFC 6376 3.5: both are MAY; nothing good comes of the late or early. */
static const char *check_times(struct arena *a, const struct dkim_tools *tools,
			       const struct dkim_signature *sig)
{
	int64_t now = clock_wall();

	if (sig->expires >= 0 && now > sig->expires)
		return arena_printf(a, "the signature expired on %.*s",
				    SLICE_FMT(time_text(a, sig->expires)))
			.p;
	if (sig->time > now && sig->time - now > tools->slack_s)
		return arena_printf(a,
				    "the signature is from the future: "
				    "%.*s",
				    SLICE_FMT(time_text(a, sig->time)))
			.p;
	return NULL;
}

/* The running hash with that form and limit; a new one where none is. */
static unsigned find_body(struct dkim_message *m,
			  const struct dkim_tools *tools,
			  const struct dkim_signature *sig)
{
	uint64_t limit = sig->has_length ? sig->length : UINT64_MAX;
	struct dkim_body *canon;
	unsigned i;

	for (i = 0; i < m->body_count; i++) {
		canon = &m->bodies[i].canon;
		if (canon->canon == sig->body_canon && canon->limit == limit)
			return i;
	}
	canon = &m->bodies[m->body_count++].canon;
	*canon = (struct dkim_body){.canon = sig->body_canon,
				    .limit = limit,
				    .hash = dkim_hash_new(tools->crypto)};
	return i;
}

static void read_field(struct dkim_message *m, struct mail *mail,
		       const struct dkim_tools *tools, size_t field)
{
	struct signature *s = &m->signatures[m->count++];

	s->field = field;
	s->complaint = dkim_signature_parse(
		mail->arena, mail->headers[field].value, &s->sig);
	if (!s->complaint)
		s->complaint = check_times(mail->arena, tools, &s->sig);
	if (s->complaint)
		return;
	s->body = find_body(m, tools, &s->sig);
	s->key_name = arena_printf(mail->arena, "%.*s._domainkey.%.*s",
				   SLICE_FMT(s->sig.selector),
				   SLICE_FMT(s->sig.domain));
	(void)lookup(mail->lookups, DNS_TXT, s->key_name);
}

struct dkim_message *dkim_message_read(struct mail *mail,
				       const struct dkim_tools *tools)
{
	struct dkim_message *m = NULL;

	for (size_t i = 0; i < mail->header_count; i++) {
		if (!slice_eq_nocase(slice_trim(mail->headers[i].name),
				     SLICE("DKIM-Signature")))
			continue;
		if (!m)
			m = ARENA_NEW(mail->arena, struct dkim_message);
		if (m->count < tools->max_signatures)
			read_field(m, mail, tools, i);
		else
			m->ignored++;
	}
	return m;
}

/* ---- The body ---- */

bool dkim_message_body(struct dkim_message *m, struct slice chunk)
{
	for (unsigned i = 0; i < m->body_count; i++)
		dkim_body_add(&m->bodies[i].canon, chunk);
	return m->body_count > 0;
}

static void end_bodies(struct dkim_message *m)
{
	for (unsigned i = 0; i < m->body_count; i++) {
		struct body *b = &m->bodies[i];

		dkim_body_end(&b->canon);
		if (b->canon.hash)
			dkim_hash_end(b->canon.hash, b->digest);
	}
}

void dkim_message_end(struct dkim_message *m)
{
	for (unsigned i = 0; i < m->body_count; i++)
		dkim_hash_free(&m->bodies[i].canon.hash);
}

/* ---- Keys and results ---- */

bool dkim_message_has_keys(const struct dkim_message *m, struct mail *mail)
{
	bool all = true;

	for (size_t i = 0; i < m->count; i++) {
		const struct signature *s = &m->signatures[i];

		if (!s->complaint &&
		    !lookup(mail->lookups, DNS_TXT, s->key_name))
			all = false;
	}
	return all;
}

static void set_result(struct auth_dkim *result, enum auth_result word,
		       struct slice reason)
{
	result->result = word;
	result->reason = reason;
}

/* At least eight characters, and enough to tell it from the others. */
static struct slice shown_signature(const struct dkim_message *m, size_t index)
{
	struct slice text = m->signatures[index].sig.signature_text;
	size_t n = SIGNATURE_SHOWN;

	for (size_t i = 0; i < m->count; i++) {
		struct slice other = m->signatures[i].sig.signature_text;

		while (i != index && n < text.n &&
		       slice_eq(slice_sub(text, 0, n), slice_sub(other, 0, n)))
			n++;
	}
	return slice_sub(text, 0, n);
}

static void fill_result(const struct dkim_message *m, size_t index,
			struct auth_dkim *result_r)
{
	const struct dkim_signature *sig = &m->signatures[index].sig;

	*result_r = (struct auth_dkim){
		.domain = sig->domain,
		.selector = sig->selector,
		.identity = sig->identity,
		.algorithm = sig->algorithm_text,
		.signature = shown_signature(m, index),
	};
}

/* Takes the key from the answer; false when that settles the result. */
static bool take_key(struct mail *mail, struct signature *s,
		     struct auth_dkim *result)
{
	const struct dns_answer *answer =
		lookup(mail->lookups, DNS_TXT, s->key_name);
	const char *complaint;

	if (answer->status == DNS_TEMPFAIL) {
		set_result(result, AUTH_TEMPERROR,
			   arena_printf(mail->arena,
					"no answer to the question for the "
					"key %.*s: %s",
					SLICE_FMT(s->key_name),
					answer->why ? answer->why : "failed"));
		return false;
	}
	if (answer->status != DNS_FOUND) {
		set_result(result, AUTH_PERMERROR,
			   arena_printf(mail->arena, "there is no key %.*s",
					SLICE_FMT(s->key_name)));
		return false;
	}
	result->secure = answer->secure;
	complaint = dkim_key_choose(mail->arena, answer->records, answer->count,
				    &s->sig, &s->key);
	result->key_bits = s->key.bits;
	result->testing = s->key.testing;
	if (complaint)
		set_result(result, AUTH_PERMERROR,
			   arena_printf(mail->arena, "%.*s: %s",
					SLICE_FMT(s->key_name), complaint));
	return !complaint;
}

/* False when the body settles the result. */
static bool body_is_good(const struct dkim_message *m,
			 const struct signature *s, struct auth_dkim *result)
{
	const struct body *b = &m->bodies[s->body];

	if (s->sig.has_length && s->sig.length > b->canon.length)
		set_result(result, AUTH_FAIL,
			   SLICE("the body is shorter than what was signed "
				 "(l=)"));
	else if (!b->canon.hash)
		set_result(result, AUTH_TEMPERROR, SLICE("out of memory"));
	else if (memcmp(b->digest, s->sig.body_hash.p, DKIM_HASH_SIZE) != 0)
		set_result(result, AUTH_FAIL,
			   SLICE("the body was changed after it was signed"));
	else
		return true;
	return false;
}

/* A good signature that leaves part of the message open proves too little. */
static void judge_coverage(const struct mail *mail,
			   const struct dkim_message *m,
			   const struct signature *s, struct auth_dkim *result)
{
	uint64_t length = m->bodies[s->body].canon.length;
	struct slice added = dkim_headers_added(mail, &s->sig);

	if (s->sig.has_length && s->sig.length < length)
		set_result(result, AUTH_POLICY,
			   arena_printf(mail->arena,
					"only %llu of %llu bytes of the "
					"body are signed (l=)",
					(unsigned long long)s->sig.length,
					(unsigned long long)length));
	else if (added.n > 0)
		set_result(result, AUTH_POLICY,
			   arena_printf(mail->arena,
					"there is another %.*s field, which "
					"is not signed",
					SLICE_FMT(added)));
	else
		set_result(result, AUTH_PASS, SLICE_NONE);
}

static void conclude(const struct mail *mail, const struct dkim_message *m,
		     const struct signature *s, enum dkim_proof proof,
		     struct auth_dkim *result)
{

	if (proof == DKIM_PROOF_NO_KEY)
		set_result(result, AUTH_PERMERROR,
			   arena_printf(mail->arena,
					"%.*s: the key (p=) cannot be read",
					SLICE_FMT(s->key_name)));
	else if (proof == DKIM_PROOF_BAD)
		set_result(result, AUTH_FAIL,
			   SLICE("the signature does not match: header fields "
				 "were changed, or it was not made with this "
				 "key"));
	else
		judge_coverage(mail, m, s, result);
}

/* What the library cannot take, or could not come to a result about. */
static enum dkim_proof verify_ourselves(const struct mail *mail,
					const struct dkim_tools *tools,
					const struct signature *s)
{
	struct dkim_hash *hash = dkim_hash_new(tools->crypto);
	char digest[DKIM_HASH_SIZE];

	if (!hash)
		return DKIM_PROOF_NO_KEY;
	dkim_headers_hash(hash, mail, s->field, &s->sig);
	dkim_hash_end(hash, digest);
	dkim_hash_free(&hash);
	return dkim_crypto_verify(&s->key, digest, s->sig.signature);
}

/*
 * The library would use one key for all signatures of the same selector and
 * domain, though two algorithms have two.
 */
static bool shares_selector(const struct dkim_message *m,
			    const struct signature *s)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct dkim_signature *other = &m->signatures[i].sig;

		if (other->algorithm != s->sig.algorithm &&
		    slice_eq(other->selector, s->sig.selector) &&
		    slice_eq(other->domain, s->sig.domain))
			return true;
	}
	return false;
}

void dkim_message_verify(struct dkim_message *m, struct mail *mail,
			 const struct dkim_tools *tools)
{
	struct dkim_item items[AUTH_DKIM_MAX];
	size_t item_of[AUTH_DKIM_MAX], item_count = 0;
	bool open[AUTH_DKIM_MAX] = {false};

	end_bodies(m);
	for (size_t i = 0; i < m->count; i++) {
		struct signature *s = &m->signatures[i];
		struct auth_dkim *result = &m->results[i];

		fill_result(m, i, result);
		if (s->complaint)
			set_result(result, AUTH_PERMERROR,
				   slice_cstr(s->complaint));
		open[i] = !s->complaint && take_key(mail, s, result) &&
			  body_is_good(m, s, result);
		item_of[i] = AUTH_DKIM_MAX;
		if (!open[i] || !tools->library || !s->sig.plain ||
		    shares_selector(m, s))
			continue;
		item_of[i] = item_count;
		items[item_count++] = (struct dkim_item){
			.field = s->field, .sig = &s->sig, .key = &s->key};
	}
	if (item_count > 0)
		dkim_library_verify(tools->library, mail, items, item_count);
	for (size_t i = 0; i < m->count; i++) {
		const struct signature *s = &m->signatures[i];

		if (!open[i])
			continue;
		conclude(mail, m, s,
			 item_of[i] < item_count && items[item_of[i]].proven
				 ? items[item_of[i]].proof
				 : verify_ourselves(mail, tools, s),
			 &m->results[i]);
	}
}

const struct auth_dkim *dkim_message_results(const struct dkim_message *m,
					     size_t *count_r, size_t *ignored_r)
{
	*count_r = m->count;
	*ignored_r = m->ignored;
	return m->results;
}
