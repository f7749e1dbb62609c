/*
 * The record says of a message all that a try is made of, so it becomes
 * that message again: a try that is made in two ways would soon be two.
 */
#include "milter/checks/greylist_pass.h"
#include "milter/checks/greylist_try.h"
#include "milter/engine/engine.h"

#include <stdio.h>

static enum auth_result result_of(struct slice word)
{
	return slice_eq(word, slice_cstr(auth_result_word(AUTH_PASS)))
		       ? AUTH_PASS
		       : AUTH_NONE;
}

/* What of it greylist_try_make() looks at. */
static void restore_auth(const struct record_auth *from, struct auth *auth)
{
	auth->spf.result = result_of(from->spf_result);
	auth->spf.domain = from->spf_domain;
	for (size_t i = 0; i < from->dkim_count && i < AUTH_DKIM_MAX; i++)
		auth->dkim[auth->dkim_count++] = (struct auth_dkim){
			.result = result_of(from->dkim[i].result),
			.domain = from->dkim[i].domain};
}

static int none(struct err *err, const char *why)
{
	(void)err_set(err, "%s", why);
	return 0;
}

int greylist_pass(struct store *store, const struct greylist_ready *ready,
		  const struct greylist_vouch *vouch,
		  struct greylist_try *passed_r, struct err *err)
{
	const struct record *record = vouch->record;
	struct arena *arena = vouch->arena;
	struct verdict *verdict = ARENA_NEW(arena, struct verdict);
	struct conn conn = {.arena = arena, .helo = record->helo};
	struct mail mail = {.arena = arena, .conn = &conn, .verdict = verdict};
	size_t piece = (size_t)ready->conf->recipients;

	if (record->sender.n == 0)
		return none(err, "its sender is empty (a bounce): there is "
				 "nobody to let through");
	if (!ip_parse(record->client, &conn.client))
		return none(err, "it came from this host, whose mail is never "
				 "deferred");
	snprintf(mail.id, sizeof(mail.id), "%.*s", SLICE_FMT(record->id));
	mail_set_sender(&mail, record->sender);
	restore_auth(&record->auth, &verdict->auth);
	for (size_t i = 0; i < vouch->rcpt_count; i += piece) {
		size_t left = vouch->rcpt_count - i;

		mail.rcpt_count = left < piece ? left : piece;
		mail.rcpts = ARENA_ARRAY(arena, struct slice, mail.rcpt_count);
		for (size_t k = 0; k < mail.rcpt_count; k++)
			mail.rcpts[k] = vouch->rcpts[i + k];
		greylist_try_make(&mail, ready, passed_r);
		if (store_greylist_pass(store, passed_r, err) < 0)
			return -1;
	}
	return 1;
}
