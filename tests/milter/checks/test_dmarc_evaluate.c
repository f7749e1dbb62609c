/*
 * DMARC for one author domain: alignment, result, policy, disposition. Each
 * case is run with answers in hand and with late ones.
 */
#include "milter/checks/dmarc_evaluate.h"

#include "common/base/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/dmarc_cases.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REJECT "v=DMARC1; p=reject"
#define IDS_MAX 12

struct row {
	const char *zone, *author;
	const char *ids;  /* "spf=pass:a.example dkim=fail:b.example" */
	const char *want; /* "result policy/disposition", policy '-'
			   * where none applies */
};

static enum auth_result result_of(struct slice word)
{
	for (int r = AUTH_NONE; r <= AUTH_PERMERROR; r++)
		if (slice_eq(word,
			     slice_cstr(auth_result_word((enum auth_result)r))))
			return (enum auth_result)r;
	fail_msg("no result %.*s", SLICE_FMT(word));
	return AUTH_NONE;
}

static size_t read_ids(const char *text, struct dmarc_identifier *ids)
{
	struct slice rest = slice_cstr(text), one;
	size_t count = 0;

	while (slice_next(&rest, ' ', &one)) {
		size_t equals = slice_find(one, 0, '=');
		size_t colon = slice_find(one, 0, ':');

		if (one.n == 0)
			continue;
		assert_true(count < IDS_MAX);
		ids[count].method = one.p[0] == 's' ? DMARC_SPF : DMARC_DKIM;
		ids[count].result =
			result_of(slice_sub(one, equals + 1, colon));
		ids[count++].domain = slice_sub(one, colon + 1, one.n);
	}
	return count;
}

static void evaluate(const struct row *row, enum dmarc_rfc rfc, unsigned sample,
		     bool late)
{
	struct dmarc_identifier ids[IDS_MAX];
	struct dmarc_bench bench;
	struct dmarc_query query = {.author = slice_cstr(row->author),
				    .identifiers = ids,
				    .sample = sample};
	struct auth_dmarc got;
	struct slice shown;

	dmarc_bench_open(&bench, row->zone, rfc, late);
	query.source = bench.source;
	query.identifier_count = read_ids(row->ids, ids);
	while (dmarc_evaluate(&query, &got) == STEP_WAIT)
		assert_true(answers_deliver(bench.answers) > 0);
	shown = arena_printf(
		bench.arena, "%s %s/%s", auth_result_word(got.result),
		got.has_policy ? dmarc_policy_word(got.policy) : "-",
		dmarc_policy_word(got.disposition));
	if (!slice_eq(shown, slice_cstr(row->want)))
		fail_msg("%s (%s) in\n%s: got %.*s, want %s\n%.*s", row->author,
			 row->ids, row->zone, SLICE_FMT(shown), row->want,
			 SLICE_FMT(got.reason));
	assert_true(got.reason.n > 0);
	dmarc_bench_close(&bench);
}

static void check_rows(const struct row *rows, size_t count, enum dmarc_rfc rfc)
{
	for (size_t i = 0; i < count; i++) {
		evaluate(&rows[i], rfc, 50, false);
		evaluate(&rows[i], rfc, 50, true);
	}
}

