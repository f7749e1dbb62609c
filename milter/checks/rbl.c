/*
 * DNS block and allow lists (RFC 5782) over the client's address and over
 * the domains that a message names. What is asked about (the subjects) is
 * gathered as the stages come; each list is asked for those it covers.
 *
 * A list that errs is never "listed": its trouble stands in the outcome.
 * Names are asked whole, never reduced to their registered part, since the
 * lists answer for names below a listed domain themselves. An entry in an
 * allow list only subtracts points; it silences no other list.
 */
#include "milter/checks/rbl.h"
#include "common/base/buf.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "milter/checks/rbl_health.h"
#include "milter/engine/engine.h"

#define FROM_MAX 4 /* authors whose domains are asked about */
#define SUBJECTS_MAX (1 + 1 + 1 + 1 + FROM_MAX + AUTH_DKIM_MAX)

struct ready {
	const struct rbl_conf *conf;
	struct rbl_lists lists;
	struct slice *zones; /* of the lists, in their order */
	struct rbl_health *health;
};

/* Something that lists can be asked about. */
struct subject {
	enum rbl_query query;
	struct slice key;  /* what stands before the zone, without dot */
	struct slice text; /* the address or domain, to be shown */
};

struct subjects {
	struct subject v[SUBJECTS_MAX];
	size_t count;
	bool private_address; /* the client's address is left out */
};

/* One run of judge(). */
struct round {
	struct mail *mail;
	const struct ready *ready;
	struct verdict *verdict;
	struct subjects subjects;
	struct buf troubles;
	unsigned asked;	 /* lists asked */
	unsigned failed; /* of these, how many gave no good answer */
	unsigned suspended;
	bool waiting;
	bool against; /* some list counts against the message */
	bool told;    /* the list at hand has told its trouble */
};

static const char *role_of(enum rbl_query query)
{
	switch (query) {
	case RBL_ADDRESS:
		return "";
	case RBL_HELO:
		return "the HELO name ";
	case RBL_PTR:
		return "the client's host name ";
	case RBL_SENDER:
		return "the sender's domain ";
	case RBL_FROM:
		return "the From domain ";
	case RBL_DKIM:
		return "the DKIM domain ";
	}
	return "";
}

/*
 * A domain as lists know them: two labels or more, and a last label that is
 * no number, so no form of an IP address passes.
 */
static bool is_askable(struct slice domain)
{
	struct slice last = domain_tail(domain, 1);
	bool letter = false;

	for (size_t i = 0; i < domain.n; i++)
		if (!ascii_is_alnum(domain.p[i]) && domain.p[i] != '-' &&
		    domain.p[i] != '_' && domain.p[i] != '.')
			return false;
	for (size_t i = 0; i < last.n; i++)
		letter |= ascii_is_alpha(last.p[i]);
	return letter && domain_labels(domain) >= 2;
}

static void add_domain(struct subjects *s, struct arena *arena,
		       enum rbl_query query, struct slice name)
{
	struct slice domain;

	if (s->count == SUBJECTS_MAX ||
	    !domain_normalise(arena, name, &domain) || !is_askable(domain))
		return;
	s->v[s->count++] = (struct subject){query, domain, domain};
}

static void add_address(struct subjects *s, const struct mail *mail,
			const struct rbl_conf *conf)
{
	const struct ip *ip = &mail->conn->client;
	struct slice key;

	if (conf->skip_private && ip_is_private(ip)) {
		s->private_address = true;
		return;
	}
	key = ip_reverse_name(mail->arena, ip, SLICE(""));
	key.n--;
	s->v[s->count++] =
		(struct subject){RBL_ADDRESS, key, ip_text(mail->arena, ip)};
}

/* Every author that some reader program might show. */
static void add_from(struct subjects *s, const struct mail *mail)
{
	size_t left = FROM_MAX;

	for (size_t n = 0; left > 0 && n < FROM_MAX; n++) {
		const struct header *from = mail_header(mail, SLICE("From"), n);
		struct mailbox_list list;

		if (!from)
			return;
		address_list_parse(mail->arena, from->value, left, &list);
		for (size_t i = 0; i < list.count; i++)
			add_domain(s, mail->arena, RBL_FROM,
				   list.mailbox[i].domain);
		left -= list.count < left ? list.count : left;
	}
}

static void add_dkim(struct subjects *s, struct arena *arena,
		     const struct auth *auth)
{
	for (size_t i = 0; i < auth->dkim_count; i++)
		if (auth->dkim[i].result == AUTH_PASS)
			add_domain(s, arena, RBL_DKIM, auth->dkim[i].domain);
}

/* What becomes known with a stage. */
static void gather(struct subjects *s, const struct mail *mail,
		   const struct rbl_conf *conf, enum stage stage)
{
	switch (stage) {
	case STAGE_CONNECT:
		add_address(s, mail, conf);
		add_domain(s, mail->arena, RBL_PTR, mail->conn->ptr_name);
		break;
	case STAGE_HELO:
		add_domain(s, mail->arena, RBL_HELO, mail->conn->helo);
		break;
	case STAGE_ENVELOPE:
		add_domain(s, mail->arena, RBL_SENDER,
			   mail->sender_address.domain);
		break;
	case STAGE_HEADERS:
		add_from(s, mail);
		break;
	case STAGE_MESSAGE:
		break;
	}
}

