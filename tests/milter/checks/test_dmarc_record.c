/* DMARC records: what is one, and what each tag's good and bad values do. */
#include "milter/checks/dmarc_record.h"

#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUA "; rua=mailto:a@example.org"

/* "reject/reject/none s d t=y pct=50 psd=y" or "unusable". */
static void show(const struct dmarc_record *r, char *out, size_t room)
{
	static const char *const psd[] = {"", " psd=n", " psd=y"};

	if (!r->usable) {
		snprintf(out, room, "unusable%s", psd[r->psd]);
		return;
	}
	snprintf(out, room, "%s/%s/%s%s%s%s%s", dmarc_policy_word(r->p),
		 dmarc_policy_word(r->sp), dmarc_policy_word(r->np),
		 r->strict_spf ? " aspf" : "", r->strict_dkim ? " adkim" : "",
		 r->testing ? " t" : "", psd[r->psd]);
	if (r->percent != 100)
		snprintf(out + strlen(out), room - strlen(out), " pct=%u",
			 r->percent);
}

struct row {
	const char *text, *want; /* want NULL: no DMARC record */
};

static void check_rows(const struct row *rows, size_t count, enum dmarc_rfc rfc)
{
	for (size_t i = 0; i < count; i++) {
		struct slice text = slice_cstr(rows[i].text);
		struct dmarc_record record;
		char got[100] = "no record";

		if (dmarc_record_begins(text)) {
			dmarc_record_parse(text, rfc, &record);
			show(&record, got, sizeof(got));
		}
		if (strcmp(got, rows[i].want ? rows[i].want : "no record") != 0)
			fail_msg("\"%s\": got %s, want %s", rows[i].text, got,
				 rows[i].want ? rows[i].want : "no record");
	}
}