/* Rows that both RFCs judge alike. */
static const struct row either_rfc[] = {
	{"", "example.org", "spf=pass:example.org", "none -/none"},
	{"example.org " REJECT, "example.org", "", "fail reject/reject"},
	{"example.org " REJECT, "example.org", "spf=pass:example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "example.org", "dkim=pass:example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "example.org",
	 "spf=fail:example.org dkim=pass:example.org", "pass reject/none"},
	{"example.org " REJECT, "example.org",
	 "spf=pass:example.org dkim=fail:example.org", "pass reject/none"},
	{"example.org " REJECT, "example.org",
	 "dkim=fail:example.org dkim=pass:other.net "
	 "dkim=pass:example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "example.org", "spf=pass:bounce.example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "example.org", "dkim=pass:a.b.c.example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "news.example.org", "dkim=pass:example.org",
	 "pass reject/none"},
	{"example.org " REJECT, "news.example.org",
	 "dkim=pass:shop.example.org", "pass reject/none"},
	{"example.org v=DMARC1; p=quarantine", "example.org", "",
	 "fail quarantine/quarantine"},
	{"example.org v=DMARC1; p=none", "example.org", "", "fail none/none"},
	/* Only "pass" passes. */
	{"example.org " REJECT, "example.org", "spf=fail:example.org",
	 "fail reject/reject"},
	{"example.org " REJECT, "example.org", "spf=softfail:example.org",
	 "fail reject/reject"},
	{"example.org " REJECT, "example.org", "spf=neutral:example.org",
	 "fail reject/reject"},
	{"example.org " REJECT, "example.org",
	 "spf=none:example.org dkim=none:example.org", "fail reject/reject"},
	{"example.org " REJECT, "example.org",
	 "spf=permerror:example.org dkim=permerror:example.org",
	 "fail reject/reject"},
	{"example.org " REJECT, "example.org",
	 "dkim=policy:example.org dkim=neutral:example.org",
	 "fail reject/reject"},
	/* Strict. */
	{"example.org " REJECT "; aspf=s", "example.org",
	 "spf=pass:bounce.example.org", "fail reject/reject"},
	{"example.org " REJECT "; aspf=s", "example.org",
	 "spf=pass:example.org", "pass reject/none"},
	{"example.org " REJECT "; aspf=s", "example.org",
	 "dkim=pass:mail.example.org", "pass reject/none"},
	{"example.org " REJECT "; adkim=s", "example.org",
	 "dkim=pass:mail.example.org", "fail reject/reject"},
	{"example.org " REJECT "; adkim=s", "example.org",
	 "spf=pass:mail.example.org", "pass reject/none"},
	{"example.org " REJECT "; adkim=s", "mail.example.org",
	 "dkim=pass:example.org", "fail reject/reject"},
	{"example.org " REJECT "; adkim=s; aspf=s", "mail.example.org",
	 "dkim=pass:mail.example.org", "pass reject/none"},
};

static void an_aligned_pass_passes(void **state)
{
	(void)state;
	check_rows(either_rfc, COUNT(either_rfc), DMARC_RFC9989);
	check_rows(either_rfc, COUNT(either_rfc), DMARC_RFC7489);
}

