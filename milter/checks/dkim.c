/*
 * DKIM as a check: what the signatures of a message mean for it. They are
 * read and their keys asked for as soon as the header is complete; the body
 * is hashed as it comes; the rest is done when all keys are there.
 */
#include "milter/checks/dkim.h"

#include "milter/checks/dkim_message.h"

struct dkim_conf {
	struct choice verifier;
	struct duration clock_slack;
	struct duration timeout;
	int64_t max_signatures;
};

/* In the order of the words of dkim.verifier. */
enum { OWN, LIBOPENDKIM };

static const struct setting rows[] = {
	SETTING(struct dkim_conf, verifier, "own", "own|libopendkim", NULL,
		"who checks signatures over the header: Gatepost itself, or "
		"the library libopendkim wherever it can"),
	SETTING(struct dkim_conf, clock_slack, "6h", "0s", "7d",
		"how far in the future a signature may say it was made; "
		"clocks of senders are wrong more often than mail is forged "
		"this way"),
	SETTING(struct dkim_conf, timeout, "10s", "1s", "120s",
		"how long a message may wait for the keys of its signatures"),
	SETTING(struct dkim_conf, max_signatures, "10", "1", "10",
		"how many signatures of a message are looked at, from the "
		"top; the rest are counted only"),
	SETTING_END,
};

static const struct settings_group dkim_settings = {
	.section = "dkim",
	.rows = rows,
	.conf_size = sizeof(struct dkim_conf),
	.doc = "DKIM: is the message signed by a domain, and unchanged since?",
};

enum { PASS, FAIL, TESTING, POLICY, TEMPERROR, PERMERROR, NONE };

static const struct symbol symbols[] = {
	[PASS] = {"DKIM_PASS", -0.2,
		  "The message has a good signature of a domain", NULL},
	[FAIL] = {"DKIM_FAIL", 1.0,
		  "The message was signed, but it was changed since, or the "
		  "signature is forged",
		  NULL},
	[TESTING] = {"DKIM_TESTING", 0.0,
		     "The message's signature is bad, but the domain says "
		     "that it is only testing",
		     NULL},
	[POLICY] = {"DKIM_POLICY", 0.0,
		    "The message's signature is good, but leaves part of the "
		    "message open to anyone",
		    NULL},
	[TEMPERROR] = {"DKIM_TEMPERROR", 0.0,
		       "DNS gave no answer, so the signature could not be "
		       "checked",
		       NULL},
	[PERMERROR] = {"DKIM_PERMERROR", 0.0,
		       "The message's signature, or its key, has errors and "
		       "cannot be used",
		       NULL},
	[NONE] = {"DKIM_NONE", 0.0, "The message is not signed", NULL},
	{0},
};

struct dkim {
	const struct dkim_conf *conf;
	struct dkim_tools tools;
};

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct dkim *dkim = ARENA_NEW(arena, struct dkim);
	struct dkim_tools *tools = &dkim->tools;

	*ready_r = dkim;
	dkim->conf = conf_group(conf, &dkim_settings);
	tools->slack_s = dkim->conf->clock_slack.ms / 1000;
	tools->max_signatures = (size_t)dkim->conf->max_signatures;
	tools->crypto = dkim_crypto_new();
	if (tools->crypto && dkim->conf->verifier.value == LIBOPENDKIM)
		tools->library = dkim_library_new((uint64_t)tools->slack_s);
	if (!tools->crypto ||
	    (!tools->library && dkim->conf->verifier.value == LIBOPENDKIM))
		return err_set(err, "dkim: OpenSSL or libopendkim cannot be "
				    "used here");
	return 0;
}

static void stop(const void *ready, struct resolver *resolver)
{
	/* Made by prepare(), and nobody reads it any more. */
	struct dkim *dkim = (struct dkim *)ready;

	(void)resolver;
	dkim_library_free(&dkim->tools.library);
	dkim_crypto_free(&dkim->tools.crypto);
}

static void limits(const void *ready, int64_t *wait_ms_r, int64_t *total_ms_r)
{
	const struct dkim *dkim = ready;

	*wait_ms_r = *total_ms_r = dkim->conf->timeout.ms;
}

static void start(struct mail *mail, unsigned index, const void *ready,
		  enum stage stage)
{
	const struct dkim *dkim = ready;

	if (stage == STAGE_HEADERS && mail_is_inbound(mail))
		mail->states[index] = dkim_message_read(mail, &dkim->tools);
}

static bool body(struct mail *mail, unsigned index, const void *ready,
		 struct slice chunk)
{
	struct dkim_message *m = mail->states[index];

	(void)ready;
	return m && dkim_message_body(m, chunk);
}

static const struct symbol *symbol_of(const struct auth_dkim *result)
{
	switch (result->result) {
	case AUTH_PASS:
		return &symbols[PASS];
	case AUTH_FAIL:
		return &symbols[result->testing ? TESTING : FAIL];
	case AUTH_POLICY:
		return &symbols[POLICY];
	case AUTH_TEMPERROR:
		return &symbols[TEMPERROR];
	default:
		return &symbols[PERMERROR];
	}
}

/*
 * One finding for the message. A bad signature beside a good one says
 * nothing: relays add theirs, and lists break the sender's (RFC 6376 6.1).
 */
static void report(const struct dkim_message *m, struct verdict *verdict)
{
	size_t count, ignored;
	const struct auth_dkim *results =
		dkim_message_results(m, &count, &ignored);
	const struct auth_dkim *best = &results[0];
	const struct symbol *symbol = symbol_of(best);

	verdict->auth.dkim_count = count;
	for (size_t i = 0; i < count; i++) {
		verdict->auth.dkim[i] = results[i];
		if (symbol_of(&results[i]) < symbol) {
			best = &results[i];
			symbol = symbol_of(best);
		}
	}
	verdict_hit(verdict, symbol, "%.*s (selector %.*s)%s%.*s%s",
		    SLICE_FMT(best->domain), SLICE_FMT(best->selector),
		    best->reason.n > 0 ? ": " : "", SLICE_FMT(best->reason),
		    ignored > 0 ? "; there are more signatures than "
				  "are looked at"
				: "");
	if (symbol == &symbols[TEMPERROR])
		verdict_outcome(verdict, OUTCOME_TEMPERROR, "%.*s",
				SLICE_FMT(best->reason));
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	const struct dkim *dkim = ready;
	struct dkim_message *m = mail->states[index];

	if (!mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "%s",
				mail->conn->user.n > 0
					? "the client logged in"
					: "the client is in trusted_networks "
					  "or has no address");
		return STEP_DONE;
	}
	if (!m) {
		verdict_hit(verdict, &symbols[NONE], NULL);
		return STEP_DONE;
	}
	if (!dkim_message_has_keys(m, mail))
		return STEP_WAIT;
	dkim_message_verify(m, mail, &dkim->tools);
	report(m, verdict);
	return STEP_DONE;
}

static void end(struct mail *mail, unsigned index, const void *ready)
{
	struct dkim_message *m = mail->states[index];

	(void)ready;
	if (m)
		dkim_message_end(m);
}

const struct check check_dkim = {
	.name = "dkim",
	.doc = "DKIM (RFC 6376): signatures of domains over the message",
	.symbols = symbols,
	.settings = &dkim_settings,
	.needs = STAGE_MESSAGE,
	.prepare = prepare,
	.limits = limits,
	.start = start,
	.body = body,
	.judge = judge,
	.end = end,
	.stop = stop,
};