static void the_first_tag_makes_a_record(void **state)
{
	static const struct row rows[] = {
		{"v=DMARC1; p=reject", "reject/reject/reject"},
		{"v=DMARC1;p=reject", "reject/reject/reject"},
		{"v=DMARC1;p=reject;", "reject/reject/reject"},
		{"v = DMARC1 ; p = reject ;", "reject/reject/reject"},
		{"v\t=\tDMARC1\t;\tp\t=\treject", "reject/reject/reject"},
		{"  v=DMARC1; p=reject", "reject/reject/reject"},
		{"V=DMARC1; P=reject", "reject/reject/reject"},
		{"v=DMARC1   ;    p=reject   ", "reject/reject/reject"},
		{"v=dmarc1; p=reject", NULL},
		{"v=Dmarc1; p=reject", NULL},
		{"v=DMARC2; p=reject", NULL},
		{"v=DMARC11; p=reject", NULL},
		{"v=DMARC1.; p=reject", NULL},
		{"v=DMARC; p=reject", NULL},
		{"v=D; p=reject", NULL},
		{"v=; p=reject", NULL},
		{"v=\"DMARC1\"; p=reject", NULL},
		{"v=DMARC1 p=reject", NULL},
		{"v=DMARC1, p=reject", NULL},
		{"v DMARC1; p=reject", NULL},
		{"p=reject; v=DMARC1", NULL},
		{"x=y; v=DMARC1; p=reject", NULL},
		{"; v=DMARC1; p=reject", NULL},
		{"v==DMARC1; p=reject", NULL},
		{"ver=DMARC1; p=reject", NULL},
		{"v=spf1 -all", NULL},
		{"DMARC1; p=reject", NULL},
		{"", NULL},
		{"v", NULL},
		{";", NULL},
		{"v=DMARC1", "unusable"},
		{"v=DMARC1;", "unusable"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static void policies_fall_back_as_the_rfc_says(void **state)
{
	static const struct row rows[] = {
		{"v=DMARC1; p=none", "none/none/none"},
		{"v=DMARC1; p=quarantine", "quarantine/quarantine/quarantine"},
		{"v=DMARC1; p=REJECT", "reject/reject/reject"},
		{"v=DMARC1; p=Quarantine", "quarantine/quarantine/quarantine"},
		{"v=DMARC1; p=reject; sp=none", "reject/none/none"},
		{"v=DMARC1; sp=none; p=reject", "reject/none/none"},
		{"v=DMARC1; p=none; sp=quarantine; np=reject",
		 "none/quarantine/reject"},
		{"v=DMARC1; p=none; np=reject", "none/none/reject"},
		{"v=DMARC1; p=reject; sp=NONE; np=None", "reject/none/none"},
		/* No valid p, sp or np: none if there is an rua, else out. */
		{"v=DMARC1; p=r", "unusable"},
		{"v=DMARC1; p=rejected", "unusable"},
		{"v=DMARC1; p=re ject", "unusable"},
		{"v=DMARC1; p=", "unusable"},
		{"v=DMARC1; p", "unusable"},
		{"v=DMARC1; p=reject sp=none", "unusable"},
		{"v=DMARC1; p=reject, sp=none", "unusable"},
		{"v=DMARC1; p=\"reject\"", "unusable"},
		{"v=DMARC1; sp=reject", "unusable"},
		{"v=DMARC1; p=reject; sp=bad", "unusable"},
		{"v=DMARC1; p=reject; np=bad", "unusable"},
		{"v=DMARC1; p=reject; sp=", "unusable"},
		{"v=DMARC1" RUA, "none/none/none"},
		{"v=DMARC1; p=bad" RUA, "none/none/none"},
		{"v=DMARC1; p=" RUA, "none/none/none"},
		{"v=DMARC1; p=reject; sp=bad" RUA, "none/none/none"},
		{"v=DMARC1; p=reject; np=bad" RUA, "none/none/none"},
		{"v=DMARC1; p=bad; sp=reject; np=reject" RUA, "none/none/none"},
		{"v=DMARC1; p=bad; adkim=s" RUA, "none/none/none adkim"},
		/* Of a repeated tag the first counts. */
		{"v=DMARC1; p=reject; p=none", "reject/reject/reject"},
		{"v=DMARC1; p=none; p=reject", "none/none/none"},
		{"v=DMARC1; v=DMARC1; p=reject", "reject/reject/reject"},
		{"v=DMARC1; v=DMARC2; p=reject", "reject/reject/reject"},
		/* What is no tag costs nothing but itself. */
		{"v=DMARC1;; p=reject;;", "reject/reject/reject"},
		{"v=DMARC1; junk; p=reject", "reject/reject/reject"},
		{"v=DMARC1; =x; p=reject", "reject/reject/reject"},
		{"v=DMARC1; x-y=z; p=reject", "reject/reject/reject"},
		{"v=DMARC1; unknown=1; p=reject; other=2",
		 "reject/reject/reject"},
		{"v=DMARC1; p=reject; \xff\xfe=\x01", "reject/reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void report_addresses_are_checked(void **state)
{
	static const struct row rows[] = {
		{"v=DMARC1; rua=mailto:a@b", "none/none/none"},
		{"v=DMARC1; rua=MAILTO:a@b", "none/none/none"},
		{"v=DMARC1; rua=https://x.example/r", "none/none/none"},
		{"v=DMARC1; rua=mailto:a@b!10m", "none/none/none"},
		{"v=DMARC1; rua=mailto:a@b!50", "none/none/none"},
		{"v=DMARC1; rua=bad , mailto:a@b", "none/none/none"},
		{"v=DMARC1; rua=,mailto:a@b,", "none/none/none"},
		{"v=DMARC1; rua=mailto:a%2Cc@b", "none/none/none"},
		{"v=DMARC1; rua=a@b", "unusable"},
		{"v=DMARC1; rua=", "unusable"},
		{"v=DMARC1; rua=mailto:", "unusable"},
		{"v=DMARC1; rua=:x", "unusable"},
		{"v=DMARC1; rua=1x:y", "unusable"},
		{"v=DMARC1; rua=mailto:a b@c", "unusable"},
		{"v=DMARC1; rua=mailto:a@b!x", "unusable"},
		{"v=DMARC1; rua=mailto:a@b!10mb", "unusable"},
		{"v=DMARC1; rua=mailto:a%2@b", "unusable"},
		{"v=DMARC1; rua=mailto:<a@b>", "unusable"},
		{"v=DMARC1; rua=mailto:a@b\x01", "unusable"},
		{"v=DMARC1; ruf=mailto:a@b", "unusable"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static void bad_values_leave_the_default(void **state)
{
	static const struct row rows[] = {
		{"v=DMARC1; p=none; adkim=s; aspf=s",
		 "none/none/none aspf adkim"},
		{"v=DMARC1; p=none; adkim=S", "none/none/none adkim"},
		{"v=DMARC1; p=none; aspf = s ", "none/none/none aspf"},
		{"v=DMARC1; p=none; adkim=r; aspf=r", "none/none/none"},
		{"v=DMARC1; p=none; adkim=strict; aspf=x", "none/none/none"},
		{"v=DMARC1; p=none; adkim=; aspf=", "none/none/none"},
		{"v=DMARC1; p=none; t=y", "none/none/none t"},
		{"v=DMARC1; p=none; t=Y", "none/none/none t"},
		{"v=DMARC1; p=none; t=n", "none/none/none"},
		{"v=DMARC1; p=none; t=yes", "none/none/none"},
		{"v=DMARC1; p=none; psd=y", "none/none/none psd=y"},
		{"v=DMARC1; p=none; psd=n", "none/none/none psd=n"},
		{"v=DMARC1; p=none; psd=u", "none/none/none"},
		{"v=DMARC1; p=none; psd=x", "none/none/none"},
		{"v=DMARC1; p=none; psd=N", "none/none/none psd=n"},
		{"v=DMARC1; psd=n", "unusable psd=n"},
		{"v=DMARC1; p=none; fo=zz; ri=-1; rf=iodef", "none/none/none"},
		{"v=DMARC1; p=reject; pct=0", "reject/reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC9989);
}

static void rfc_7489_knows_pct_but_not_np_t_and_psd(void **state)
{
	static const struct row rows[] = {
		{"v=DMARC1; p=reject; np=none; t=y; psd=y",
		 "reject/reject/reject"},
		{"v=DMARC1; p=reject; np=bad", "reject/reject/reject"},
		{"v=DMARC1; p=reject; sp=none; np=reject", "reject/none/none"},
		{"v=DMARC1; p=reject; sp=bad", "unusable"},
		{"v=DMARC1; p=reject; sp=bad" RUA, "none/none/none"},
		{"v=DMARC1; p=bad" RUA, "none/none/none"},
		{"v=DMARC1; p=reject; pct=0", "reject/reject/reject pct=0"},
		{"v=DMARC1; p=reject; pct=50", "reject/reject/reject pct=50"},
		{"v=DMARC1; p=reject; pct = 007", "reject/reject/reject pct=7"},
		{"v=DMARC1; p=reject; pct=100", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=101", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=-1", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=abc", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=5%", "reject/reject/reject"},
		{"v=DMARC1; p=reject; pct=99999999999999999999999",
		 "reject/reject/reject"},
	};

	(void)state;
	check_rows(rows, COUNT(rows), DMARC_RFC7489);
}

static void only_one_record_counts(void **state)
{
	const struct dns_record records[] = {
		{.data = SLICE("v=spf1 -all")},
		{.data = SLICE("v=DMARC1; p=reject")},
		{.data = SLICE("v=dmarc1; p=none")},
		{.data = SLICE("v=DMARC1; p=none")},
	};
	struct dns_answer *answer;
	struct dmarc_record record;

	(void)state;
	answer = dns_answer_new(DNS_FOUND, false, 1, NULL, records, 3);
	assert_int_equal(dmarc_record_select(answer, DMARC_RFC9989, &record),
			 1);
	assert_int_equal(record.p, DMARC_POLICY_REJECT);
	dns_answer_unref(answer);
	answer = dns_answer_new(DNS_FOUND, false, 1, NULL, records, 4);
	assert_int_equal(dmarc_record_select(answer, DMARC_RFC9989, &record),
			 2);
	dns_answer_unref(answer);
	answer = dns_answer_new(DNS_NODATA, false, 1, NULL, NULL, 0);
	assert_int_equal(dmarc_record_select(answer, DMARC_RFC9989, &record),
			 0);
	dns_answer_unref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_tag_makes_a_record),
		cmocka_unit_test(policies_fall_back_as_the_rfc_says),
		cmocka_unit_test(report_addresses_are_checked),
		cmocka_unit_test(bad_values_leave_the_default),
		cmocka_unit_test(rfc_7489_knows_pct_but_not_np_t_and_psd),
		cmocka_unit_test(only_one_record_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
