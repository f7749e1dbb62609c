/* Each sample is a plain record of its direction, and what is different. */
#include "tests/support/samples.h"

#include <math.h>
#include <string.h>

#define SYMBOLS_MAX 16
#define CHECKS 8

struct maker {
	struct arena *arena;
	unsigned made;
};

static const struct record_number thresholds[] = {{SLICE("greylist"), 4},
						  {SLICE("add_header"), 6},
						  {SLICE("quarantine"), 10},
						  {SLICE("reject"), 15}};

static const struct record_number stages[] = {
	{SLICE("connect"), 0.3},   {SLICE("helo"), 12},
	{SLICE("envelope"), 31.5}, {SLICE("headers"), 48},
	{SLICE("body"), 95.25},	   {SLICE("judge"), 212.4},
	{SLICE("commit"), 1.1}};

static const struct record_check checks_in[CHECKS] = {
	{SLICE("headers"), SLICE("pass"), SLICE(""), 0.1, 0.1},
	{SLICE("host"), SLICE("pass"), SLICE(""), 0.2, 18},
	{SLICE("spf"), SLICE("pass"), SLICE(""), 0.3, 44.5},
	{SLICE("dkim"), SLICE("pass"), SLICE(""), 1.9, 61},
	{SLICE("dmarc"), SLICE("pass"), SLICE(""), 0.2, 88},
	{SLICE("rbl"), SLICE("pass"), SLICE("6 lists asked"), 0.4, 211.9},
	{SLICE("greylist"), SLICE("not run"),
	 SLICE("not deferred: its points are below actions.greylist"), 0, 0},
	{SLICE("ratelimit"), SLICE("not run"),
	 SLICE("no ratelimit section is set"), 0, 0},
};
enum { HEADERS, HOST, SPF, DKIM, DMARC, RBL, GREYLIST, RATELIMIT };

/* Findings, as the checks word them. */
static const struct record_symbol spf_pass = {
	SLICE("SPF_PASS"),
	-0.2,
	SLICE("The sender's domain lets this client send its mail"),
	SLICE("192.0.2.1 may send for example.org (ip4:192.0.2.0/24)"),
	SLICE(""),
	-0.2};
static const struct record_symbol spf_fail = {
	SLICE("SPF_FAIL"),
	1,
	SLICE("The sender's domain says this client must not send its mail"),
	SLICE("198.51.100.66 is not allowed to send for example.org (-all)"),
	SLICE(""),
	1};
static const struct record_symbol dkim_pass = {
	SLICE("DKIM_PASS"),
	-0.2,
	SLICE("The message has a good signature of a domain"),
	SLICE("example.org (selector s1)"),
	SLICE(""),
	-0.2};
static const struct record_symbol dkim_none = {
	SLICE("DKIM_NONE"), 0,	       SLICE("The message is not signed"),
	SLICE(""),	    SLICE(""), 0};
static const struct record_symbol dmarc_pass = {
	SLICE("DMARC_PASS"),
	-0.5,
	SLICE("The domain of the author is genuine (DMARC)"),
	SLICE("SPF and DKIM are aligned with example.org"),
	SLICE(""),
	-0.5};
static const struct record_symbol dmarc_reject = {
	SLICE("DMARC_REJECT"),
	2,
	SLICE("Forged author: its domain asks to reject such mail"),
	SLICE("neither SPF nor DKIM is aligned with example.org"),
	SLICE(""),
	2};
static const struct record_symbol xbl = {
	SLICE("RBL_SPAMHAUS_XBL"),
	4,
	SLICE("listed by zen.spamhaus.org as an exploited host (XBL)"),
	SLICE("198.51.100.66 is listed by zen.spamhaus.org as an exploited "
	      "host (XBL) (127.0.0.4)"),
	SLICE("rbl_address"),
	4};
