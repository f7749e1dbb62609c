/*
 * The DMARC check: RFC 9989 by default, RFC 7489 by setting. It finds and
 * reports; whether the policy is carried out is the engine's to say
 * (dmarc.enforce).
 *
 * Messages that name no author domain, or several, are outside of DMARC
 * proper (RFC 9989 5.3.1) and a way around it (11.5). What happens to them:
 * - No From field, or no address in it whose domain could have a record:
 *   "none" (RFC 8601 2.7: no identifier could be extracted).
 * - Addresses of several domains: each is judged by itself. If any fails,
 *   the message fails by the strictest of the policies concerned (RFC 7489
 *   6.6.1, RFC 9989 11.5); it passes only if all pass.
 * - Several From fields: as before, but "permerror" where nothing failed,
 *   since no identifier aligns with a repeated field (RFC 9989 4.4).
 */
#include "milter/checks/dmarc.h"

#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/checks/dmarc_evaluate.h"

#include <string.h>

#define FIELDS_MAX 8	 /* From fields that are read */
#define ADDRESSES_MAX 50 /* addresses read in one field */
#define AUTHORS_MAX 5	 /* different domains that are judged */
#define IDENTIFIERS_MAX (AUTH_DKIM_MAX + 1)

static const struct setting dmarc_rows[] = {
	SETTING(struct dmarc_conf, discovery, "rfc9989", "rfc9989|rfc7489",
		NULL,
		"how policies and organizational domains are found: "
		"by the DNS tree walk (rfc9989) or by the public suffix "
		"list (rfc7489)"),
	SETTING(struct dmarc_conf, enforce, "no", NULL, NULL,
		"act on the policies of sender domains; otherwise a failure "
		"only adds to the score"),
	SETTING(struct dmarc_conf, action, "reject", CLASS_ACTIONS, NULL,
		"with enforce = yes, what is done when the policy asks to "
		"reject; where it asks for quarantine, quarantine holds the "
		"message in the vault, else it is tagged"),
	SETTING(struct dmarc_conf, keep, "no", NULL, NULL,
		"keep a copy in the vault of what is rejected by DMARC"),
	SETTING(struct dmarc_conf, timeout, "10s", "1s", "60s",
		"how long to wait for DNS"),
	SETTING(struct dmarc_conf, public_suffix_list, "", NULL, NULL,
		"file with the public suffix list, for rfc7489; empty: that "
		"of the system"),
	SETTING_END,
};

const struct settings_group dmarc_settings = {
	.section = "dmarc",
	.rows = dmarc_rows,
	.conf_size = sizeof(struct dmarc_conf),
	.doc = "DMARC: is the author's domain genuine?",
};

enum {
	PASS,
	REJECT,
	QUARANTINE,
	NONE_FAIL,
	NO_POLICY,
	BAD_RECORD,
	NO_AUTHOR,
	SEVERAL_AUTHORS,
	TEMPERROR,
	PERMERROR,
};

/* p=none must not change how mail is handled (RFC 9989 5.4): 0 points. */
static const struct symbol symbols[] = {
	[PASS] = {"DMARC_PASS", -0.5,
		  "The domain of the author is genuine (DMARC)", NULL},
	[REJECT] = {"DMARC_REJECT", 2.0,
		    "Forged author: its domain asks to reject such mail", NULL},
	[QUARANTINE] = {"DMARC_QUARANTINE", 1.5,
			"Forged author: its domain asks to quarantine such "
			"mail",
			NULL},
	[NONE_FAIL] = {"DMARC_NONE_FAIL", 0.0,
		       "The author could not be confirmed; its domain asks "
		       "for nothing to be done",
		       NULL},
	[NO_POLICY] = {"DMARC_NO_POLICY", 0.0,
		       "The author's domain does not use DMARC", NULL},
	[BAD_RECORD] = {"DMARC_BAD_RECORD", 0.0,
			"The DMARC record of the author's domain is unusable",
			NULL},
	[NO_AUTHOR] = {"DMARC_NO_AUTHOR", 0.0,
		       "No From address whose domain could be checked", NULL},
	[SEVERAL_AUTHORS] = {"DMARC_SEVERAL_AUTHORS", 1.0,
			     "Several From fields, or From addresses of "
			     "different domains",
			     NULL},
	[TEMPERROR] = {"DMARC_TEMPERROR", 0.0,
		       "DMARC could not be judged: DNS failed", NULL},
	[PERMERROR] = {"DMARC_PERMERROR", 0.0,
		       "DMARC could not be judged: the From field breaks "
		       "the rules",
		       NULL},
	{NULL, 0, NULL, NULL},
};

