/*
 * SPF records and macros against a zone made of the input: its first lines
 * are the local part and HELO, the others TXT records. Which line, address
 * or host a question gets follows from its name, so that a second run gets
 * the same answers, late; both runs must come out the same.
 */
#include "milter/checks/spf_eval.h"
#include "milter/checks/spf_macro.h"
#include "milter/checks/spf_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 16
#define QUESTIONS_MAX 400
#define ROUNDS_MAX 60

struct zone {
	struct resolver resolver; /* first */
	struct slice lines[LINES_MAX];
	size_t count;
	bool late;
	size_t waiting;
	struct {
		struct dns_waiter *waiter;
		const struct dns_answer *answer;
	} queue[QUESTIONS_MAX];
};

static uint64_t hash(enum dns_type type, struct slice name)
{
	static const uint64_t key[2] = {1, 2};

	return slice_hash_nocase(name, key) + type;
}

static const struct dns_answer *make(const struct zone *z, enum dns_type type,
				     struct slice name)
{
	static const struct dns_record hosts[] = {
		{SLICE("a.example.com"), 1},
		{SLICE("b.example.com"), 2},
		{SLICE(""), 3},
	};
	static const uint8_t four[] = {192, 0, 2, 1};
	static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	struct dns_record record = {0};
	uint64_t h = hash(type, name);

	if (h % 13 == 0)
		return dns_answer_new(DNS_TEMPFAIL, false, 0, "fuzz", NULL, 0);
	if (h % 7 == 0 || (type == DNS_TXT && z->count == 0))
		return dns_answer_new(DNS_NXDOMAIN, false, 0, NULL, NULL, 0);
	if (type == DNS_MX || type == DNS_PTR)
		return dns_answer_new(DNS_FOUND, false, 0, NULL, hosts,
				      1 + h % 3);
	if (type == DNS_TXT)
		record.data = z->lines[h % z->count];
	else if (type == DNS_A)
		record.data = (struct slice){(const char *)four, 4};
	else
		record.data = (struct slice){(const char *)six, 16};
	return dns_answer_new(DNS_FOUND, false, 0, NULL, &record, 1);
}

static const struct dns_answer *ask(struct resolver *resolver,
				    enum dns_type type, struct slice name,
				    struct dns_waiter *waiter)
{
	struct zone *z = (struct zone *)resolver;

	if (name.n == 0 || name.n > SPF_NAME_MAX)
		abort();
	if (!z->late)
		return make(z, type, name);
	if (z->waiting == QUESTIONS_MAX)
		abort();
	z->queue[z->waiting].waiter = waiter;
	z->queue[z->waiting++].answer = make(z, type, name);
	return NULL;
}

static void cancel(struct resolver *resolver, struct dns_waiter *waiter)
{
	(void)resolver;
	(void)waiter;
}

static void deliver(struct zone *z)
{
	if (z->waiting == 0)
		abort();
	while (z->waiting > 0) {
		z->waiting--;
		z->queue[z->waiting].waiter->done(z->queue[z->waiting].waiter,
						  z->queue[z->waiting].answer);
	}
}

static void run(struct zone *z, struct spf_query query, bool late,
		struct spf_outcome *outcome_r)
{
	unsigned rounds = 0;

	z->late = late;
	query.lookups = lookups_new(query.arena, &z->resolver, QUESTIONS_MAX);
	lookups_begin(query.lookups, 0, INT64_MAX, INT64_MAX);
	while (spf_evaluate(&query, outcome_r) == STEP_WAIT) {
		deliver(z);
		if (++rounds == ROUNDS_MAX)
			abort();
	}
	/* What it asked for beyond need may still be out. */
	if (z->waiting > 0)
		deliver(z);
	lookups_end(query.lookups);
}

static void evaluate(struct arena *a, struct zone *z, struct slice local,
		     struct slice helo)
{
	struct spf_query query = {.arena = a,
				  .domain = SLICE("example.com"),
				  .helo = helo,
				  .receiver = SLICE("mx.example"),
				  .lookup_limit = 10,
				  .void_limit = 2};
	struct spf_outcome prompt, late;
	bool six = helo.n % 2;

	if (!ip_parse(six ? SLICE("2001:db8::1") : SLICE("192.0.2.1"),
		      &query.client))
		abort();
	query.sender = arena_printf(a, "%.*s@example.com", SLICE_FMT(local));
	run(z, query, false, &prompt);
	run(z, query, true, &late);
	if (prompt.result != late.result || prompt.everyone != late.everyone ||
	    !slice_eq(prompt.explanation, late.explanation) ||
	    !slice_eq(prompt.reason, late.reason) ||
	    !slice_is_printable(prompt.explanation) ||
	    prompt.explanation.n > SPF_TEXT_MAX)
		abort();
}

/* A record that was accepted must give back its directives. */
static void read_record(struct slice txt)
{
	struct spf_record record;
	struct spf_directive directive;
	struct spf_fault fault;
	size_t count = 0;

	if (!spf_record_is(txt) || !spf_record_parse(txt, &record, &fault))
		return;
	while (spf_record_next(&record.terms, &directive))
		count++;
	if (count != record.directives)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct zone z = {.resolver = {ask, cancel}};
	struct slice rest = {(const char *)data, size}, line;
	struct slice local = SLICE("user"), helo = SLICE("mail.example.com");

	if (size > 0) {
		(void)slice_next(&rest, '\n', &local);
		(void)slice_next(&rest, '\n', &helo);
		while (z.count < LINES_MAX && slice_next(&rest, '\n', &line)) {
			read_record(line);
			z.lines[z.count++] = line;
		}
	}
	evaluate(a, &z, local, helo);
	arena_free(&a);
	return 0;
}
