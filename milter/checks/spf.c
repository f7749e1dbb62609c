/*
 * SPF as a check: which identities of a message are asked about, and what
 * the results are worth. MAIL FROM is the identity that counts; HELO stands
 * in for it when the sender is empty (RFC 7208 2.4), and is checked beside
 * it otherwise (2.3). The evaluators do the rest.
 */
#include "config.h"

#include "milter/checks/spf.h"
#include "common/mail/domain.h"
#include "milter/checks/spf_eval.h"
#include "milter/checks/spf_libspf2.h"

#include <unistd.h>

struct spf_conf {
	struct choice evaluator;
	struct duration timeout;
	int64_t lookup_limit;
	int64_t void_limit;
};

static const struct setting rows[] = {
	SETTING(struct spf_conf, evaluator, "own", "own|libspf2", NULL,
		"Who evaluates SPF records: Gatepost itself, or the library "
		"libspf2, which follows RFC 7208 less closely"),
	SETTING(struct spf_conf, timeout, "20s", "1s", "120s",
		"How long one message may wait for SPF's DNS answers in all "
		"(RFC 7208 asks for at least 20 seconds)"),
	SETTING(struct spf_conf, lookup_limit, "10", "1", "50",
		"How many terms of a record and its includes may ask DNS; "
		"more is a permanent error (RFC 7208: 10)"),
	SETTING(struct spf_conf, void_limit, "2", "0", "50",
		"How many of these lookups may find nothing; more is a "
		"permanent error (RFC 7208: 2)"),
	SETTING_END,
};

const struct settings_group spf_settings = {
	.section = "spf",
	.rows = rows,
	.conf_size = sizeof(struct spf_conf),
	.doc = "SPF: may this client send for the sender's domain?",
};

enum {
	PASS,
	FAIL,
	SOFTFAIL,
	NEUTRAL,
	NONE,
	TEMPERROR,
	PERMERROR,
	PLUSALL,
	HELO_FAIL,
};

static const struct symbol symbols[] = {
	[PASS] = {"SPF_PASS", -0.2,
		  "The sender's domain lets this client send its mail", NULL},
	[FAIL] = {"SPF_FAIL", 1.0,
		  "The sender's domain says this client must not send its "
		  "mail",
		  NULL},
	[SOFTFAIL] = {"SPF_SOFTFAIL", 0.0,
		      "The sender's domain says this client probably must "
		      "not send its mail",
		      NULL},
	[NEUTRAL] = {"SPF_NEUTRAL", 0.0,
		     "The sender's domain does not say whether this client "
		     "may send its mail",
		     NULL},
	[NONE] = {"SPF_NONE", 0.0,
		  "The sender's domain publishes no SPF record", NULL},
	[TEMPERROR] = {"SPF_TEMPERROR", 0.0,
		       "DNS gave no answer, so SPF could not be checked", NULL},
	[PERMERROR] = {"SPF_PERMERROR", 0.0,
		       "The SPF record of the sender's domain has errors and "
		       "cannot be used",
		       NULL},
	[PLUSALL] = {"SPF_PLUSALL", 4.0,
		     "The sender's domain lets nearly the whole Internet "
		     "send its mail",
		     NULL},
	[HELO_FAIL] = {"SPF_HELO_FAIL", 0.5,
		       "The client greeted with a name whose SPF record says "
		       "it must not use it",
		       NULL},
	{0},
};

typedef enum step evaluate_fn(const struct spf_query *query,
			      struct spf_outcome *outcome_r);

/* In the order of the words of spf.evaluator. */
static evaluate_fn *const evaluators[] = {
	spf_evaluate,
#ifdef HAVE_LIBSPF2
	spf_libspf2_evaluate,
#else
	NULL,
#endif
};

struct spf {
	const struct spf_conf *conf;
	evaluate_fn *evaluate;
	struct slice host; /* our name, for %{r} */
};

static struct slice own_name(struct arena *arena)
{
	char name[256];
	struct slice s;