static const struct record_symbol no_message_id = {
	SLICE("HEADER_NO_MESSAGE_ID"),
	2.5,
	SLICE("there is no Message-ID field"),
	SLICE(""),
	SLICE("headers"),
	2.5};
static const struct record_symbol bare_ip = {
	SLICE("HOST_HELO_BARE_IP"),
	3,
	SLICE("the HELO name is an address without brackets"),
	SLICE("HELO is 198.51.100.66, an address without brackets"),
	SLICE("host"),
	3};
static const struct record_symbol no_ptr = {
	SLICE("HOST_NO_PTR"),
	1,
	SLICE("the client's address has no name in reverse DNS"),
	SLICE("198.51.100.66 has no name in reverse DNS"),
	SLICE("host"),
	1};
static const struct record_symbol repeated = {
	SLICE("HEADER_REPEATED"),
	7,
	SLICE("a field that may stand once is repeated"),
	SLICE("the Subject field stands 2 times"),
	SLICE("headers"),
	7};
static const struct record_symbol spoofed = {
	SLICE("HEADER_FROM_NAME_SPOOFED"),
	0.5,
	SLICE("the From field's name shows an address of another domain"),
	SLICE("the name shows bank.example, the address is example.org"),
	SLICE("headers"),
	3};

static struct slice make_id(const struct maker *m)
{
	return arena_printf(m->arena, "1m8fsample%06u", m->made);
}

static struct record *start(struct maker *m)
{
	static const struct slice rcpts[] = {SLICE("bob@example.net")};
	struct record *r = ARENA_ARRAY(m->arena, struct record, 4);
	struct record_check *checks =
		ARENA_ARRAY(m->arena, struct record_check, CHECKS);

	memcpy(checks, checks_in, sizeof(checks_in));
	m->made++;
	*r = (struct record){
		.id = make_id(m),
		.time_ms = SAMPLES_TIME_MS + m->made * INT64_C(60000),
		.generation = 3,
		.queue_id = arena_printf(m->arena, "4Q%05uz", m->made),
		.client = SLICE("192.0.2.1"),
		.client_name = SLICE("mx.example.org"),
		.helo = SLICE("mx.example.org"),
		.sender = SLICE("alice@example.org"),
		.rcpts = rcpts,
		.rcpt_count = 1,
		.rcpt_total = 1,
		.direction = SLICE("in"),
		.message_id =
			arena_printf(m->arena, "<m%u@example.org>", m->made),
		.from = SLICE("Alice <alice@example.org>"),
		.subject = SLICE("Minutes of Thursday"),
		.size = 14205,
		.action = SLICE("accept"),
		.would = SLICE("accept"),
		.thresholds = thresholds,
		.threshold_count = 4,
		.checks = checks,
		.check_count = CHECKS,
		.stages = stages,
		.stage_count = 7,
		.dns_asked = 15,
		.dns_cached = 9,
		.auth = {.spf_result = SLICE("pass"),
			 .spf_domain = SLICE("example.org"),
			 .spf_scope = SLICE("mfrom"),
			 .spf_helo_result = SLICE("none"),
			 .dmarc_result = SLICE("none"),
			 .dmarc_domain = SLICE("example.org"),
			 .dmarc_disposition = SLICE("none"),
			 .iprev_result = SLICE("pass"),
			 .iprev_name = SLICE("mx.example.org")}};
	return r;
}

static void found(struct maker *m, struct record *r,
		  const struct record_symbol *symbol)
{
	struct record_symbol *list =
		ARENA_ARRAY(m->arena, struct record_symbol, SYMBOLS_MAX);
	size_t at = r->symbol_count;

	if (r->symbol_count > 0)
		memcpy(list, r->symbols, r->symbol_count * sizeof(*list));
	for (; at > 0 && list[at - 1].score < symbol->score; at--)
		list[at] = list[at - 1];
	list[at] = *symbol;
	r->symbols = list;
	r->symbol_count++;
	r->score = round((r->score + symbol->score) * 1000) / 1000;
}