/* Whether that list is to be asked about subject `index`. */
static bool covers(const struct rbl_list *list, const struct subjects *s,
		   size_t index)
{
	const struct subject *subject = &s->v[index];

	if (!(list->query & subject->query))
		return false;
	if (subject->query == RBL_ADDRESS)
		return slice_find(subject->text, 0, ':') < subject->text.n
			       ? list->ipv6
			       : list->ipv4;
	/* The same domain in another role was asked about already. */
	for (size_t i = 0; i < index; i++)
		if (s->v[i].query & list->query &&
		    s->v[i].query != RBL_ADDRESS &&
		    slice_eq(s->v[i].key, subject->key))
			return false;
	return true;
}

static const struct dns_answer *ask(struct mail *mail,
				    const struct rbl_list *list,
				    const struct subject *subject)
{
	char name[512];
	size_t n = 0;

	/* Both parts are at most 253 bytes; lookup() refuses what is over. */
	for (size_t i = 0; i < subject->key.n; i++)
		name[n++] = subject->key.p[i];
	name[n++] = '.';
	for (size_t i = 0; i < list->zone.n; i++)
		name[n++] = list->zone.p[i];
	return lookup(mail->lookups, DNS_A, (struct slice){name, n});
}

/* One trouble a list is enough. */
static void trouble(struct round *r, const struct rbl_list *list,
		    const char *what, struct slice record)
{
	if (r->told)
		return;
	r->told = true;
	buf_printf(&r->troubles, "; %.*s %s", SLICE_FMT(list->zone), what);
	if (record.n > 0)
		buf_printf(&r->troubles, " (%.*s)",
			   SLICE_FMT(rbl_address_text(r->mail->arena, record)));
}

static void hit(struct round *r, const struct rbl_list *list,
		const struct subject *subject, struct slice record)
{
	struct slice address = rbl_address_text(r->mail->arena, record);
	bool known = false;

	for (size_t i = 0; i < list->code_count; i++) {
		const struct rbl_code *code = &list->codes[i];

		if (code->refused || !rbl_code_applies(code, record))
			continue;
		known = true;
		r->against |=
			engine_symbol_score(r->mail->engine, code->symbol) > 0;
		verdict_hit(r->verdict, code->symbol,
			    "%s%.*s is listed by %.*s as %.*s (%.*s)",
			    role_of(subject->query), SLICE_FMT(subject->text),
			    SLICE_FMT(list->zone), SLICE_FMT(code->meaning),
			    SLICE_FMT(address));
	}
	if (!known)
		trouble(r, list, "gave an answer its settings do not name",
			record);
}

static void report(struct round *r, size_t index, enum rbl_finding finding)
{
	enum source_outcome outcome = finding == RBL_NOT_LISTED ? SOURCE_CLEAR
				      : finding == RBL_LISTED	? SOURCE_LISTED
								: SOURCE_ERROR;

	verdict_source(r->verdict, (unsigned)index, outcome,
		       lookup_took_us(r->mail->lookups));
}

/*
 * True when the list could not be had; the first trouble is told, and what
 * else it answers no longer counts.
 */
static bool read_answer(struct round *r, size_t index,
			const struct subject *subject,
			const struct dns_answer *answer, bool failed)
{
	const struct rbl_list *list = &r->ready->lists.list[index];
	size_t bad;
	enum rbl_finding finding = rbl_answer_read(
		list->codes, list->code_count, answer, &bad);

	report(r, index, finding);
	if (failed)
		return true;
	switch (finding) {
	case RBL_NOT_LISTED:
		return false;
	case RBL_LISTED:
		for (size_t i = 0; i < answer->count; i++)
			hit(r, list, subject, answer->records[i].data);
		return false;
	case RBL_REFUSED:
		trouble(r, list, rbl_trouble_words(RBL_TROUBLE_REFUSES),
			answer->records[bad].data);
		return true;
	case RBL_OUTSIDE:
		trouble(r, list, rbl_trouble_words(RBL_TROUBLE_OUTSIDE),
			answer->records[bad].data);
		return true;
	case RBL_NO_ANSWER:
		trouble(r, list, "did not answer", SLICE(""));
		return true;
	}
	return false;
}

static void ask_list(struct round *r, size_t index)
{
	const struct rbl_list *list = &r->ready->lists.list[index];
	enum rbl_trouble state = rbl_health_state(r->ready->health, index);
	bool asked = false, failed = false;

	r->told = false;
	for (size_t i = 0; i < r->subjects.count; i++) {
		const struct subject *subject = &r->subjects.v[i];
		const struct dns_answer *answer;

		if (!covers(list, &r->subjects, i))
			continue;
		if (state != RBL_TROUBLE_NONE) {
			r->suspended++;
			buf_printf(&r->troubles, "; %.*s is suspended: it %s",
				   SLICE_FMT(list->zone),
				   rbl_trouble_words(state));
			return;
		}
		asked = true;
		answer = ask(r->mail, list, subject);
		if (!answer)
			r->waiting = true;
		else
			failed = read_answer(r, index, subject, answer, failed);
	}
	r->asked += asked;
	r->failed += failed;
}

