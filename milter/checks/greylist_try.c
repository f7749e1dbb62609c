/*
 * The names of a try. SPF can only pass for the sender's own domain, which
 * is part of the key already, and DKIM counts for its organization only; so
 * one name, that of the organization, says all that both can prove, and a
 * retry may be proven by the one where the first try was by the other.
 */
#include "milter/checks/greylist_try.h"
#include "common/mail/domain.h"
#include "milter/checks/greylist_sender.h"

#include <stdlib.h>

struct slice greylist_network(const struct mail *mail,
			      const struct greylist_conf *conf)
{
	struct ip base = mail->conn->client;
	size_t size = base.family == IP_V4 ? 4 : 16;
	size_t bits = (size_t)(base.family == IP_V4 ? conf->ipv4_mask
						    : conf->ipv6_mask);
	struct slice text;

	for (size_t i = 0; i < size; i++) {
		size_t kept = bits > i * 8 ? bits - i * 8 : 0;

		if (kept < 8)
			base.b[i] &= (uint8_t)(0xff00 >> kept);
	}
	text = ip_text(mail->arena, &base);
	return arena_printf(mail->arena, "%.*s/%zu", SLICE_FMT(text), bits);
}

static struct slice organization(const struct suffixes *suffixes,
				 struct slice domain)
{
	return suffixes ? suffixes_organization(suffixes, domain) : domain;
}

/* Whether the client has shown that it sends for that domain. */
static bool is_proven(const struct mail *mail, const struct suffixes *suffixes,
		      struct slice domain)
{
	const struct auth *auth = &mail->verdict->auth;
	struct slice signer;

	if (auth->spf.result == AUTH_PASS &&
	    slice_eq_nocase(auth->spf.domain, domain))
		return true;
	for (size_t i = 0; i < auth->dkim_count; i++)
		if (auth->dkim[i].result == AUTH_PASS &&
		    domain_normalise(mail->arena, auth->dkim[i].domain,
				     &signer) &&
		    slice_eq(organization(suffixes, signer),
			     organization(suffixes, domain)))
			return true;
	return false;
}

static void add_origins(const struct mail *mail,
			const struct greylist_ready *ready,
			struct greylist_try *try)
{
	struct slice domain = mail->sender_address.domain;

	try->origins[try->origin_count++] = greylist_network(mail, ready->conf);
	if (mail->sender.n == 0)
		domain_normalise(mail->arena, mail->conn->helo, &domain);
	if (domain_labels(domain) >= 2 &&
	    is_proven(mail, ready->suffixes, domain))
		try->origins[try->origin_count++] =
			organization(ready->suffixes, domain);
}

static int compare(const void *a, const void *b)
{
	return slice_cmp_nocase(*(const struct slice *)a,
				*(const struct slice *)b);
}

/* In order, so that a retry finds the same ones where there are too many. */
static void add_recipients(const struct mail *mail, size_t limit,
			   struct greylist_try *try)
{
	struct slice *rcpts =
		ARENA_ARRAY(mail->arena, struct slice, mail->rcpt_count + 1);
	size_t n = 0;

	for (size_t i = 0; i < mail->rcpt_count; i++)
		rcpts[i] = greylist_address(mail->arena, mail->rcpts[i]);
	qsort(rcpts, mail->rcpt_count, sizeof(*rcpts), compare);
	for (size_t i = 0; i < mail->rcpt_count && n < limit; i++)
		if (n == 0 || !slice_eq(rcpts[n - 1], rcpts[i]))
			rcpts[n++] = rcpts[i];
	try->rcpts = rcpts;
	try->rcpt_count = n > 0 ? n : 1;
}

void greylist_try_make(const struct mail *mail,
		       const struct greylist_ready *ready,
		       struct greylist_try *try_r)
{
	const struct greylist_conf *conf = ready->conf;

	*try_r = (struct greylist_try){
		.sender = greylist_sender(mail->arena, mail->sender),
		.record_id = slice_cstr(mail->id),
		.delay_ms = conf->delay.ms,
		.window_ms = conf->window.ms,
		.lifetime_ms = conf->pass_lifetime.ms,
	};
	add_origins(mail, ready, try_r);
	add_recipients(mail, (size_t)conf->recipients, try_r);
}
