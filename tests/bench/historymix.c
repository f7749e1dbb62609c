/*
 * Everything is drawn from the number. Busy ones are busy by a power law:
 * the value of rank r comes about 1/r as often as the first.
 */
#include "tests/bench/historymix.h"

#include <math.h>

#define SENDERS 50000
#define SENDER_DOMAINS 4000
#define RECIPIENTS 3000
#define OWN_DOMAINS 20
#define CLIENTS 20000
#define USERS 400

struct draw {
	struct arena *arena;
	uint64_t state;
};

/* splitmix64 */
static uint64_t next(struct draw *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static double unit(struct draw *d)
{
	return (double)(next(d) >> 11) / 9007199254740992.0;
}

/* From 0 on, the small ones much more often. */
static unsigned rank(struct draw *d, unsigned count)
{
	return (unsigned)(pow(count + 1, unit(d)) - 1) % count;
}

static bool chance(struct draw *d, unsigned percent)
{
	return next(d) % 100 < percent;
}

static void add_envelope(struct draw *d, struct record *r, bool out)
{
	unsigned host = rank(d, CLIENTS), from = rank(d, SENDERS);
	struct slice *rcpts = ARENA_ARRAY(d->arena, struct slice, 4);

	r->rcpts = rcpts;
	r->rcpt_count = r->rcpt_total = 1 + (chance(d, 20) ? next(d) % 3 : 0);
	for (size_t i = 0; i < r->rcpt_count; i++)
		rcpts[i] =
			arena_printf(d->arena, "recipient%u@own%u.example",
				     rank(d, RECIPIENTS), rank(d, OWN_DOMAINS));
	r->sender = arena_printf(d->arena, "sender.%u@mail%u.example.org", from,
				 from % SENDER_DOMAINS);
	r->client = arena_printf(d->arena, "%u.%u.%u.%u", 11 + host % 90,
				 host / 90 % 250, host / 7 % 250, host % 250);
	r->client_name = arena_printf(d->arena, "mx%u.host%u.example.net",
				      host % 9, host / 9);
	r->helo = r->client_name;
	if (!out)
		return;
	r->user = arena_printf(d->arena, "user%u@own.example", rank(d, USERS));
	r->sender = r->user;
}

static void add_symbols(struct draw *d, struct record *r)
{
	static const struct {
		const char *name;
		unsigned percent;
	} known[] = {
		{"SPF_ALLOW", 70},     {"DKIM_ALLOW", 60},
		{"DMARC_ALLOW", 55},   {"ARC_NONE", 90},
		{"PTR_CONFIRMED", 80}, {"FROM_EQ_ENVELOPE", 65},
		{"MIME_GOOD", 75},     {"RCPT_ONE", 80},
		{"SPF_SOFTFAIL", 8},   {"DKIM_REJECT", 3},
		{"DMARC_REJECT", 1},   {"RBL_ZEN", 9},
		{"RBL_DNSWL_LOW", 12}, {"SUBJECT_ALL_CAPS", 2},
		{"MISSING_DATE", 1},   {"LONG_SUBJECT", 3},
		{"BULK_HEADERS", 20},  {"HELO_UNKNOWN", 5},
	};
	size_t count = sizeof(known) / sizeof(known[0]), n = 0;
	struct record_symbol *list =
		ARENA_ARRAY(d->arena, struct record_symbol, count);

	for (size_t i = 0; i < count; i++) {
		if (!chance(d, known[i].percent))
			continue;
		list[n++] = (struct record_symbol){
			.name = slice_cstr(known[i].name),
			.score = unit(d) * 4 - 1,
			.doc = SLICE("what an operator reads about this "
				     "finding"),
			.detail = arena_printf(d->arena, "detail %u of it",
					       rank(d, 10000))};
	}
	r->symbols = list;
	r->symbol_count = n;
}

static void add_checks(struct draw *d, struct record *r)
{
	static const char *const names[] = {"spf",	 "dkim",      "dmarc",
					    "rbl",	 "headers",   "host",
					    "greylist",	 "ratelimit", "arc",
					    "antivirus", "uribl",     "bulk"};
	size_t count = sizeof(names) / sizeof(names[0]);
	struct record_check *list =
		ARENA_ARRAY(d->arena, struct record_check, count);

	for (size_t i = 0; i < count; i++)
		list[i] = (struct record_check){
			slice_cstr(names[i]), SLICE("done"),
			SLICE("found what it was looking for"), unit(d),
			unit(d) * 20};
	r->checks = list;
	r->check_count = count;
}

static void add_auth(struct draw *d, struct record *r)
{
	struct record_dkim *dkim = ARENA_ARRAY(d->arena, struct record_dkim, 2);

	for (int i = 0; i < 2; i++)
		dkim[i] = (struct record_dkim){
			SLICE("pass"),	       SLICE("mail.example.org"),
			SLICE("selector2026"), SLICE("@mail.example.org"),
			SLICE("rsa-sha256"),   SLICE("")};
	r->auth.spf_result = SLICE("pass");
	r->auth.spf_domain = SLICE("mail.example.org");
	r->auth.dkim = dkim;
	r->auth.dkim_count = 2;
	r->auth.dmarc_result = SLICE("pass");
	r->auth.dmarc_policy = SLICE("reject");
	r->auth.dmarc_domain = SLICE("mail.example.org");
	r->auth.dmarc_policy_domain = SLICE("example.org");
	r->auth.iprev_result = SLICE("pass");
	r->auth.iprev_name = r->client_name;
}

static void add_numbers(struct draw *d, struct record *r)
{
	static const char *const stages[] = {"connect", "helo", "envelope",
					     "headers", "body", "judge",
					     "commit"};
	struct record_number *list =
		ARENA_ARRAY(d->arena, struct record_number, 11);

	for (size_t i = 0; i < 7; i++)
		list[i] = (struct record_number){slice_cstr(stages[i]),
						 unit(d) * 30};
	r->stages = list;
	r->stage_count = 7;
	list += 7;
	list[0] = (struct record_number){SLICE("greylist"), 4};
	list[1] = (struct record_number){SLICE("add_header"), 6};
	list[2] = (struct record_number){SLICE("quarantine"), 10};
	list[3] = (struct record_number){SLICE("reject"), 15};
	r->thresholds = list;
	r->threshold_count = 4;
}

static void add_edits(struct draw *d, struct record *r)
{
	struct record_edit *list = ARENA_ARRAY(d->arena, struct record_edit, 3);

	list[0] = (struct record_edit){
		SLICE("insert"), SLICE("Authentication-Results"),
		arena_printf(d->arena,
			     "mx.own.example; spf=pass smtp.mailfrom=%.*s; "
			     "dkim=pass header.d=mail.example.org "
			     "header.s=selector2026 header.a=rsa-sha256; "
			     "dmarc=pass header.from=mail.example.org; "
			     "iprev=pass policy.iprev=%.*s",
			     SLICE_FMT(r->sender), SLICE_FMT(r->client)),
		1};
	list[1] = (struct record_edit){
		SLICE("insert"), SLICE("X-Gatepost-Verdict"),
		arena_printf(d->arena,
			     "v=1; id=%.*s; class=ham; action=%.*s; "
			     "score=1.25; t=1795824000; s=%016llx%016llx",
			     SLICE_FMT(r->id), SLICE_FMT(r->action),
			     (unsigned long long)next(d),
			     (unsigned long long)next(d)),
		1};
	list[2] = (struct record_edit){SLICE("insert"), SLICE("X-Spam-Status"),
				       SLICE("No, score=1.25"), 1};
	r->edits = list;
	r->edit_count = 3;
}

static struct slice draw_action(struct draw *d)
{
	unsigned percent = (unsigned)(next(d) % 100);

	return percent < 70   ? SLICE("accept")
	       : percent < 80 ? SLICE("tag")
	       : percent < 92 ? SLICE("reject")
	       : percent < 98 ? SLICE("greylist")
			      : SLICE("tempfail");
}

void historymix_make(struct arena *arena, uint64_t number, int64_t time_ms,
		     struct record *record_r)
{
	struct draw d = {arena, number * 0x2545f4914f6cdd1d + 1};
	struct record *r = record_r;
	bool out = chance(&d, 30);

	*r = (struct record){.time_ms = time_ms, .generation = 3};
	r->id = arena_printf(arena, "rec%013llx", (unsigned long long)number);
	r->queue_id =
		arena_printf(arena, "4T%07llXz%03x", (unsigned long long)number,
			     (unsigned)(next(&d) & 0xfff));
	r->direction = out ? SLICE("out") : SLICE("in");
	add_envelope(&d, r, out);
	r->message_id = arena_printf(arena, "<%016llx.%llx@mail.example.org>",
				     (unsigned long long)next(&d),
				     (unsigned long long)number);
	r->from = arena_printf(arena, "\"Some Body\" <%.*s>",
			       SLICE_FMT(r->sender));
	r->subject = arena_printf(arena, "What we talked about, part %llu",
				  (unsigned long long)number);
	r->size = 2000 + (uint64_t)rank(&d, 5000000);
	r->action = r->would = draw_action(&d);
	r->cause = SLICE("score");
	r->score = unit(&d) * 12 - 2;
	add_symbols(&d, r);
	add_checks(&d, r);
	add_auth(&d, r);
	add_numbers(&d, r);
	add_edits(&d, r);
	r->dns_asked = 24;
	r->dns_cached = 15;
}