struct dmarc_ready {
	const struct dmarc_conf *conf;
	struct suffixes *suffixes; /* NULL: not needed */
};

/* Who claims to have written the message. */
struct authors {
	struct slice domains[AUTHORS_MAX];
	size_t count;
	size_t fields;	 /* From fields there are */
	bool incomplete; /* some address has no domain to judge, or
			  * there were too many */
};

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct dmarc_ready *ready = ARENA_NEW(arena, struct dmarc_ready);
	const struct dmarc_conf *dmarc = conf_group(conf, &dmarc_settings);
	struct err why;

	ready->conf = dmarc;
	*ready_r = ready;
	if (dmarc->discovery.value != DMARC_RFC7489 &&
	    dmarc->public_suffix_list.s.n == 0)
		return 0;
	ready->suffixes = suffixes_open(
		arena_cstr(arena, dmarc->public_suffix_list.s), &why);
	if (!ready->suffixes)
		return err_set(err, "dmarc.public_suffix_list: %s", why.text);
	return 0;
}

static void stop(const void *ready, struct resolver *resolver)
{
	struct suffixes *suffixes =
		((const struct dmarc_ready *)ready)->suffixes;

	(void)resolver;
	if (suffixes)
		suffixes_close(&suffixes);
}

static void limits(const void *ready, int64_t *wait_ms_r, int64_t *total_ms_r)
{
	const struct dmarc_conf *conf =
		((const struct dmarc_ready *)ready)->conf;

	*wait_ms_r = *total_ms_r = conf->timeout.ms;
}

static void add_author(struct arena *a, struct authors *authors,
		       struct slice written)
{
	struct slice domain;

	/* A domain literal ("[192.0.2.1]") is no name in DNS. */
	if (written.n == 0 || written.p[0] == '[' ||
	    !domain_normalise(a, written, &domain)) {
		authors->incomplete = true;
		return;
	}
	for (size_t i = 0; i < authors->count; i++)
		if (slice_eq(authors->domains[i], domain))
			return;
	if (authors->count == AUTHORS_MAX)
		authors->incomplete = true;
	else
		authors->domains[authors->count++] = domain;
}

static void read_field(struct arena *a, struct authors *authors,
		       struct slice value)
{
	struct mailbox_list list;

	address_list_parse(a, value, ADDRESSES_MAX, &list);
	for (size_t i = 0; i < list.count; i++)
		add_author(a, authors, list.mailbox[i].domain);
	authors->incomplete |= list.truncated;
}

/* Read once per message. */
static const struct authors *authors_of(struct mail *mail, unsigned index)
{
	struct authors *authors = mail->states[index];

	if (authors)
		return authors;
	authors = ARENA_NEW(mail->arena, struct authors);
	for (size_t i = 0; i < mail->header_count; i++) {
		const struct header *header = &mail->headers[i];

		if (!slice_eq_nocase(slice_trim(header->name), SLICE("From")))
			continue;
		if (++authors->fields > FIELDS_MAX)
			authors->incomplete = true;
		else
			read_field(mail->arena, authors, header->value);
	}
	mail->states[index] = authors;
	return authors;
}

static struct dmarc_source source_of(struct mail *mail,
				     const struct dmarc_ready *ready)
{
	return (struct dmarc_source){
		.arena = mail->arena,
		.lookups = mail->lookups,
		.rfc = (enum dmarc_rfc)ready->conf->discovery.value,
		.suffixes = ready->suffixes,
	};
}