static void set_check(struct record *r, int index, struct slice outcome,
		      struct slice reason)
{
	/* The list was made for this record. */
	struct record_check *checks =
		(struct record_check *)(uintptr_t)r->checks;

	checks[index].outcome = outcome;
	checks[index].reason = reason;
	if (slice_eq(outcome, SLICE("not run")))
		checks[index].ms = checks[index].took_ms = 0;
}

static void genuine(struct maker *m, struct record *r)
{
	static const struct record_dkim signature = {
		SLICE("pass"),	       SLICE("example.org"), SLICE("s1"),
		SLICE("@example.org"), SLICE("rsa-sha256"),  SLICE("")};

	found(m, r, &spf_pass);
	found(m, r, &dkim_pass);
	found(m, r, &dmarc_pass);
	r->auth.dkim = &signature;
	r->auth.dkim_count = 1;
	r->auth.dmarc_result = SLICE("pass");
	r->auth.dmarc_policy = SLICE("reject");
	r->auth.dmarc_policy_domain = SLICE("example.org");
	r->auth.dmarc_reason = dmarc_pass.detail;
}

/* From a stranger who says he is example.org. */
static void forged(struct maker *m, struct record *r)
{
	r->client = SLICE("198.51.100.66");
	r->client_name = SLICE("");
	r->helo = SLICE("198.51.100.66");
	r->subject = SLICE("Your account");
	found(m, r, &spf_fail);
	found(m, r, &dkim_none);
	r->auth.spf_result = SLICE("fail");
	r->auth.iprev_result = SLICE("permerror");
	r->auth.iprev_name = SLICE("");
	set_check(r, SPF, SLICE("fail"), SLICE(""));
}

static void decided(struct record *r, const char *action, const char *cause)
{
	r->action = r->would = slice_cstr(action);
	r->cause = slice_cstr(cause);
}

static struct record *clean(struct maker *m)
{
	struct record *r = start(m);
	static const struct record_edit edits[] = {
		{SLICE("insert"), SLICE("Authentication-Results"),
		 SLICE("mx.example.net; spf=pass\n\tsmtp.mailfrom="
		       "alice@example.org; dkim=pass"),
		 0}};

	genuine(m, r);
	r->edits = edits;
	r->edit_count = 1;
	return r;
}

static struct record *tagged(struct maker *m)
{
	struct record *r = start(m);

	forged(m, r);
	found(m, r, &xbl);
	found(m, r, &no_message_id);
	r->message_id = SLICE("");
	decided(r, "tag", "score");
	set_check(r, RBL, SLICE("fail"), SLICE("6 lists asked"));
	set_check(r, GREYLIST, SLICE("pass"),
		  SLICE("not deferred: this sender has passed before"));
	return r;
}

static struct record *rejected(struct maker *m)
{
	struct record *r = start(m);

	forged(m, r);
	found(m, r, &xbl);
	found(m, r, &repeated);
	found(m, r, &no_message_id);
	found(m, r, &spoofed);
	found(m, r, &bare_ip);
	found(m, r, &no_ptr);
	decided(r, "reject", "score");
	r->reply = arena_printf(m->arena,
				"550 5.7.1 Message rejected: %.*s (%.*s)",
				SLICE_FMT(repeated.doc), SLICE_FMT(r->id));
	set_check(r, HEADERS, SLICE("fail"), SLICE(""));
	set_check(r, HOST, SLICE("fail"), SLICE(""));
	set_check(r, RBL, SLICE("fail"), SLICE("6 lists asked"));
	set_check(r, GREYLIST, SLICE("not run"),
		  SLICE("the message is not let through anyway"));
	return r;
}

static struct record *rejected_by_dmarc(struct maker *m)
{
	struct record *r = start(m);

