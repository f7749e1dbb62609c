/*
 * The SPF scenarios of ../shared/suites/spf, run against every evaluator of
 * this build. Our own must meet all expectations; the count of libspf2 is
 * printed for comparison.
 *
 * A scenario has records and expectations. An expectation concerns a
 * message: HELO is checked first (RFC 7208 2.3), and a fail there stands;
 * else the result is that of MAIL FROM. Addresses given for an MX record
 * mean hosts of their own. "_dns_error" names do not answer.
 */
#include "config.h"

#include "common/base/buf.h"
#include "milter/checks/spf_libspf2.h"
#include "tests/support/cmocka.h"
#include "tests/support/spf_ask.h"
#include "tests/support/suite.h"

#include <stdio.h>

#define EXPECTATIONS 163
#define ROWS_MAX 200

static const char *const files[] = {
	"a",	   "all", "basic", "examples", "exists", "exp",
	"include", "ip",  "macro", "mx",       "ptr",	 "redirect",
};

static const struct evaluator {
	const char *name;
	spf_evaluator *run;
	bool complete;
} evaluators[] = {
	{"own", spf_evaluate, true},
#ifdef HAVE_LIBSPF2
	{"libspf2", spf_libspf2_evaluate, false},
#endif
};
#define EVALUATORS (sizeof(evaluators) / sizeof(evaluators[0]))

/* Where the suite contradicts RFC 7208, and what the RFC says. */
static const struct correction {
	const char *scenario, *sender, *ip, *expect;
} corrections[] = {
	/* 4.6: an error anywhere in a record is permerror. */
	{"All test", "sender@test.org", "10.0.0.1", "permerror"},
	/* 4.6.4: three void lookups; eleven MX names. */
	{"DNS Lookup Limits", "sender@ok.test.org", "172.168.0.1", "permerror"},
	{"DNS Lookup Limits", "sender@mx.test.org", "10.0.0.8", "permerror"},
	{"DNS Lookup Limits", "sender@ptr.test.org", "10.0.0.11", "permerror"},
	/* 5.7: exists asks for A only. */
	{"Exists", "sender@ip6.test.org", "167.1.2.3", "fail"},
	{"Macro expansion 2", "strong-bad@email.example.com", "2001:db8::cb01",
	 "fail"},
	/* 5.6: ip6 never matches an IPv4 client. */
	{"IPv6 match", "sender@test.org", "10.1.2.3", "fail"},
};
#define CORRECTIONS (sizeof(corrections) / sizeof(corrections[0]))

/* "a: test.org 192.0.2.1, 192.0.2.2"; a later one replaces an earlier. */
struct row {
	struct slice type, name, data;
};

struct scenario {
	struct arena *arena; /* of the file */
	struct slice name;
	struct row rows[ROWS_MAX];
	size_t count;
	struct slice helo, sender, ip;
};

struct tally {
	unsigned seen, met[EVALUATORS], corrected;
};

static void set_row(struct scenario *s, struct slice type, struct slice value)
{
	size_t space = slice_find(value, 0, ' ');
	struct row row = {type, slice_sub(value, 0, space),
			  slice_sub(value, space + 1, value.n)};
	size_t i = 0;

	while (i < s->count && !(slice_eq(s->rows[i].type, type) &&
				 slice_eq_nocase(s->rows[i].name, row.name)))
		i++;
	assert_true(i < ROWS_MAX);
	s->rows[i] = row;
	if (i == s->count)
		s->count++;
}

static void add_mx(struct buf *zone, struct slice name, struct slice data)
{
	struct slice item;
	int n = 0;

	while (slice_next(&data, ',', &item)) {
		item = slice_trim(item);
		n++;
		buf_printf(zone, "%.*s MX 10 mx%d.%.*s\n", SLICE_FMT(name), n,
			   SLICE_FMT(name));
		buf_printf(zone, "mx%d.%.*s %s %.*s\n", n, SLICE_FMT(name),
			   slice_find(item, 0, ':') < item.n ? "AAAA" : "A",
			   SLICE_FMT(item));
	}
}

static void add_ptr(struct arena *a, struct buf *zone, struct slice address,
		    struct slice data)
{
	struct slice item, name;
	struct ip ip;

	assert_true(ip_parse(address, &ip));
	name = ip_reverse_name(a, &ip,
			       ip.family == IP_V6 ? SLICE("ip6.arpa")
						  : SLICE("in-addr.arpa"));
	while (slice_next(&data, ',', &item))
		buf_printf(zone, "%.*s PTR %.*s\n", SLICE_FMT(name),
			   SLICE_FMT(slice_trim(item)));
}

static void add_addresses(struct buf *zone, struct slice name, const char *type,
			  struct slice data)
{
	struct slice item;

	while (slice_next(&data, ',', &item))
		buf_printf(zone, "%.*s %s %.*s\n", SLICE_FMT(name), type,
			   SLICE_FMT(slice_trim(item)));
}