	if (gethostname(name, sizeof(name) - 1) < 0)
		return SLICE("unknown");
	name[sizeof(name) - 1] = '\0';
	s = slice_cstr(name);
	return domain_is_fqdn(s) ? arena_dup(arena, s) : SLICE("unknown");
}

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct spf *spf = ARENA_NEW(arena, struct spf);

	spf->conf = conf_group(conf, &spf_settings);
	spf->evaluate = evaluators[spf->conf->evaluator.value];
	spf->host = own_name(arena);
	if (!spf->evaluate)
		return err_set(err, "spf.evaluator: this build has no "
				    "libspf2; use own, or build with libspf2");
	*ready_r = spf;
	return 0;
}

static void limits(const void *ready, int64_t *wait_ms_r, int64_t *total_ms_r)
{
	const struct spf *spf = ready;

	*wait_ms_r = *total_ms_r = spf->conf->timeout.ms;
}

/* What one message asks, made once; the evaluators are run repeatedly. */
struct identities {
	struct spf_query mfrom, helo;
	bool has_mfrom; /* not the empty sender */
};

/* A name that check_host() would not refuse at once (4.3). */
static bool can_have_record(struct slice domain)
{
	struct ip ip;

	return domain_labels(domain) >= 2 && domain.p[0] != '[' &&
	       !ip_parse(domain, &ip);
}

static struct slice helo_domain(const struct mail *mail)
{
	struct slice domain;

	if (!domain_normalise(mail->arena, mail->conn->helo, &domain) ||
	    !can_have_record(domain))
		return SLICE_NONE;
	return domain;
}

static struct identities *identities_new(struct mail *mail,
					 const struct spf *spf)
{
	struct identities *ids = ARENA_NEW(mail->arena, struct identities);
	const struct address *sender = &mail->sender_address;
	struct slice local = sender->local;

	ids->helo = (struct spf_query){
		.arena = mail->arena,
		.lookups = mail->lookups,
		.client = mail->conn->client,
		.domain = helo_domain(mail),
		.helo = mail->conn->helo,
		.receiver = spf->host,
		.lookup_limit = (unsigned)spf->conf->lookup_limit,
		.void_limit = (unsigned)spf->conf->void_limit,
	};
	if (ids->helo.domain.n > 0)
		ids->helo.helo = ids->helo.domain;
	ids->mfrom = ids->helo;
	ids->helo.sender = arena_printf(mail->arena, "postmaster@%.*s",
					SLICE_FMT(ids->helo.domain));
	ids->has_mfrom = mail->sender.n > 0;
	ids->mfrom.domain =
		can_have_record(sender->domain) ? sender->domain : SLICE_NONE;
	if (local.n == 0)
		local = SLICE("postmaster");
	ids->mfrom.sender =
		arena_printf(mail->arena, "%.*s@%.*s", SLICE_FMT(local),
			     SLICE_FMT(sender->domain));
	return ids;
}

/*
 * HELO is known long before the sender: ask for its record. From the
 * envelope on, the engine runs judge() as each stage comes.
 */
static void start(struct mail *mail, unsigned index, const void *ready,
		  enum stage stage)
{
	struct slice domain;

	(void)index;
	(void)ready;
	if (stage != STAGE_HELO || !mail_is_inbound(mail))
		return;
	domain = helo_domain(mail);
	if (domain.n > 0)
		(void)lookup(mail->lookups, DNS_TXT, domain);
}

static enum step evaluate(const struct spf *spf, const struct spf_query *query,
			  struct spf_outcome *outcome_r)
{
	*outcome_r = (struct spf_outcome){0};
	if (query->domain.n == 0)
		return STEP_DONE;
	return spf->evaluate(query, outcome_r);
}