	forged(m, r);
	found(m, r, &dmarc_reject);
	r->auth.dmarc_result = SLICE("fail");
	r->auth.dmarc_policy = r->auth.dmarc_disposition = SLICE("reject");
	r->auth.dmarc_policy_domain = SLICE("example.org");
	r->auth.dmarc_reason = dmarc_reject.detail;
	decided(r, "reject", "dmarc");
	r->reply = arena_printf(m->arena,
				"550 5.7.1 Message rejected: the DMARC policy "
				"of example.org asks to reject it (%.*s)",
				SLICE_FMT(r->id));
	set_check(r, DMARC, SLICE("fail"), SLICE(""));
	set_check(r, GREYLIST, SLICE("not run"),
		  SLICE("the message is not let through anyway"));
	return r;
}

/* Deferred at first, too early, then accepted from another address. */
static struct record *greylisted(struct maker *m)
{
	static const struct record_symbol first = {
		SLICE("GREYLISTED"),
		0,
		SLICE("an unproven sender was told to come again"),
		SLICE("first try from 198.51.100.0/24"),
		SLICE(""),
		0};
	static const struct record_symbol early = {
		SLICE("GREYLISTED"),
		0,
		SLICE("an unproven sender was told to come again"),
		SLICE("back after 61 s, too early"),
		SLICE(""),
		0};
	static const struct record_symbol passed = {
		SLICE("GREYLIST_PASSED"),
		0,
		SLICE("the sender came again after the time it was given"),
		SLICE("back after 905 s"),
		SLICE(""),
		0};
	struct record *r = start(m);

	for (int i = 0; i < 3; i++) {
		if (i > 0)
			r[i] = *start(m);
		forged(m, &r[i]);
		found(m, &r[i], &xbl);
		found(m, &r[i], i == 0 ? &first : i == 1 ? &early : &passed);
		r[i].message_id = SLICE("<greylisted@example.org>");
		r[i].subject = SLICE("Offer 4711");
		r[i].helo = SLICE("relay.example.org");
		decided(&r[i], i < 2 ? "greylist" : "accept",
			i < 2 ? "greylist" : "");
		set_check(&r[i], RBL, SLICE("fail"), SLICE("6 lists asked"));
	}
	r[1].time_ms = r[0].time_ms + 61000;
	r[2].time_ms = r[0].time_ms + 905000;
	r[2].client = SLICE("198.51.100.67");
	r[0].reply = arena_printf(m->arena,
				  "451 4.7.1 Greylisted, please try again in "
				  "300 seconds (%.*s)",
				  SLICE_FMT(r[0].id));
	r[1].reply = arena_printf(m->arena,
				  "451 4.7.1 Greylisted, please try again in "
				  "239 seconds (%.*s)",
				  SLICE_FMT(r[1].id));
	set_check(&r[0], GREYLIST, SLICE("fail"),
		  SLICE("deferred for 300 s: first try from "
			"198.51.100.0/24"));
	set_check(&r[1], GREYLIST, SLICE("fail"),
		  SLICE("deferred for 239 s: back after 61 s, too early"));
	set_check(&r[2], GREYLIST, SLICE("pass"),
		  SLICE("not deferred: it came back after 905 s"));
	return r;
}

static struct record *too_large(struct maker *m)
{
	struct record *r = start(m);

	decided(r, "tempfail", "limit");
	r->reply = arena_printf(m->arena,
				"451 4.3.0 Try again later: the header section "
				"is larger than limits.header_size (%.*s)",
				SLICE_FMT(r->id));
	for (int i = 0; i < CHECKS; i++)
		set_check(r, i, SLICE("not run"), SLICE(""));
	r->auth = (struct record_auth){.spf_result = SLICE("none"),
				       .dmarc_result = SLICE("none")};
	return r;
}