static void start(struct mail *mail, unsigned index, const void *ready,
		  enum stage stage)
{
	struct dmarc_source source = source_of(mail, ready);
	const struct authors *authors;

	if (stage != STAGE_HEADERS || !mail_is_inbound(mail))
		return;
	authors = authors_of(mail, index);
	for (size_t i = 0; i < authors->count; i++)
		dmarc_ask(&source, authors->domains[i]);
}

static void add_identifier(struct arena *a, struct dmarc_query *query,
			   struct dmarc_identifier *identifiers,
			   struct dmarc_identifier identifier)
{
	if (domain_normalise(a, identifier.domain, &identifier.domain))
		identifiers[query->identifier_count++] = identifier;
}

/*
 * What SPF and DKIM found. SPF counts for MAIL FROM only, which for an
 * empty path is that of the HELO name (RFC 7208 2.4, RFC 9989 4.4.2).
 */
static void read_identifiers(const struct mail *mail,
			     const struct verdict *verdict,
			     struct dmarc_query *query,
			     struct dmarc_identifier *identifiers)
{
	const struct auth *auth = &verdict->auth;
	const struct auth_spf *spf = &auth->spf;

	if (mail->sender.n == 0 || strcmp(spf->scope, "mfrom") == 0)
		add_identifier(mail->arena, query, identifiers,
			       (struct dmarc_identifier){DMARC_SPF, spf->result,
							 spf->domain});
	for (size_t i = 0; i < auth->dkim_count; i++)
		add_identifier(mail->arena, query, identifiers,
			       (struct dmarc_identifier){DMARC_DKIM,
							 auth->dkim[i].result,
							 auth->dkim[i].domain});
	query->identifiers = identifiers;
}

/* A number from 0 to 99 that the sender cannot foresee, by the record id. */
static unsigned sample_of(const struct mail *mail)
{
	static const uint64_t key[2] = {0, 0};

	return (unsigned)(slice_hash_nocase(slice_cstr(mail->id), key) % 100);
}

/* Which of two results counts for a message with several authors. */
static int weight(const struct auth_dmarc *dmarc)
{
	switch (dmarc->result) {
	case AUTH_FAIL:
		return 10 + (int)dmarc->disposition * 3 + (int)dmarc->policy;
	case AUTH_TEMPERROR:
		return 3;
	case AUTH_PASS:
		return 1;
	default:
		return 2;
	}
}

static enum step judge_authors(const struct authors *authors,
			       struct dmarc_query *query,
			       struct auth_dmarc *dmarc_r)
{
	enum step step = STEP_DONE;

	for (size_t i = 0; i < authors->count; i++) {
		struct auth_dmarc one;

		query->author = authors->domains[i];
		if (dmarc_evaluate(query, &one) == STEP_WAIT)
			step = STEP_WAIT;
		else if (i == 0 || weight(&one) > weight(dmarc_r))
			*dmarc_r = one;
	}
	return step;
}

/* A pass for one author says nothing about others that were not judged. */
static void correct_for_several(const struct authors *authors,
				struct auth_dmarc *dmarc)
{
	if (dmarc->result == AUTH_FAIL || dmarc->result == AUTH_TEMPERROR)
		return;
	if (authors->fields > 1) {
		dmarc->result = AUTH_PERMERROR;
		dmarc->reason = SLICE("the message has more than one From "
				      "field");
	} else if (authors->incomplete && dmarc->result == AUTH_PASS) {
		dmarc->result = AUTH_PERMERROR;
		dmarc->reason = SLICE("some From address has no domain that "
				      "could be checked");
	}
}

static void no_author(const struct authors *authors, struct verdict *verdict)
{
	struct auth_dmarc *dmarc = &verdict->auth.dmarc;

	dmarc->reason = authors->fields == 0
				? SLICE("the message has no From field")
				: SLICE("no From address has a domain that "
					"could be checked");
	if (authors->fields > 1) {
		dmarc->result = AUTH_PERMERROR;
		verdict_hit(verdict, &symbols[SEVERAL_AUTHORS],
			    "%zu From fields", authors->fields);
	}
	verdict_hit(verdict, &symbols[NO_AUTHOR], "%.*s",
		    SLICE_FMT(dmarc->reason));
}

