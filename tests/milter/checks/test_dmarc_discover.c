/* The DNS tree walk, and the search by the public suffix list. */
#include "milter/checks/dmarc_discover.h"

#include "common/base/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/dmarc_cases.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REJECT "v=DMARC1; p=reject"

struct row {
	const char *zone, *domain;
	/* "record's domain / organization"; '-' for no record, "several"
	 * or "failed NAME" instead; '?' after an uncertain organization. */
	const char *want;
};

static const char *shown(struct arena *a, const struct dmarc_found *found)
{
	struct buf b = BUF(a);

	if (found->state == DMARC_STATE_FAILED)
		buf_printf(&b, "failed %.*s", SLICE_FMT(found->failed_name));
	else if (found->state == DMARC_STATE_SEVERAL)
		buf_add_text(&b, "several");
	else if (found->state == DMARC_STATE_NONE)
		buf_add_text(&b, "-");
	else
		buf_add(&b, found->record_domain);
	buf_printf(&b, " / %.*s%s", SLICE_FMT(found->org),
		   found->org_known ? "" : "?");
	return arena_cstr(a, buf_slice(&b));
}

static void check_row(const struct row *row, enum dmarc_rfc rfc, bool late)
{
	struct dmarc_bench bench;
	struct dmarc_found found;
	struct slice domain = slice_cstr(row->domain), org;
	bool known;
	const char *got;

	dmarc_bench_open(&bench, row->zone, rfc, late);
	while (dmarc_discover(&bench.source, domain, &found) == STEP_WAIT)
		assert_true(answers_deliver(bench.answers) > 0);
	got = shown(bench.arena, &found);
	if (strcmp(got, row->want) != 0)
		fail_msg("%s in\n%s: got %s, want %s", row->domain, row->zone,
			 got, row->want);
	/* Identifiers find the same organization. */
	while (dmarc_organization(&bench.source, domain, &org, &known) ==
	       STEP_WAIT)
		assert_true(answers_deliver(bench.answers) > 0);
	assert_true(slice_eq(org, found.org));
	assert_int_equal(known, found.org_known);
	dmarc_bench_close(&bench);
}

static void check_rows(const struct row *rows, size_t count, enum dmarc_rfc rfc)
{
	for (size_t i = 0; i < count; i++) {
		check_row(&rows[i], rfc, false);
		check_row(&rows[i], rfc, true);
	}
}