static const struct symbol *symbol_of(const struct spf_outcome *outcome)
{
	static const int index[] = {
		[AUTH_NONE] = NONE,	      [AUTH_NEUTRAL] = NEUTRAL,
		[AUTH_PASS] = PASS,	      [AUTH_FAIL] = FAIL,
		[AUTH_SOFTFAIL] = SOFTFAIL,   [AUTH_POLICY] = NEUTRAL,
		[AUTH_TEMPERROR] = TEMPERROR, [AUTH_PERMERROR] = PERMERROR,
	};

	return outcome->everyone ? &symbols[PLUSALL]
				 : &symbols[index[outcome->result]];
}

static struct slice no_domain_reason(const struct mail *mail, bool has_mfrom)
{
	if (has_mfrom)
		return arena_printf(mail->arena,
				    "the sender '%.*s' has no domain that "
				    "could publish SPF",
				    SLICE_FMT(slice_sub(mail->sender, 0, 100)));
	return arena_printf(mail->arena,
			    "the sender is empty and the client greeted as "
			    "'%.*s', which is no domain that could publish SPF",
			    SLICE_FMT(slice_sub(mail->conn->helo, 0, 100)));
}

/* Records what the identity that counts has come to. */
static void report(const struct mail *mail, const struct identities *ids,
		   const struct spf_outcome *outcome, struct verdict *verdict)
{
	const struct spf_query *query =
		ids->has_mfrom ? &ids->mfrom : &ids->helo;
	struct auth_spf *auth = &verdict->auth.spf;
	struct slice reason = outcome->reason;

	if (query->domain.n == 0)
		reason = no_domain_reason(mail, ids->has_mfrom);
	auth->result = outcome->result;
	auth->domain = query->domain;
	auth->scope = ids->has_mfrom ? "mfrom" : "helo";
	auth->explanation = reason;
	if (outcome->explanation.n > 0) {
		auth->explanation = outcome->explanation;
		verdict_hit(verdict, symbol_of(outcome),
			    "%.*s; the domain explains: %.*s",
			    SLICE_FMT(reason), SLICE_FMT(outcome->explanation));
	} else {
		verdict_hit(verdict, symbol_of(outcome), "%.*s",
			    SLICE_FMT(reason));
	}
	if (outcome->result == AUTH_TEMPERROR)
		verdict_outcome(verdict, OUTCOME_TEMPERROR, "%.*s",
				SLICE_FMT(reason));
}

static const char *why_not_run(const struct mail *mail)
{
	if (mail->conn->user.n > 0)
		return "the client logged in";
	if (mail->conn->client.family == IP_NONE)
		return "the message came without a client address";
	return "the client is in trusted_networks";
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	const struct spf *spf = ready;
	struct spf_outcome helo, mfrom = {0};
	struct identities *ids = mail->states[index];
	enum step step;

	if (!mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "%s",
				why_not_run(mail));
		return STEP_DONE;
	}
	if (!ids)
		ids = mail->states[index] = identities_new(mail, spf);
	/* Both, before either may wait: their questions go out together. */
	step = evaluate(spf, &ids->helo, &helo);
	if (ids->has_mfrom && evaluate(spf, &ids->mfrom, &mfrom) == STEP_WAIT)
		step = STEP_WAIT;
	if (step == STEP_WAIT)
		return STEP_WAIT;
	verdict->auth.spf.helo_result = helo.result;
	verdict->auth.spf.helo_domain = ids->helo.domain;
	if (ids->has_mfrom && helo.result == AUTH_FAIL)
		verdict_hit(verdict, &symbols[HELO_FAIL], "%.*s",
			    SLICE_FMT(helo.reason));
	report(mail, ids, ids->has_mfrom ? &mfrom : &helo, verdict);
	return STEP_DONE;
}

const struct check check_spf = {
	.name = "spf",
	.doc = "SPF (RFC 7208): whether the client may send for the domain "
	       "of the sender and of HELO",
	.symbols = symbols,
	.settings = &spf_settings,
	.needs = STAGE_ENVELOPE,
	.prepare = prepare,
	.limits = limits,
	.start = start,
	.judge = judge,
};