static const char *zone_of(struct arena *a, const struct scenario *s)
{
	struct buf zone = BUF(a);

	buf_add_text(&zone, "_dns_error.org ANY TEMPFAIL\n"
			    "_dns_error.test.org ANY TEMPFAIL\n");
	for (size_t i = 0; i < s->count; i++) {
		const struct row *row = &s->rows[i];

		if (slice_eq(row->type, SLICE("a")))
			add_addresses(&zone, row->name, "A", row->data);
		else if (slice_eq(row->type, SLICE("aaaa")))
			add_addresses(&zone, row->name, "AAAA", row->data);
		else if (slice_eq(row->type, SLICE("mx")))
			add_mx(&zone, row->name, row->data);
		else if (slice_eq(row->type, SLICE("ptr")))
			add_ptr(a, &zone, row->name, row->data);
		else
			buf_printf(&zone, "%.*s TXT %.*s\n",
				   SLICE_FMT(row->name), SLICE_FMT(row->data));
	}
	return arena_cstr(a, buf_slice(&zone));
}

static struct slice corrected(const struct scenario *s, struct slice expect,
			      struct tally *tally)
{
	for (size_t i = 0; i < CORRECTIONS; i++) {
		if (!slice_eq(s->name, slice_cstr(corrections[i].scenario)) ||
		    !slice_eq(s->sender, slice_cstr(corrections[i].sender)) ||
		    !slice_eq(s->ip, slice_cstr(corrections[i].ip)))
			continue;
		tally->corrected++;
		return slice_cstr(corrections[i].expect);
	}
	return expect;
}

static bool meets(const struct spf_run_result *got, struct slice expect)
{
	size_t space = slice_find(expect, 0, ' ');
	struct slice word = slice_sub(expect, 0, space);
	struct slice text = slice_sub(expect, space + 1, expect.n);

	return got->same &&
	       slice_eq(word,
			slice_cstr(auth_result_word(got->outcome.result))) &&
	       (text.n == 0 || slice_eq(text, got->outcome.explanation));
}

static bool try_one(struct arena *a, const struct scenario *s,
		    const struct evaluator *evaluator, struct slice expect)
{
	struct spf_question question = {.zone = zone_of(a, s),
					.ip = arena_cstr(a, s->ip),
					.helo = arena_cstr(a, s->helo)};
	struct spf_run_result got;
	bool met;

	spf_ask_question(a, evaluator->run, &question, &got);
	if (got.outcome.result != AUTH_FAIL && s->sender.n > 0) {
		question.sender = arena_cstr(a, s->sender);
		spf_ask_question(a, evaluator->run, &question, &got);
	}
	met = meets(&got, expect);
	if (!met)
		printf("%s: %.*s, from %.*s <%.*s>: %s, not %.*s; %.*s%s\n",
		       evaluator->name, SLICE_FMT(s->name), SLICE_FMT(s->ip),
		       SLICE_FMT(s->sender),
		       auth_result_word(got.outcome.result), SLICE_FMT(expect),
		       SLICE_FMT(got.outcome.reason),
		       got.same ? "" : "; late answers differ");
	return met;
}

static void expectation(const struct scenario *s, struct slice expect,
			struct tally *tally)
{
	struct arena *a = arena_new(65536);

	expect = corrected(s, expect, tally);
	tally->seen++;
	for (size_t i = 0; i < EVALUATORS; i++)
		tally->met[i] += try_one(a, s, &evaluators[i], expect);
	arena_free(&a);
}

static void read_line(struct scenario *s, struct slice line,
		      struct tally *tally)
{
	bool top = line.n > 0 && line.p[0] != ' ';
	struct slice key, value;
	size_t colon;

	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#' || slice_eq(line, SLICE("---")))
		return;
	if (slice_starts_nocase(line, SLICE("- ")))
		line = slice_sub(line, 2, line.n);
	colon = slice_find(line, 0, ':');
	key = slice_sub(line, 0, colon);
	value = slice_trim(slice_sub(line, colon + 1, line.n));
	if (slice_eq(key, SLICE("name")) && top)
		*s = (struct scenario){.arena = s->arena, .name = value};
	else if (slice_eq(key, SLICE("domain")))
		s->helo = value;
	else if (slice_eq(key, SLICE("sender")))
		s->sender = value;
	else if (slice_eq(key, SLICE("ip")))
		s->ip = value;
	else if (slice_eq(key, SLICE("expect")))
		expectation(s, value, tally);
	else if (value.n > 0 && !slice_eq(key, SLICE("name")))
		set_row(s, key, value);
}

static void read_file(const char *name, struct tally *tally)
{
	struct arena *a = arena_new(0);
	struct scenario *s = ARENA_NEW(a, struct scenario);
	const char *path = arena_printf(a, "spf/%s.yml", name).p;
	struct slice rest = suite_read(a, path), line;

	s->arena = a;
	while (slice_next(&rest, '\n', &line))
		read_line(s, line, tally);
	arena_free(&a);
}

static void meets_the_suite(void **state)
{
	struct tally tally = {0};

	(void)state;
	if (!suite_present("spf"))
		skip();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		read_file(files[i], &tally);
	for (size_t i = 0; i < EVALUATORS; i++)
		printf("%s: %u of %u\n", evaluators[i].name, tally.met[i],
		       tally.seen);
	assert_int_equal(tally.seen, EXPECTATIONS);
	assert_int_equal(tally.corrected, CORRECTIONS);
	for (size_t i = 0; i < EVALUATORS; i++)
		if (evaluators[i].complete)
			assert_int_equal(tally.met[i], tally.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meets_the_suite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
