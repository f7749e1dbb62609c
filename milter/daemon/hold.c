/*
 * The record goes into the vault as it would be without trouble; what is
 * recorded elsewhere is made again when the outcome is known.
 */
#include "milter/daemon/hold.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/verdict/wire.h"
#include "milter/engine/report.h"

static int store(const struct policy *policy, const struct mail *mail,
		 const struct decision *decision, struct err *err)
{
	const struct vault *vault = engine_vault(mail->engine);
	struct buf packed = BUF(mail->arena);
	struct vault_entry entry;

	if (!vault)
		return err_set(err, "there is no vault");
	if (mail->spool.state != SPOOL_SEALED)
		return err_set(err, "the message could not be kept in memory: "
				    "no memory or too many open files");
	record_pack(&packed, report_make(policy, mail, decision));
	entry = (struct vault_entry){
		.id = slice_cstr(mail->id),
		.class = decision->class,
		.reason = decision->reason,
		.rejected = decision->action == ACTION_REJECT,
		.stored_ms = clock_wall_us() / 1000,
		.sender = mail->sender,
		.rcpts = mail->rcpts,
		.rcpt_count = mail->rcpt_count,
		.record = buf_slice(&packed),
		.size = mail->spool.size,
	};
	return vault_store(vault, &entry, mail->spool.fd, err);
}

void hold_message(const struct policy *policy, struct counter_slot *slot,
		  const struct mail *mail, struct decision *decision)
{
	bool held = decision->action == ACTION_QUARANTINE;
	struct err err;

	if (!held && !(decision->keep && decision->action == ACTION_REJECT))
		return;
	decision->stored = true;
	if (store(policy, mail, decision, &err) == 0) {
		counter_add_at(slot, COUNTER_VAULT_STORED, decision->class, 1);
		return;
	}
	decision->stored = false;
	counter_add(slot, COUNTER_VAULT_FAILED, 1);
	log_error("record %s: not stored in the vault: %s; the message is %s",
		  mail->id, err.text,
		  held ? "deferred" : "rejected without a copy");
	if (held)
		policy_vault_failed(policy, mail, decision);
}
