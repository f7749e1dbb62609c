/*
 * Header edits. Removing has to be right on hostile input: thousands of
 * fields of our names, in any spelling, so candidates are sorted once
 * instead of being counted for each.
 */
#include "milter/engine/edits.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/mail/authres.h"
#include "common/verdict/seal.h"

#include <stdlib.h>

#define OUR_PREFIX "X-Gatepost-"
#define INSERTS_MAX 8

struct candidate {
	struct slice name;
	size_t position;
	bool remove;
};

static bool is_spam_field(struct slice name)
{
	return slice_eq_nocase(name, SLICE("X-Spam")) ||
	       slice_eq_nocase(name, SLICE("X-Spam-Score")) ||
	       slice_eq_nocase(name, SLICE("X-Spam-Status"));
}

/* Blanks before the colon are part of the name as the MTA passes it. */
static bool is_candidate(struct arena *arena, const struct header *header,
			 struct slice ours, struct candidate *candidate_r)
{
	struct slice name = slice_trim(header->name);

	candidate_r->name = header->name;
	candidate_r->remove = true;
	if (slice_eq_nocase(name, SLICE("Authentication-Results"))) {
		candidate_r->remove =
			authres_is_forged(arena, header->value, ours);
		return true;
	}
	return slice_starts_nocase(name, SLICE(OUR_PREFIX)) ||
	       is_spam_field(name);
}

static int by_name(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = slice_cmp_nocase(x->name, y->name);

	if (order != 0)
		return order;
	return x->position < y->position ? -1 : x->position > y->position;
}

static void add(struct decision *d, enum edit_op op, unsigned index,
		const char *name, const char *value)
{
	d->edits[d->edit_count++] = (struct edit){op, index, name, value};
}

/* Of one name: count upwards, remove downwards. */
static void remove_run(struct arena *arena, struct decision *d,
		       const struct candidate *run, size_t count)
{
	for (size_t i = count; i > 0; i--)
		if (run[i - 1].remove)
			add(d, EDIT_DELETE, (unsigned)i,
			    arena_cstr(arena, run[i - 1].name), "");
}

static void removals(const struct mail *mail, struct slice ours,
		     struct candidate *list, struct decision *d)
{
	size_t count = 0;

	for (size_t i = 0; i < mail->header_count; i++) {
		if (!is_candidate(mail->arena, &mail->headers[i], ours,
				  &list[count]))
			continue;
		list[count++].position = i;
	}
	qsort(list, count, sizeof(*list), by_name);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count; to++)
			if (!slice_eq_nocase(list[from].name, list[to].name))
				break;
		remove_run(mail->arena, d, list + from, to - from);
	}
}

static void add_property(struct authres_result *result, const char *ptype,
			 const char *name, struct slice value)
{
	result->properties[result->property_count++] =
		(struct authres_property){ptype, name, value};
}

static struct authres_result spf_result(const struct mail *mail)
{
	const struct auth_spf *spf = &mail->verdict->auth.spf;
	struct authres_result result = {
		.method = "spf", .word = auth_result_word(spf->result)};

	if (spf->scope[0] == 'h')
		add_property(&result, "smtp", "helo", spf->domain);
	else
		add_property(&result, "smtp", "mailfrom", mail->sender);
	return result;
}

static struct authres_result dkim_result(const struct auth_dkim *dkim)
{
	struct authres_result result = {
		.method = "dkim",
		.word = auth_result_word(dkim->result),
		.reason = dkim->result == AUTH_PASS ? SLICE_NONE
						    : dkim->reason};

	add_property(&result, "header", "d", dkim->domain);
	add_property(&result, "header", "s", dkim->selector);
	add_property(&result, "header", "a", dkim->algorithm);
	add_property(&result, "header", "b", dkim->signature);
	return result;
}