static void no_dns(struct maker *m, struct record *r)
{
	static const struct record_symbol spf = {
		SLICE("SPF_TEMPERROR"),
		0,
		SLICE("DNS gave no answer, so SPF could not be checked"),
		SLICE("DNS for example.org (TXT): no answer in time"),
		SLICE(""),
		0};

	found(m, r, &spf);
	found(m, r, &dkim_none);
	r->auth.spf_result = r->auth.dmarc_result = SLICE("temperror");
	r->auth.spf_explanation = spf.detail;
	r->auth.dmarc_reason =
		SLICE("DNS did not answer for _dmarc.example.org");
	r->dns_failed = 7;
	set_check(r, SPF, SLICE("temperror"), spf.detail);
	set_check(r, DMARC, SLICE("temperror"), r->auth.dmarc_reason);
	set_check(r, RBL, SLICE("temperror"),
		  SLICE("5 lists asked; zen.spamhaus.org did not answer; "
			"dbl.spamhaus.org is suspended: it refuses our "
			"resolver"));
}

static struct record *deferred_by_dns(struct maker *m)
{
	struct record *r = start(m);

	no_dns(m, r);
	decided(r, "tempfail", "dns");
	r->reply = arena_printf(m->arena,
				"451 4.4.3 Try again later: DNS did not answer "
				"about the sender (%.*s)",
				SLICE_FMT(r->id));
	set_check(r, GREYLIST, SLICE("not run"),
		  SLICE("the message is not let through anyway"));
	return r;
}

static struct record *accepted_without_dns(struct maker *m)
{
	struct record *r = start(m);

	no_dns(m, r);
	return r;
}

static void from_user(struct record *r)
{
	r->direction = SLICE("out");
	r->user = SLICE("alice");
	r->client = SLICE("203.0.113.9");
	r->client_name = SLICE("");
	r->helo = SLICE("[192.168.1.5]");
	r->score = 0;
	r->auth = (struct record_auth){.spf_result = SLICE("none"),
				       .dmarc_result = SLICE("none")};
	for (int i = 0; i < CHECKS; i++)
		set_check(r, i, SLICE("not run"),
			  i == GREYLIST ? SLICE("not deferred: the client has "
						"logged in")
			  : i == RATELIMIT
				  ? SLICE("no rule counts this message")
				  : SLICE("only for mail from outside"));
}

static struct record *sent(struct maker *m)
{
	static const struct slice rcpts[] = {SLICE("bob@example.net"),
					     SLICE("carol@example.com")};
	struct record *r = start(m);

	from_user(r);
	r->rcpts = rcpts;
	r->rcpt_count = r->rcpt_total = 2;
	return r;
}

static struct record *ratelimited(struct maker *m)
{
	static const struct record_symbol over = {
		SLICE("RATELIMITED"),
		0,
		SLICE("more was sent than a rate limit allows"),
		SLICE("rule \"users\": alice has sent 100 messages within 1h, "
		      "limit 100"),
		SLICE(""),
		0};
	struct record *r = start(m);

	from_user(r);
	found(m, r, &over);
	decided(r, "ratelimit", "ratelimit");
	r->reply = arena_printf(m->arena,
				"450 4.7.1 Too many messages: at most 100 "
				"within 1h, try again in 412 seconds (%.*s)",
				SLICE_FMT(r->id));
	set_check(r, RATELIMIT, SLICE("fail"),
		  SLICE("over the limit of \"users\""));
	return r;
}

static struct record *shadow(struct maker *m)
{
	struct record *r = rejected(m);

	r->action = SLICE("tag");
	r->reply = SLICE("");
	return r;
}

/* One for two, who come to different ends: each has a story of his own. */
static struct record *shared(struct maker *m)
{
	static const struct slice rcpts[] = {SLICE("bob@example.net"),
					     SLICE("carol@example.net")};
	static const struct record_symbol named = {
		SLICE("GREYLISTED"),
		0,
		SLICE("an unproven sender was told to come again"),
		SLICE("first try for Carol@example.net"),
		SLICE(""),
		0};
	struct record *r = greylisted(m);

