/*
 * gatepost quarantine release and delete. A message is marked as released
 * only after the server has taken it; whatever fails before, it stays held.
 */
#include "milter/cli/quarantine_allow.h"

#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "milter/daemon/settings.h"
#include "milter/net/deliver.h"

#include <stdio.h>

/* 0: it is taken; close it. Else the exit code, with all told. */
static int take(const struct quarantine *q, const char *word, const char *what,
		struct vault_message *m, enum vault_found *found_r)
{
	struct err err = {""};
	struct slice id;
	int rc = quarantine_name(q, word, &id);

	*m = (struct vault_message){.fd = -1};
	if (rc != 0)
		return rc;
	*found_r = vault_message_take(q->vault, q->arena, id, m, &err);
	switch (*found_r) {
	case VAULT_FOUND:
		return 0;
	case VAULT_DAMAGED:
		verb_failed(&verb_quarantine, 0, "%s", err.text);
		return 0;
	case VAULT_ABSENT:
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "there is no message '%s' in the vault",
				   word);
	case VAULT_BUSY:
		return verb_failed(&verb_quarantine, EXIT_FAILED,
				   "%.*s is being released or deleted by "
				   "another process; nothing was %s",
				   SLICE_FMT(id), what);
	case VAULT_FAILED:
		break;
	}
	return quarantine_failed(&err);
}

static int tell_not_sent(const struct quarantine *q, struct slice id,
			 enum deliver_result result, const struct err *err)
{
	struct slice why = utf8_shown(q->arena, slice_cstr(err->text));

	return verb_failed(
		&verb_quarantine, EXIT_FAILED, "%.*s is still held: %.*s; %s",
		SLICE_FMT(id), SLICE_FMT(why),
		result == DELIVER_REFUSED
			? "see the server's log; a service for "
			  "release.smtp must take mail from this "
			  "host unseen; or name another recipient "
			  "with --to"
			: "try again when the server of release.smtp answers");
}

static void tell_sent(const struct quarantine *q, struct slice id,
		      const struct deliver_mail *mail)
{
	printf("%.*s was released to %.*s", SLICE_FMT(id),
	       SLICE_FMT(utf8_shown(q->arena, mail->rcpts[0])));
	if (mail->rcpt_count > 1)
		printf(" and %zu more", mail->rcpt_count - 1);
	puts(".");
}

static int send(const struct quarantine *q, struct quarantine_allow *allow,
		struct vault_message *m)
{
	const struct release_conf *conf =
		conf_group(q->conf, &release_settings);
	const struct vault_entry *entry = &m->file.entry;
	struct slice to = slice_cstr(q->to);
	struct deliver_mail mail = {
		.server = conf->smtp.s.p,
		.sender = entry->sender,
		.rcpts = q->to ? &to : entry->rcpts,
		.rcpt_count = q->to ? 1 : entry->rcpt_count,
		.fd = m->fd,
		.offset = m->file.message_at,
		.size = entry->size,
		.timeout_ms = conf->timeout.ms,
	};
	struct err err = {""};
	enum deliver_result result = deliver_mail(&mail, &err);
	int rc = EXIT_DONE;

	if (result != DELIVER_DONE)
		return tell_not_sent(q, entry->id, result, &err);
	if (vault_message_released(q->vault, m, &err) < 0)
		rc = verb_failed(&verb_quarantine, EXIT_FAILED,
				 "%.*s was sent, but is not marked as "
				 "released: %s",
				 SLICE_FMT(entry->id), err.text);
	else
		tell_sent(q, entry->id, &mail);
	if (allow) {
		int code = quarantine_allow(q, allow, m, mail.rcpts,
					    mail.rcpt_count);

		rc = rc == EXIT_DONE ? code : rc;
	}
	return rc;
}

static int release_taken(const struct quarantine *q,
			 struct quarantine_allow *allow,
			 struct vault_message *m)
{
	struct slice id = m->file.entry.id;
	struct err err = {""};

	/* Whether the recorder has been here already must not matter. */
	if (vault_is_over(conf_group(q->conf, &vault_settings),
			  m->file.entry.stored_ms, clock_wall_us() / 1000))
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "%.*s is older than vault.keep and is about "
				   "to be removed: it is not sent",
				   SLICE_FMT(id));
	if (m->state == VAULT_RELEASED && !q->to)
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "%.*s was released already; to send it "
				   "once more name who is to get it: --to ADDR",
				   SLICE_FMT(id));
	if (m->file.entry.rcpt_count == 0 && !q->to)
		return verb_failed(&verb_quarantine, EXIT_INVALID,
				   "%.*s has no recipient: name one with --to",
				   SLICE_FMT(id));
	if (!vault_message_verify(m, &err))
		return verb_failed(&verb_quarantine, EXIT_FAILED,
				   "%s; it is not sent", err.text);
	return send(q, allow, m);
}

static int release_one(const struct quarantine *q,
		       struct quarantine_allow *allow, const char *word)
{
	enum vault_found found = VAULT_FAILED;
	struct vault_message m;
	int rc = take(q, word, "sent", &m, &found);

	if (rc == 0)
		rc = found == VAULT_FOUND ? release_taken(q, allow, &m)
					  : EXIT_FAILED;
	vault_message_close(&m);
	return rc;
}

int quarantine_release(const struct quarantine *q)
{
	struct quarantine_allow *allow = NULL;
	struct err err = {""};
	int worst = EXIT_DONE;

	if (deliver_init(&err) < 0)
		return quarantine_failed(&err);
	if (q->allow_sender) {
		allow = quarantine_allow_open(q, &err);
		if (!allow)
			return quarantine_failed(&err);
	}
	for (size_t i = 0; i < q->id_count; i++) {
		int rc = release_one(q, allow, q->ids[i]);

		worst = rc > worst ? rc : worst;
	}
	quarantine_allow_close(&allow);
	return worst;
}

static int delete_one(const struct quarantine *q, const char *word)
{
	enum vault_found found = VAULT_FAILED;
	struct vault_message m;
	struct err err = {""};
	int rc = take(q, word, "deleted", &m, &found);

	if (rc == 0 && vault_message_delete(q->vault, &m, &err) < 0)
		rc = quarantine_failed(&err);
	else if (rc == 0)
		printf("%.*s was deleted.\n",
		       SLICE_FMT(slice_sub(
			       slice_cstr(m.name), 3,
			       slice_find(slice_cstr(m.name), 0, '.'))));
	vault_message_close(&m);
	return rc;
}

int quarantine_delete(const struct quarantine *q)
{
	int worst = EXIT_DONE;

	for (size_t i = 0; i < q->id_count; i++) {
		int rc = delete_one(q, q->ids[i]);

		worst = rc > worst ? rc : worst;
	}
	return worst;
}