static void conclude(const struct round *r)
{
	struct slice troubles = buf_slice(&r->troubles);
	enum outcome outcome = OUTCOME_PASS;

	if (r->asked == 0 && r->suspended == 0) {
		verdict_outcome(r->verdict, OUTCOME_NOT_RUN,
				r->subjects.private_address
					? "the client's address is private "
					  "and no list covers the rest"
					: "no list covers this message");
		return;
	}
	if (r->against)
		outcome = OUTCOME_FAIL;
	else if (r->failed > 0)
		outcome = OUTCOME_TEMPERROR;
	else if (r->asked == 0)
		outcome = OUTCOME_NOT_RUN;
	verdict_outcome(r->verdict, outcome, "%u list%s asked%.*s", r->asked,
			r->asked == 1 ? "" : "s", SLICE_FMT(troubles));
}

static enum step judge(struct mail *mail, unsigned index, const void *with,
		       struct verdict *verdict)
{
	const struct ready *ready = with;
	struct round r = {.mail = mail,
			  .ready = ready,
			  .verdict = verdict,
			  .troubles = BUF(mail->arena)};

	if (!ready->conf->enabled) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"switched off (rbl.enabled)");
		return STEP_DONE;
	}
	if (!mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN,
				"only for mail from outside");
		return STEP_DONE;
	}
	if (mail->states[index])
		r.subjects = *(const struct subjects *)mail->states[index];
	add_dkim(&r.subjects, mail->arena, &verdict->auth);
	for (size_t i = 0; i < ready->lists.count; i++)
		ask_list(&r, i);
	if (r.waiting)
		return STEP_WAIT;
	conclude(&r);
	return STEP_DONE;
}

static void start(struct mail *mail, unsigned index, const void *with,
		  enum stage stage)
{
	const struct ready *ready = with;
	struct subjects *s = mail->states[index];
	size_t first;

	if (!ready->conf->enabled || !mail_is_inbound(mail))
		return;
	if (!s)
		s = mail->states[index] =
			ARENA_NEW(mail->arena, struct subjects);
	first = s->count;
	gather(s, mail, ready->conf, stage);
	for (size_t i = 0; i < ready->lists.count; i++) {
		if (rbl_health_state(ready->health, i) != RBL_TROUBLE_NONE)
			continue;
		for (size_t k = first; k < s->count; k++)
			if (covers(&ready->lists.list[i], s, k))
				(void)ask(mail, &ready->lists.list[i],
					  &s->v[k]);
	}
}

static int prepare(struct arena *arena, const struct conf *conf,
		   const void **ready_r, struct err *err)
{
	struct ready *ready = ARENA_NEW(arena, struct ready);

	ready->conf = conf_group(conf, &rbl_settings);
	if (rbl_lists_make(arena, conf, &ready->lists, err) < 0)
		return -1;
	ready->health = rbl_health_new(arena, &ready->lists,
				       ready->conf->test_interval.ms);
	ready->zones = ARENA_ARRAY(arena, struct slice, ready->lists.count);
	for (size_t i = 0; i < ready->lists.count; i++)
		ready->zones[i] = ready->lists.list[i].zone;
	*ready_r = ready;
	return 0;
}

static const struct symbol *more_symbols(const void *with)
{
	return ((const struct ready *)with)->lists.symbols;
}

static const struct slice *sources(const void *with, size_t *count_r)
{
	const struct ready *ready = with;

	*count_r = ready->conf->enabled ? ready->lists.count : 0;
	return ready->zones;
}

static bool source_is_suspended(const void *with, size_t source)
{
	return rbl_health_state(((const struct ready *)with)->health, source) !=
	       RBL_TROUBLE_NONE;
}

static void limits(const void *with, int64_t *wait_ms_r, int64_t *total_ms_r)
{
	*wait_ms_r = ((const struct ready *)with)->conf->timeout.ms;
	/* The DKIM domains are known late; each question has its own limit. */
	*total_ms_r = INT64_MAX;
}

static void tick(const void *with, struct resolver *resolver, int64_t now_ms)
{
	const struct ready *ready = with;

	if (ready->conf->enabled && ready->conf->test_lists)
		rbl_health_tick(ready->health, resolver, now_ms);
}

static void stop(const void *with, struct resolver *resolver)
{
	rbl_health_stop(((const struct ready *)with)->health, resolver);
}

static const char *const after[] = {"dkim", NULL};

const struct check check_rbl = {
	.name = "rbl",
	.doc = "DNS block and allow lists over client address and domains",
	.settings = &rbl_settings,
	.blocks = &rbl_list_settings,
	.needs = STAGE_HEADERS,
	.after = after,
	.prepare = prepare,
	.more_symbols = more_symbols,
	.sources = sources,
	.source_is_suspended = source_is_suspended,
	.limits = limits,
	.start = start,
	.judge = judge,
	.tick = tick,
	.stop = stop,
};