	for (int i = 0; i < 3; i++) {
		r[i].message_id = SLICE("<shared@example.org>");
		r[i].rcpts = i == 2 ? &rcpts[1] : rcpts;
		r[i].rcpt_count = r[i].rcpt_total = i == 2 ? 1 : 2;
		r[i].user = SLICE("mallory");
	}
	found(m, &r[1], &named);
	return r;
}

/* What terminals, JSON, SQL and lines stumble over; and very long. */
static struct record *hostile(struct maker *m)
{
	static const char bytes[] =
		"\x1b[31m\x1b]0;title\x07\r\n2026-11-27 forged line\0\t"
		"\"}],\\ '; DROP TABLE record;-- %s%n <script>\xff\xc2\x9b "
		"\xe2\x80\xae"
		"\xc3\xbc";
	struct record *r = start(m);
	struct slice x = {bytes, sizeof(bytes) - 1};
	struct slice *rcpts = ARENA_ARRAY(m->arena, struct slice, 2);
	char *much = arena_alloc(m->arena, 100 * 1024);
	struct record_symbol symbol = {x, 5, x, x, x, 6};
	struct record_check *check = ARENA_NEW(m->arena, struct record_check);
	struct record_dkim *dkim = ARENA_NEW(m->arena, struct record_dkim);
	struct record_edit *edit = ARENA_NEW(m->arena, struct record_edit);
	struct record_number *number =
		ARENA_NEW(m->arena, struct record_number);

	memset(much, 'x', 100 * 1024);
	rcpts[0] = x;
	rcpts[1] = (struct slice){much, 100 * 1024};
	*check = (struct record_check){x, x, x, 1, 2};
	*dkim = (struct record_dkim){x, x, x, x, x, x};
	*edit = (struct record_edit){x, x, x, 1};
	*number = (struct record_number){x, 3};
	found(m, r, &symbol);
	r->queue_id = r->client = r->client_name = r->helo = r->user = x;
	r->sender = r->from = r->reply = r->cause = r->would = x;
	r->subject = rcpts[1];
	r->rcpts = rcpts;
	r->rcpt_count = r->rcpt_total = 2;
	r->checks = check;
	r->edits = edit;
	r->check_count = r->edit_count = 1;
	r->thresholds = r->stages = number;
	r->threshold_count = r->stage_count = 1;
	r->auth = (struct record_auth){x, x, x, x, x, dkim, 1, x,
				       x, x, x, x, x, x,    x};
	return r;
}

const struct sample *samples_make(struct arena *arena)
{
	static const struct {
		const char *name;
		struct record *(*make)(struct maker *m);
		size_t count;
	} rows[] = {
		{"clean", clean, 1},
		{"tagged", tagged, 1},
		{"rejected", rejected, 1},
		{"rejected_by_dmarc", rejected_by_dmarc, 1},
		{"greylisted", greylisted, 3},
		{"still_waiting", greylisted, 2},
		{"too_large", too_large, 1},
		{"deferred_by_dns", deferred_by_dns, 1},
		{"accepted_without_dns", accepted_without_dns, 1},
		{"sent", sent, 1},
		{"ratelimited", ratelimited, 1},
		{"shadow", shadow, 1},
		{"shared", shared, 3},
		{"hostile", hostile, 1},
	};
	const size_t count = sizeof(rows) / sizeof(rows[0]);
	struct maker m = {.arena = arena};
	struct sample *samples = ARENA_ARRAY(arena, struct sample, count + 1);

	for (size_t i = 0; i < count; i++) {
		struct record *r = rows[i].make(&m);

		samples[i] = (struct sample){rows[i].name, r, rows[i].count};
		if (strcmp(rows[i].name, "still_waiting") != 0)
			continue;
		for (int k = 0; k < 2; k++)
			r[k].message_id = SLICE("<waiting@example.org>");
	}
	return samples;
}

const struct sample *samples_find(const struct sample *samples,
				  const char *name)
{
	for (; samples->name; samples++)
		if (strcmp(samples->name, name) == 0)
			return samples;
	return NULL;
}