static void names_that_only_look_alike_do_not_align(void **state)
{
	static const struct row rows[] = {
		{"example.org " REJECT, "example.org",
		 "dkim=pass:evilexample.org", "fail reject/reject"},
		{"example.org " REJECT, "example.org",
		 "spf=pass:evilexample.org", "fail reject/reject"},
		{"example.org " REJECT, "example.org",
		 "dkim=pass:example.org.evil.net", "fail reject/reject"},
		{"example.org " REJECT, "example.org", "dkim=pass:example.or",
		 "fail reject/reject"},
		{"example.org " REJECT, "example.org", "dkim=pass:xample.org",
		 "fail reject/reject"},
		{"example.org " REJECT, "example.org", "dkim=pass:example.org2",
		 "fail reject/reject"},
		{"example.org " REJECT, "example.org", "dkim=pass:org",
		 "fail reject/reject"},
		{"example.co.uk " REJECT, "example.co.uk", "dkim=pass:co.uk",
		 "fail reject/reject"},
		{"example.co.uk " REJECT, "example.co.uk",
		 "dkim=pass:other.co.uk", "fail reject/reject"},
		{"example.org " REJECT, "example.org",
		 "dkim=pass:other.example.net", "fail reject/reject"},
		{"a-b.org " REJECT, "a-b.org", "dkim=pass:b.org",
		 "fail reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static const struct row organizations[] = {
	/* Two organizations under one domain (psd=n). */
	{"example.org " REJECT "\ndept.example.org " REJECT "; psd=n",
	 "example.org", "dkim=pass:dept.example.org", "fail reject/reject"},
	{"example.org " REJECT "\ndept.example.org " REJECT "; psd=n",
	 "dept.example.org", "dkim=pass:example.org", "fail reject/reject"},
	{"example.org " REJECT "\ndept.example.org " REJECT "; psd=n",
	 "a.dept.example.org", "dkim=pass:b.dept.example.org",
	 "pass reject/none"},
	{"example.org " REJECT "\ndept.example.org " REJECT "; psd=n",
	 "example.org", "spf=pass:a.b.dept.example.org", "fail reject/reject"},
	{"example.org " REJECT "\ndept.example.org " REJECT, "example.org",
	 "dkim=pass:dept.example.org", "pass reject/none"},
	{"example.org " REJECT "\ndept.example.org " REJECT, "dept.example.org",
	 "dkim=pass:example.org", "pass reject/none"},
	/* Public suffixes that say so. */
	{"bank " REJECT "; psd=y", "a.bank", "dkim=pass:b.bank",
	 "fail reject/reject"},
	{"bank " REJECT "; psd=y", "a.bank", "dkim=pass:bank",
	 "fail reject/reject"},
	{"bank " REJECT "; psd=y", "bank", "dkim=pass:a.bank",
	 "fail reject/reject"},
	{"bank " REJECT "; psd=y", "bank", "dkim=pass:bank",
	 "pass reject/none"},
	{"bank " REJECT "; psd=y", "a.bank", "dkim=pass:mail.a.bank",
	 "pass reject/none"},
	{"bank " REJECT "; psd=y", "mail.a.bank", "dkim=pass:a.bank",
	 "pass reject/none"},
	{"bank " REJECT "; psd=y\na.bank " REJECT, "mail.a.bank",
	 "dkim=pass:x.a.bank", "pass reject/none"},
	/* A suffix that does not say so makes one organization. */
	{"bank " REJECT, "a.bank", "dkim=pass:b.bank", "pass reject/none"},
	{"bank " REJECT "\na.bank " REJECT "; psd=n", "a.bank",
	 "dkim=pass:b.bank", "fail reject/reject"},
	/* The suffix list has no say. */
	{"github.io " REJECT, "github.io", "dkim=pass:evil.github.io",
	 "pass reject/none"},
	{"github.io " REJECT "; psd=y", "github.io", "dkim=pass:evil.github.io",
	 "fail reject/reject"},
	{"co.uk " REJECT "; psd=y\nexample.co.uk " REJECT, "example.co.uk",
	 "dkim=pass:other.co.uk", "fail reject/reject"},
	/* No record between: each is an organization. */
	{"a.example.org " REJECT, "a.example.org", "dkim=pass:example.org",
	 "fail reject/reject"},
	{"a.example.org " REJECT, "a.example.org", "dkim=pass:b.example.org",
	 "fail reject/reject"},
	{"a.example.org " REJECT, "a.example.org", "dkim=pass:x.a.example.org",
	 "pass reject/none"},
	/* Deep names. */
	{"example.org " REJECT, "a.b.c.d.e.f.g.h.example.org",
	 "dkim=pass:example.org", "pass reject/none"},
	{"example.org " REJECT, "example.org",
	 "dkim=pass:a.b.c.d.e.f.g.h.i.j.k.example.org", "pass reject/none"},
	{"b.c.d.e.f.g.h.example.org " REJECT "; psd=n\n"
	 "example.org " REJECT,
	 "example.org", "dkim=pass:a.b.c.d.e.f.g.h.example.org",
	 "pass reject/none"},
	{"c.d.e.f.g.example.org " REJECT "; psd=n\n"
	 "example.org " REJECT,
	 "example.org", "dkim=pass:a.b.c.d.e.f.g.example.org",
	 "fail reject/reject"},
};

static void organizations_decide_relaxed_alignment(void **state)
{
	(void)state;
	check_rows(organizations, COUNT(organizations), DMARC_RFC9989);
}

#define EXISTS "\na.example.org A 192.0.2.1"

static void policies_of_subdomains(void **state)
{
	static const struct row rows[] = {
		{"example.org " REJECT, "a.example.org", "",
		 "fail reject/reject"},
		{"example.org " REJECT "; sp=none", "a.example.org", "",
		 "fail none/none"},
		{"example.org v=DMARC1; p=none; sp=reject", "a.example.org", "",
		 "fail reject/reject"},
		{"example.org v=DMARC1; p=none; sp=reject", "example.org", "",
		 "fail none/none"},
		{"example.org " REJECT "; sp=quarantine" EXISTS,
		 "a.example.org", "", "fail quarantine/quarantine"},
		/* np where DNS says NXDOMAIN. */
		{"example.org v=DMARC1; p=none; np=reject", "a.example.org", "",
		 "fail reject/reject"},
		{"example.org v=DMARC1; p=none; np=reject" EXISTS,
		 "a.example.org", "", "fail none/none"},
		{"example.org v=DMARC1; p=none; np=reject\n"
		 "a.example.org MX 10 mx.example.org",
		 "a.example.org", "", "fail none/none"},
		{"example.org v=DMARC1; p=none; np=reject\n"
		 "x.a.example.org A 192.0.2.1",
		 "a.example.org", "", "fail none/none"},
		{"example.org v=DMARC1; p=none; sp=quarantine; np=reject",
		 "a.example.org", "", "fail reject/reject"},
		{"example.org v=DMARC1; p=none; sp=quarantine; "
		 "np=reject" EXISTS,
		 "a.example.org", "", "fail quarantine/quarantine"},
		{"example.org " REJECT "; sp=reject; np=none", "a.example.org",
		 "", "fail none/none"},
		{"example.org " REJECT "; np=none", "example.org", "",
		 "fail reject/reject"},
		{"example.org v=DMARC1; p=none; np=reject", "a.example.org",
		 "dkim=pass:example.org", "pass reject/none"},
		/* The record of a public suffix. */
		{"bank " REJECT "; psd=y; sp=quarantine; np=reject", "a.bank",
		 "", "fail reject/reject"},
		{"bank " REJECT "; psd=y; sp=quarantine; np=reject\n"
		 "a.bank A 192.0.2.1",
		 "a.bank", "", "fail quarantine/quarantine"},
		{"bank " REJECT "; psd=y; sp=none", "bank", "",
		 "fail reject/reject"},
		{"bank " REJECT "; psd=y\na.bank v=DMARC1; p=none", "a.bank",
		 "", "fail none/none"},
		/* sp of a record below the organization is not used. */
		{"example.org v=DMARC1; p=none\n"
		 "b.example.org " REJECT "; sp=reject",
		 "a.b.example.org", "", "fail none/none"},
		{"a.example.org v=DMARC1; p=none; sp=reject\n"
		 "example.org " REJECT,
		 "a.example.org", "", "fail none/none"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void unusable_records_end_the_matter(void **state)
{
	static const struct row rows[] = {
		{"example.org v=DMARC1; p=bad", "example.org",
		 "spf=pass:example.org", "none -/none"},
		{"example.org v=DMARC1", "example.org", "spf=pass:example.org",
		 "none -/none"},
		{"a.example.org v=DMARC1; p=bad\nexample.org " REJECT,
		 "a.example.org", "", "none -/none"},
		{"example.org v=DMARC1; p=bad; rua=mailto:a@example.org",
		 "example.org", "", "fail none/none"},
		{"example.org v=DMARC1; rua=mailto:a@example.org",
		 "example.org", "dkim=pass:example.org", "pass none/none"},
		{"example.org " REJECT "\nexample.org " REJECT, "example.org",
		 "", "none -/none"},
		{"example.org v=dmarc1; p=reject", "example.org", "",
		 "none -/none"},
		{"example.org p=reject; v=DMARC1", "example.org", "",
		 "none -/none"},
		{"example.org " REJECT "\nexample.org junk", "example.org", "",
		 "fail reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static void test_mode_softens_by_one_level(void **state)
{
	static const struct row rows[] = {
		{"example.org " REJECT "; t=y", "example.org", "",
		 "fail reject/quarantine"},
		{"example.org v=DMARC1; p=quarantine; t=y", "example.org", "",
		 "fail quarantine/none"},
		{"example.org v=DMARC1; p=none; t=y", "example.org", "",
		 "fail none/none"},
		{"example.org " REJECT "; t=n", "example.org", "",
		 "fail reject/reject"},
		{"example.org " REJECT "; t=bad", "example.org", "",
		 "fail reject/reject"},
		{"example.org v=DMARC1; p=none; sp=reject; t=y",
		 "a.example.org", "", "fail reject/quarantine"},
		{"example.org v=DMARC1; p=none; np=reject; t=y",
		 "a.example.org", "", "fail reject/quarantine"},
		{"example.org " REJECT "; t=y", "example.org",
		 "dkim=pass:example.org", "pass reject/none"},
		{"example.org " REJECT "; pct=0", "example.org", "",
		 "fail reject/reject"},
		/* Of the record that applies, not of one above it. */
		{"a.example.org " REJECT "\nexample.org " REJECT "; t=y",
		 "a.example.org", "", "fail reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void percentages_sample(void **state)
{
	static const struct {
		const char *tags;
		unsigned sample;
		const char *want;
	} rows[] = {
		{"p=reject; pct=0", 0, "fail reject/quarantine"},
		{"p=reject; pct=0", 99, "fail reject/quarantine"},
		{"p=quarantine; pct=0", 0, "fail quarantine/none"},
		{"p=none; pct=0", 0, "fail none/none"},
		{"p=reject; pct=30", 29, "fail reject/reject"},
		{"p=reject; pct=30", 30, "fail reject/quarantine"},
		{"p=reject; pct=100", 99, "fail reject/reject"},
		{"p=reject; pct=bad", 99, "fail reject/reject"},
		{"p=reject; pct=101", 99, "fail reject/reject"},
		{"p=reject; t=y", 0, "fail reject/reject"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char zone[100];
		struct row row = {zone, "example.org", "", rows[i].want};

		snprintf(zone, sizeof(zone), "example.org v=DMARC1; %s",
			 rows[i].tags);
		evaluate(&row, DMARC_RFC7489, rows[i].sample, false);
	}
}

static void rfc_7489_has_its_own_rules(void **state)
{
	static const struct row rows[] = {
		{"example.org " REJECT "; sp=quarantine", "a.example.org", "",
		 "fail quarantine/quarantine"},
		{"example.org " REJECT "; np=none", "a.example.org", "",
		 "fail reject/reject"},
		{"bank " REJECT "; psd=y", "a.bank", "", "none -/none"},
		{"b.example.org " REJECT "; psd=n\nexample.org " REJECT,
		 "a.b.example.org", "dkim=pass:example.org",
		 "pass reject/none"},
		{"github.io " REJECT, "github.io", "dkim=pass:evil.github.io",
		 "fail reject/reject"},
		{"a.github.io " REJECT, "a.github.io", "dkim=pass:github.io",
		 "fail reject/reject"},
		{"a.example.org " REJECT, "a.example.org",
		 "dkim=pass:example.org", "pass reject/none"},
		{"a.example.org " REJECT, "a.example.org",
		 "dkim=pass:b.example.org", "pass reject/none"},
		{"org " REJECT, "org", "dkim=pass:org", "pass reject/none"},
		{"org " REJECT, "org", "dkim=pass:example.org",
		 "fail reject/reject"},
		{"example.org " REJECT, "a.b.c.d.e.f.g.h.example.org",
		 "dkim=pass:example.org", "pass reject/none"},
		{"xn--85x722f.xn--55qx5d.cn " REJECT,
		 "www.xn--85x722f.xn--55qx5d.cn",
		 "dkim=pass:mail.xn--85x722f.xn--55qx5d.cn",
		 "pass reject/none"},
		{"a.example.org " REJECT "\na.example.org " REJECT
		 "\nexample.org " REJECT,
		 "a.example.org", "", "none -/none"},
		{"example.org TEMPFAIL", "a.example.org", "",
		 "temperror -/none"},
		{"example.org TEMPFAIL\na.example.org " REJECT, "a.example.org",
		 "", "fail reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static const struct row failures[] = {
	/* The policy is unknown. */
	{"example.org TEMPFAIL", "example.org", "spf=pass:example.org",
	 "temperror -/none"},
	{"org TEMPFAIL", "example.org", "", "temperror -/none"},
	{"a.example.org TEMPFAIL\nexample.org " REJECT, "a.example.org",
	 "dkim=pass:a.example.org", "temperror -/none"},
	{"co.uk TEMPFAIL\nexample.co.uk " REJECT, "a.example.co.uk", "",
	 "temperror -/none"},
	/* A top-level domain is not needed if there is a record. */
	{"org TEMPFAIL\nexample.org " REJECT, "a.example.org", "",
	 "fail reject/reject"},
	{"org TEMPFAIL\nexample.org " REJECT, "a.example.org",
	 "dkim=pass:b.example.org", "pass reject/none"},
	{"org TEMPFAIL\nexample.org " REJECT, "example.org",
	 "dkim=pass:other.org", "fail reject/reject"},
	/* The organization is unknown, the policy is not. */
	{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:example.co.uk", "pass reject/none"},
	{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk", "",
	 "fail reject/reject"},
	{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:other.net", "fail reject/reject"},
	{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:mail.example.co.uk", "temperror reject/none"},
	{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:other.co.uk", "temperror reject/none"},
	{"example.co.uk " REJECT "; adkim=s\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:other.co.uk", "fail reject/reject"},
	{"example.co.uk " REJECT "; psd=n\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:other.co.uk", "fail reject/reject"},
	{"example.co.uk " REJECT "; psd=n\nco.uk TEMPFAIL", "example.co.uk",
	 "dkim=pass:mail.example.co.uk", "pass reject/none"},
	{"a.b.example.org " REJECT "\nb.example.org TEMPFAIL\n"
	 "example.org " REJECT,
	 "a.b.example.org", "dkim=pass:x.example.org", "temperror reject/none"},
	/* The identifier's walk fails. */
	{"example.org " REJECT "\nmail.example.org TEMPFAIL", "example.org",
	 "dkim=pass:mail.example.org", "temperror reject/none"},
	{"example.org " REJECT "\nmail.example.org TEMPFAIL", "example.org",
	 "dkim=pass:mail.example.org spf=pass:x.example.org",
	 "pass reject/none"},
	{"example.org " REJECT "\nother.net TEMPFAIL", "example.org",
	 "dkim=pass:other.net", "fail reject/reject"},
	/* SPF or DKIM did not finish. */
	{"example.org " REJECT, "example.org", "spf=temperror:example.org",
	 "temperror reject/none"},
	{"example.org " REJECT, "example.org", "dkim=temperror:example.org",
	 "temperror reject/none"},
	{"example.org " REJECT, "example.org",
	 "dkim=temperror:mail.example.org", "temperror reject/none"},
	{"example.org " REJECT "; adkim=s", "example.org",
	 "dkim=temperror:mail.example.org", "fail reject/reject"},
	{"example.org " REJECT, "example.org",
	 "spf=temperror:other.net dkim=temperror:evil.example",
	 "fail reject/reject"},
	{"example.org " REJECT, "example.org",
	 "spf=temperror:example.org dkim=pass:example.org", "pass reject/none"},
	{"example.org " REJECT, "example.org",
	 "spf=fail:example.org dkim=temperror:example.org",
	 "temperror reject/none"},
	{"example.org v=DMARC1; p=none", "example.org",
	 "spf=temperror:example.org", "temperror none/none"},
	/* Whether the author domain exists. */
	{"example.org v=DMARC1; p=none; np=reject\n"
	 "a.example.org A TEMPFAIL",
	 "a.example.org", "", "temperror none/none"},
	{"example.org " REJECT "; np=none\na.example.org A TEMPFAIL",
	 "a.example.org", "", "temperror none/none"},
	{"example.org v=DMARC1; p=none; np=reject\n"
	 "a.example.org A TEMPFAIL",
	 "a.example.org", "dkim=pass:a.example.org", "pass none/none"},
	{"example.org " REJECT "; np=reject\na.example.org A TEMPFAIL",
	 "a.example.org", "", "fail reject/reject"},
};

static void failures_of_dns_excuse_only_what_they_may(void **state)
{
	(void)state;
	check_rows(failures, COUNT(failures), DMARC_RFC9989);
}

static void questions_go_out_together(void **state)
{
	struct dmarc_identifier ids[IDS_MAX];
	struct dmarc_bench bench;
	struct dmarc_query query = {.author = SLICE("a.example.org"),
				    .identifiers = ids};
	struct auth_dmarc got;
	unsigned rounds = 0;

	(void)state;
	dmarc_bench_open(&bench, "example.org v=DMARC1; p=none; np=reject",
			 DMARC_RFC9989, true);
	query.source = bench.source;
	query.identifier_count = read_ids(
		"spf=pass:b.c.example.org dkim=pass:d.e.example.org", ids);
	while (dmarc_evaluate(&query, &got) == STEP_WAIT) {
		assert_true(answers_deliver(bench.answers) > 0);
		rounds++;
	}
	assert_int_equal(got.result, AUTH_PASS);
	assert_int_equal(rounds, 2);
	/* Three of the author, two for each identifier, one for np. */
	assert_int_equal(answers_asked(bench.answers), 8);
	dmarc_bench_close(&bench);
}

static void reasons_name_the_facts(void **state)
{
	static const struct {
		const char *zone, *ids, *says;
	} rows[] = {
		{"example.org " REJECT, "dkim=pass:a.example.org",
		 "DKIM passed for a.example.org, which aligns with "
		 "example.org"},
		{"example.org " REJECT, "spf=pass:evil.net",
		 "SPF passed for evil.net, which does not align with "
		 "example.org; example.org asks to reject such mail"},
		{"example.org " REJECT, "",
		 "neither SPF nor DKIM passed for example.org; example.org "
		 "asks to reject such mail"},
		{"example.org " REJECT "; t=y", "", "is testing"},
		{"example.org TEMPFAIL", "",
		 "DNS did not answer for _dmarc.example.org"},
		{"", "", "no DMARC record covers example.org"},
		{"example.org " REJECT "\nexample.org " REJECT, "",
		 "more than one DMARC record"},
		{"example.org v=DMARC1; p=x", "", "no valid policy"},
		{"example.org " REJECT, "spf=temperror:example.org",
		 "DNS failed"},
		{"example.org " REJECT,
		 "dkim=pass:a.net dkim=pass:b.net dkim=pass:c.net "
		 "dkim=pass:d.net dkim=pass:e.net",
		 "and 2 more"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dmarc_identifier ids[IDS_MAX];
		struct dmarc_bench bench;
		struct dmarc_query query = {.author = SLICE("example.org"),
					    .identifiers = ids};
		struct auth_dmarc got;

		dmarc_bench_open(&bench, rows[i].zone, DMARC_RFC9989, false);
		query.source = bench.source;
		query.identifier_count = read_ids(rows[i].ids, ids);
		assert_int_equal(dmarc_evaluate(&query, &got), STEP_DONE);
		if (slice_search_nocase(got.reason, slice_cstr(rows[i].says)) ==
		    got.reason.n)
			fail_msg("\"%.*s\" does not say \"%s\"",
				 SLICE_FMT(got.reason), rows[i].says);
		dmarc_bench_close(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_aligned_pass_passes),
		cmocka_unit_test(names_that_only_look_alike_do_not_align),
		cmocka_unit_test(organizations_decide_relaxed_alignment),
		cmocka_unit_test(policies_of_subdomains),
		cmocka_unit_test(unusable_records_end_the_matter),
		cmocka_unit_test(test_mode_softens_by_one_level),
		cmocka_unit_test(percentages_sample),
		cmocka_unit_test(rfc_7489_has_its_own_rules),
		cmocka_unit_test(failures_of_dns_excuse_only_what_they_may),
		cmocka_unit_test(questions_go_out_together),
		cmocka_unit_test(reasons_name_the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