static const struct symbol *symbol_of(const struct auth_dmarc *dmarc)
{
	static const int failed[] = {
		[DMARC_POLICY_NONE] = NONE_FAIL,
		[DMARC_POLICY_QUARANTINE] = QUARANTINE,
		[DMARC_POLICY_REJECT] = REJECT,
	};

	switch (dmarc->result) {
	case AUTH_PASS:
		return &symbols[PASS];
	case AUTH_FAIL:
		return &symbols[failed[dmarc->disposition]];
	case AUTH_TEMPERROR:
		return &symbols[TEMPERROR];
	case AUTH_PERMERROR:
		return &symbols[PERMERROR];
	default:
		return dmarc->policy_domain.n > 0 ? &symbols[BAD_RECORD]
						  : &symbols[NO_POLICY];
	}
}

static void report(const struct authors *authors, struct verdict *verdict)
{
	const struct auth_dmarc *dmarc = &verdict->auth.dmarc;

	verdict_hit(verdict, symbol_of(dmarc), "%.*s",
		    SLICE_FMT(dmarc->reason));
	if (authors->fields > 1)
		verdict_hit(verdict, &symbols[SEVERAL_AUTHORS],
			    "%zu From fields", authors->fields);
	else if (authors->count > 1)
		verdict_hit(verdict, &symbols[SEVERAL_AUTHORS],
			    "addresses of %.*s and %.*s in From",
			    SLICE_FMT(authors->domains[0]),
			    SLICE_FMT(authors->domains[1]));
	if (dmarc->result == AUTH_TEMPERROR)
		verdict_outcome(verdict, OUTCOME_TEMPERROR, "%.*s",
				SLICE_FMT(dmarc->reason));
}

static void classify(const struct dmarc_conf *conf, struct verdict *verdict)
{
	const struct auth_dmarc *dmarc = &verdict->auth.dmarc;
	enum class_action action = (enum class_action)conf->action.value;

	if (!conf->enforce || dmarc->result != AUTH_FAIL ||
	    dmarc->disposition == DMARC_POLICY_NONE)
		return;
	if (dmarc->disposition == DMARC_POLICY_QUARANTINE &&
	    action == CLASS_REJECT)
		action = CLASS_TAG;
	verdict_class(verdict, VAULT_DMARC, action, conf->keep, "%.*s",
		      SLICE_FMT(dmarc->reason));
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	const struct dmarc_ready *dmarc_ready = ready;
	struct dmarc_identifier identifiers[IDENTIFIERS_MAX];
	struct dmarc_query query = {.source = source_of(mail, dmarc_ready),
				    .sample = sample_of(mail)};
	struct auth_dmarc *dmarc = &verdict->auth.dmarc;
	const struct authors *authors;

	*dmarc = (struct auth_dmarc){0};
	if (!mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"mail from our own users and networks is not "
				"judged");
		return STEP_DONE;
	}
	authors = authors_of(mail, index);
	if (authors->count == 0) {
		no_author(authors, verdict);
		return STEP_DONE;
	}
	read_identifiers(mail, verdict, &query, identifiers);
	if (judge_authors(authors, &query, dmarc) == STEP_WAIT)
		return STEP_WAIT;
	correct_for_several(authors, dmarc);
	report(authors, verdict);
	classify(dmarc_ready->conf, verdict);
	return STEP_DONE;
}

static const char *const after[] = {"spf", "dkim", NULL};

const struct check check_dmarc = {
	.name = "dmarc",
	.doc = "whether the domain of the author is genuine (RFC 9989)",
	.symbols = symbols,
	.settings = &dmarc_settings,
	.needs = STAGE_MESSAGE,
	.after = after,
	.prepare = prepare,
	.limits = limits,
	.start = start,
	.judge = judge,
	.stop = stop,
};