static void the_walk_finds_records_and_organizations(void **state)
{
	static const struct row rows[] = {
		{"", "example.org", "- / example.org"},
		{"", "org", "- / org"},
		{"example.org " REJECT, "example.org",
		 "example.org / example.org"},
		{"example.org " REJECT, "a.b.example.org",
		 "example.org / example.org"},
		{"a.example.org " REJECT, "a.example.org",
		 "a.example.org / a.example.org"},
		/* Its own record applies, the highest makes the org. */
		{"a.example.org " REJECT "\nexample.org " REJECT,
		 "a.example.org", "a.example.org / example.org"},
		{"b.example.org " REJECT "\nexample.org " REJECT,
		 "a.b.example.org", "example.org / example.org"},
		{"org " REJECT "\nexample.org " REJECT, "example.org",
		 "example.org / org"},
		{"org " REJECT, "example.org", "org / org"},
		/* Records of others do not count. */
		{"b.example.org " REJECT, "a.example.org", "- / a.example.org"},
		{"notexample.org " REJECT, "example.org", "- / example.org"},
		/* What is not a record, or several of them. */
		{"example.org v=spf1 -all", "example.org", "- / example.org"},
		{"example.org v=dmarc1; p=reject", "example.org",
		 "- / example.org"},
		{"example.org v=spf1 -all\nexample.org " REJECT, "example.org",
		 "example.org / example.org"},
		{"example.org " REJECT "\nexample.org " REJECT, "example.org",
		 "several / example.org"},
		{"a.example.org " REJECT "\na.example.org " REJECT
		 "\nexample.org " REJECT,
		 "a.example.org", "example.org / example.org"},
		{"example.org " REJECT "\nexample.org v=DMARC1; p=none"
		 "\norg v=DMARC1; p=none; psd=y",
		 "example.org", "org / example.org"},
		{"_dmarc.example.org CNAME _dmarc.other.net\nother.net " REJECT,
		 "example.org", "example.org / example.org"},
		/* Even a record that no policy can be read from. */
		{"example.org v=DMARC1; p=bad", "example.org",
		 "example.org / example.org"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void psd_tags_end_the_walk(void **state)
{
	static const struct row rows[] = {
		/* psd=n: this is the organization. */
		{"b.example.org " REJECT "; psd=n\nexample.org " REJECT,
		 "a.b.example.org", "b.example.org / b.example.org"},
		{"a.example.org " REJECT "; psd=n\nexample.org " REJECT,
		 "a.example.org", "a.example.org / a.example.org"},
		{"a.b.example.org " REJECT "\nb.example.org " REJECT
		 "; psd=n\nexample.org " REJECT,
		 "a.b.example.org", "a.b.example.org / b.example.org"},
		{"example.org " REJECT "; psd=n\norg " REJECT, "example.org",
		 "example.org / example.org"},
		/* psd=y: the organization is one label below. */
		{"org " REJECT "; psd=y", "example.org", "org / example.org"},
		{"org " REJECT "; psd=y", "a.b.example.org",
		 "org / example.org"},
		{"org " REJECT "; psd=y\nexample.org " REJECT, "a.example.org",
		 "example.org / example.org"},
		{"org " REJECT "; psd=y\na.example.org " REJECT,
		 "a.example.org", "a.example.org / example.org"},
		{"org " REJECT "; psd=y\nb.example.org " REJECT,
		 "a.b.example.org", "org / example.org"},
		{"co.uk " REJECT "; psd=y\nuk " REJECT, "a.example.co.uk",
		 "co.uk / example.co.uk"},
		/* At a public suffix itself. */
		{"org " REJECT "; psd=y", "org", "org / org"},
		{"co.uk " REJECT "; psd=y\nuk " REJECT "; psd=y", "co.uk",
		 "co.uk / co.uk"},
		{"org " REJECT "; psd=n", "org", "org / org"},
		/* psd=u and bad values say nothing. */
		{"org " REJECT "; psd=u", "example.org", "org / org"},
		{"org " REJECT "; psd=yes", "example.org", "org / org"},
		/* A psd=y above psd=n, and the other way round. */
		{"example.org " REJECT "; psd=n\norg " REJECT "; psd=y",
		 "a.example.org", "example.org / example.org"},
		{"example.org " REJECT "; psd=y\norg " REJECT "; psd=n",
		 "b.a.example.org", "example.org / a.example.org"},
		/* Several records have no psd tag either. */
		{"org " REJECT "; psd=y\norg " REJECT "; psd=y\n"
		 "example.org " REJECT,
		 "a.example.org", "example.org / example.org"},
		/* Without a policy it still marks the boundary. */
		{"org v=DMARC1; psd=y\nexample.org " REJECT, "a.example.org",
		 "example.org / example.org"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void long_names_are_shortened_to_seven_labels(void **state)
{
	static const struct row rows[] = {
		{"a.b.c.d.e.f.example.org " REJECT, "a.b.c.d.e.f.example.org",
		 "a.b.c.d.e.f.example.org / a.b.c.d.e.f.example.org"},
		{"b.c.d.e.f.example.org " REJECT, "a.b.c.d.e.f.example.org",
		 "b.c.d.e.f.example.org / b.c.d.e.f.example.org"},
		/* Nine labels: the second name is skipped. */
		{"b.c.d.e.f.g.example.org " REJECT, "a.b.c.d.e.f.g.example.org",
		 "- / a.b.c.d.e.f.g.example.org"},
		{"c.d.e.f.g.example.org " REJECT, "a.b.c.d.e.f.g.example.org",
		 "c.d.e.f.g.example.org / c.d.e.f.g.example.org"},
		{"b.c.d.e.f.g.example.org " REJECT "; psd=n\n"
		 "example.org " REJECT,
		 "mail.a.b.c.d.e.f.g.example.org", "example.org / example.org"},
		{"a.b.c.d.e.f.g.h.i.j.mail.example.org " REJECT "\n"
		 "example.org " REJECT,
		 "a.b.c.d.e.f.g.h.i.j.mail.example.org",
		 "a.b.c.d.e.f.g.h.i.j.mail.example.org / example.org"},
		{"c.d.e.f.g.example.org " REJECT "; psd=y",
		 "x.a.b.c.d.e.f.g.example.org",
		 "c.d.e.f.g.example.org / b.c.d.e.f.g.example.org"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void the_walk_asks_eight_questions_at_most(void **state)
{
	static const struct {
		const char *domain;
		unsigned want;
	} rows[] = {
		{"org", 1},
		{"a.b.c.d.e.f.org", 7},
		{"a.b.c.d.e.f.g.org", 8},
		{"a.b.c.d.e.f.g.h.org", 8},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.org", 8},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dmarc_bench bench;

		dmarc_bench_open(&bench, "", DMARC_RFC9989, true);
		dmarc_ask(&bench.source, slice_cstr(rows[i].domain));
		assert_int_equal(answers_asked(bench.answers), rows[i].want);
		dmarc_bench_close(&bench);
	}
}

static void failures_leave_only_what_they_touch_unknown(void **state)
{
	static const struct row rows[] = {
		{"example.org TEMPFAIL", "example.org",
		 "failed example.org / example.org?"},
		{"org TEMPFAIL", "example.org", "failed org / org?"},
		{"org TEMPFAIL\nexample.org TEMPFAIL", "example.org",
		 "failed org / org?"},
		{"example.org TEMPFAIL\norg " REJECT "; psd=y", "example.org",
		 "failed example.org / example.org?"},
		{"a.example.org TEMPFAIL\nexample.org " REJECT, "a.example.org",
		 "failed a.example.org / example.org?"},
		{"b.example.org TEMPFAIL\nexample.org " REJECT,
		 "a.b.example.org", "failed b.example.org / example.org?"},
		/* A record of its own applies whatever stands above. */
		{"example.co.uk " REJECT "\nco.uk TEMPFAIL", "example.co.uk",
		 "example.co.uk / co.uk?"},
		{"a.example.org " REJECT "\nexample.org TEMPFAIL",
		 "a.example.org", "a.example.org / example.org?"},
		/* A top-level domain is not needed if there is a record. */
		{"example.org " REJECT "\norg TEMPFAIL", "example.org",
		 "example.org / example.org"},
		{"example.org " REJECT "\norg TEMPFAIL", "a.b.example.org",
		 "example.org / example.org"},
		{"example.org " REJECT "\nexample.org " REJECT "\norg TEMPFAIL",
		 "example.org", "failed org / org?"},
		{"org TEMPFAIL", "org", "failed org / org?"},
		/* Above the end of the walk nothing matters. */
		{"example.org " REJECT "; psd=n\norg TEMPFAIL", "a.example.org",
		 "example.org / example.org"},
		{"co.uk " REJECT "; psd=y\nuk TEMPFAIL", "example.co.uk",
		 "co.uk / example.co.uk"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void rfc_7489_looks_at_two_names(void **state)
{
	static const struct row rows[] = {
		{"", "example.org", "- / example.org"},
		{"example.org " REJECT, "example.org",
		 "example.org / example.org"},
		{"example.org " REJECT, "a.b.example.org",
		 "example.org / example.org"},
		{"b.example.org " REJECT, "a.b.example.org", "- / example.org"},
		{"a.b.example.org " REJECT "\nexample.org " REJECT,
		 "a.b.example.org", "a.b.example.org / example.org"},
		{"org " REJECT "; psd=y", "example.org", "- / example.org"},
		{"org " REJECT, "org", "org / org"},
		{"co.uk " REJECT, "example.co.uk", "- / example.co.uk"},
		{"example.co.uk " REJECT, "a.example.co.uk",
		 "example.co.uk / example.co.uk"},
		{"b.example.org " REJECT "; psd=n\nexample.org " REJECT,
		 "a.b.example.org", "example.org / example.org"},
		/* Several records end the search. */
		{"a.example.org " REJECT "\na.example.org " REJECT
		 "\nexample.org " REJECT,
		 "a.example.org", "several / example.org"},
		{"example.org " REJECT "\nexample.org " REJECT, "a.example.org",
		 "several / example.org"},
		/* Not a record: discarded before counting. */
		{"a.example.org v=spf1 -all\nexample.org " REJECT,
		 "a.example.org", "example.org / example.org"},
		{"a.example.org TEMPFAIL\nexample.org " REJECT, "a.example.org",
		 "failed a.example.org / example.org"},
		{"example.org TEMPFAIL", "a.example.org",
		 "failed example.org / example.org"},
		{"a.example.org " REJECT "\nexample.org TEMPFAIL",
		 "a.example.org", "a.example.org / example.org"},
		{"org TEMPFAIL\nexample.org " REJECT, "example.org",
		 "example.org / example.org"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_walk_finds_records_and_organizations),
		cmocka_unit_test(psd_tags_end_the_walk),
		cmocka_unit_test(long_names_are_shortened_to_seven_labels),
		cmocka_unit_test(the_walk_asks_eight_questions_at_most),
		cmocka_unit_test(failures_leave_only_what_they_touch_unknown),
		cmocka_unit_test(rfc_7489_looks_at_two_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