static struct authres_result dmarc_result(struct arena *arena,
					  const struct auth_dmarc *dmarc)
{
	struct authres_result result = {
		.method = "dmarc", .word = auth_result_word(dmarc->result)};

	if (dmarc->has_policy)
		result.comment = arena_printf(
			arena, "p=%s dis=%s", dmarc_policy_word(dmarc->policy),
			dmarc_policy_word(dmarc->disposition));
	add_property(&result, "header", "from", dmarc->domain);
	return result;
}

static const char *authentication_results(const char *authserv_id,
					  const struct mail *mail)
{
	const struct auth *auth = &mail->verdict->auth;
	struct authres_result results[AUTH_DKIM_MAX + 4];
	size_t n = 0;

	if (auth->iprev.result != AUTH_NONE) {
		results[n] = (struct authres_result){
			.method = "iprev",
			.word = auth_result_word(auth->iprev.result),
			.comment = auth->iprev.name};
		add_property(&results[n++], "policy", "iprev",
			     mail->conn->client_text);
	}
	results[n++] = spf_result(mail);
	for (size_t i = 0; i < auth->dkim_count; i++)
		results[n++] = dkim_result(&auth->dkim[i]);
	if (auth->dkim_count == 0)
		results[n++] = (struct authres_result){.method = "dkim",
						       .word = "none"};
	results[n++] = dmarc_result(mail->arena, &auth->dmarc);
	return authres_build(mail->arena, slice_cstr(authserv_id), results, n);
}

static struct slice field_value(const struct mail *mail, struct slice name)
{
	const struct header *header = mail_header(mail, name, 0);

	return header ? header->value : SLICE_NONE;
}

static const char *verdict_header(const struct seal_key *key,
				  const struct mail *mail,
				  const struct decision *d)
{
	const struct seal_fields fields = {
		.id = slice_cstr(mail->id),
		.class = d->would == ACTION_ACCEPT ? SLICE("clean")
			 : d->classed
				 ? slice_cstr(vault_class_word(d->class))
				 : SLICE("spam"),
		.action = slice_cstr(action_word(d->mailbox)),
		.score = mail->verdict->score,
		.time = clock_wall(),
		.message_id = field_value(mail, SLICE("Message-ID")),
		.from = field_value(mail, SLICE("From")),
	};

	return seal_write(mail->arena, key, &fields).p;
}

static const char *spam_status(const struct mail *mail)
{
	const struct verdict *v = mail->verdict;
	struct buf out = BUF(mail->arena);
	size_t column = 20;

	buf_printf(&out, "Yes, score=%.2f tests=", v->score);
	for (size_t i = 0; i < v->hit_count; i++) {
		struct slice name = slice_cstr(v->hits[i].symbol->name);

		if (i > 0)
			buf_add_char(&out, ',');
		if (column + name.n > 70) {
			buf_add_text(&out, "\n\t");
			column = 8;
		}
		buf_add(&out, name);
		column += name.n + 1;
	}
	return arena_cstr(mail->arena, buf_slice(&out));
}

void edits_make(const char *authserv_id, const struct seal_key *key,
		const struct mail *mail, struct decision *d)
{
	struct candidate *list = ARENA_ARRAY(mail->arena, struct candidate,
					     mail->header_count + 1);
	const char *seal = key ? verdict_header(key, mail, d) : NULL;

	d->edits = ARENA_ARRAY(mail->arena, struct edit,
			       mail->header_count + INSERTS_MAX);
	d->edit_count = 0;
	removals(mail, slice_cstr(authserv_id), list, d);
	/* Each goes on top of the one before. */
	if (mail_is_inbound(mail))
		add(d, EDIT_INSERT, 0, "Authentication-Results",
		    authentication_results(authserv_id, mail));
	if (seal)
		add(d, EDIT_INSERT, 0, SEAL_HEADER, seal);
	if (d->action != ACTION_TAG)
		return;
	add(d, EDIT_INSERT, 0, "X-Spam-Status", spam_status(mail));
	add(d, EDIT_INSERT, 0, "X-Spam-Score",
	    arena_printf(mail->arena, "%.2f", mail->verdict->score).p);
	add(d, EDIT_INSERT, 0, "X-Spam", "Yes");
}
