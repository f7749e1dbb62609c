/*
 * DKIM over whole messages: several signatures, limits, hostile header
 * sections, slow keys, and what all of it comes to for the message.
 */
#include "tests/support/cmocka.h"
#include "tests/support/dkim_ask.h"
#include "tests/support/dkim_sign.h"

#include "common/base/buf.h"
#include "milter/checks/dkim.h"

#include <string.h>

#define TAGS(d, s)                                                 \
	"v=1; a=rsa-sha256; c=relaxed/relaxed; d=" d "; s=" s "; " \
	"h=From:Subject"

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const char header[] = "From: Joe <joe@example.com>\r\n"
			     "Subject: dinner\r\n";
static const char body[] = "Hi.\r\n";

static struct slice sign_for(struct arena *a, const char *tags, const char *key)
{
	struct dkim_sign sign = {.tags = tags,
				 .names = "From:Subject",
				 .relaxed_header = true,
				 .relaxed_body = true,
				 .key = key};

	return dkim_sign(a, slice_cstr(header), slice_cstr(body), &sign);
}

static const char *make_zone(struct arena *a)
{
	struct slice rsa = dkim_pair_spki(a, dkim_pair("rsa2048"));
	struct slice small = dkim_pair_spki(a, dkim_pair("rsa1024"));
	struct slice ed = dkim_pair_spki(a, dkim_pair("ed25519"));
	struct buf zone = BUF(a);

	buf_printf(&zone,
		   "s._domainkey.example.com TXT p=%.*s\n"
		   "t._domainkey.example.com TXT t=y; p=%.*s\n"
		   "both._domainkey.example.com TXT k=ed25519; p=%.*s\n"
		   "both._domainkey.example.com TXT k=rsa; p=%.*s\n"
		   "slow._domainkey.example.com TXT TEMPFAIL\n"
		   "s._domainkey.example.net TXT p=%.*s\n",
		   SLICE_FMT(rsa), SLICE_FMT(rsa), SLICE_FMT(ed),
		   SLICE_FMT(rsa), SLICE_FMT(small));
	return arena_cstr(a, buf_slice(&zone));
}

static struct slice whole(struct arena *a, struct slice signatures,
			  const char *fields, const char *text)
{
	struct buf out = BUF(a);

	buf_add(&out, signatures);
	buf_add_text(&out, fields);
	buf_add_text(&out, "\r\n");
	buf_add_text(&out, text);
	return buf_slice(&out);
}

struct want {
	const char *words, *symbol;
	enum outcome outcome;
};

static void check_one(struct bench *bench, struct slice message,
		      const struct want *want)
{
	struct mail *mail = dkim_ask(bench, message, 0);
	enum outcome outcome = judged_report(mail, "dkim")->outcome;

	if (strcmp(dkim_words(mail), want->words) != 0)
		fail_msg("%s, not %s", dkim_reasons(mail), want->words);
	assert_string_equal(judged_symbols(mail), want->symbol);
	assert_string_equal(outcome_word(outcome), outcome_word(want->outcome));
	mail_free(&mail);
}

static void findings_for_a_message(void **state)
{
	static const char ed[] = "v=1; a=ed25519-sha256; c=relaxed/relaxed; "
				 "d=example.com; s=both; h=From:Subject";
	static const struct {
		struct {
			const char *tags, *key;
		} by[3];
		const char *fields;
		struct want want;
	} cases[] = {
		{{{0}}, header, {"none", "DKIM_NONE", OUTCOME_PASS}},
		{{{TAGS("example.com", "s"), "rsa2048"}},
		 header,
		 {"pass", "DKIM_PASS", OUTCOME_PASS}},
		{{{TAGS("example.com", "s"), "rsa2048"},
		  {TAGS("example.net", "s"), "rsa1024"}},
		 header,
		 {"pass pass", "DKIM_PASS", OUTCOME_PASS}},
		/* A list changed it, and signed it anew. */
		{{{TAGS("example.com", "s"), "rsa1024"},
		  {TAGS("example.net", "s"), "rsa1024"}},
		 header,
		 {"fail pass", "DKIM_PASS", OUTCOME_PASS}},
		{{{TAGS("example.com", "s"), "rsa1024"}},
		 header,
		 {"fail", "DKIM_FAIL", OUTCOME_FAIL}},
		{{{TAGS("example.com", "t"), "rsa1024"}},
		 header,
		 {"fail", "DKIM_TESTING", OUTCOME_PASS}},
		{{{TAGS("example.com", "none"), "rsa2048"}},
		 header,
		 {"permerror", "DKIM_PERMERROR", OUTCOME_PASS}},
		{{{TAGS("example.com", "slow"), "rsa2048"}},
		 header,
		 {"temperror", "DKIM_TEMPERROR", OUTCOME_TEMPERROR}},
		{{{TAGS("example.com", "slow"), "rsa2048"},
		  {TAGS("example.com", "s"), "rsa2048"},
		  {TAGS("example.com", "none"), "rsa2048"}},
		 header,
		 {"temperror pass permerror", "DKIM_PASS", OUTCOME_PASS}},
		{{{TAGS("example.com", "s") "; l=0", "rsa2048"}},
		 header,
		 {"fail", "DKIM_FAIL", OUTCOME_FAIL}},
		/* Two algorithms at one selector have two keys. */
		{{{ed, "ed25519"}, {TAGS("example.com", "both"), "rsa2048"}},
		 header,
		 {"pass pass", "DKIM_PASS", OUTCOME_PASS}},
		{{{TAGS("example.com", "both"), "rsa2048"}, {ed, "ed25519"}},
		 header,
		 {"pass pass", "DKIM_PASS", OUTCOME_PASS}},
		/* The same signature thrice. */
		{{{TAGS("example.com", "s"), "rsa2048"},
		  {TAGS("example.com", "s"), "rsa2048"},
		  {TAGS("example.com", "s"), "rsa2048"}},
		 header,
		 {"pass pass pass", "DKIM_PASS", OUTCOME_PASS}},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (int way = 0; way < 4; way++) {
		struct bench *bench = dkim_bench(
			way & 2 ? "dkim { verifier = libopendkim }" : NULL,
			make_zone(a), way & 1);

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct buf all = BUF(a);

			for (size_t j = 0; j < 3 && cases[i].by[j].tags; j++)
				buf_add(&all, sign_for(a, cases[i].by[j].tags,
						       cases[i].by[j].key));
			check_one(bench,
				  whole(a, buf_slice(&all), cases[i].fields,
					body),
				  &cases[i].want);
		}
		bench_free(&bench);
	}
	arena_free(&a);
}

static void one_signature_may_cover_another(void **state)
{
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);
	struct slice first = sign_for(a, TAGS("example.com", "s"), "rsa2048");
	struct buf signed_once = BUF(a), message = BUF(a);
	struct dkim_sign sign = {
		.tags = "v=1; a=rsa-sha256; d=example.net; s=s; "
			"h=From:DKIM-Signature:DKIM-Signature",
		.names = "From:DKIM-Signature:DKIM-Signature",
		.key = "rsa1024"};
	static const struct want want = {"pass pass", "DKIM_PASS",
					 OUTCOME_PASS};

	(void)state;
	buf_add(&signed_once, first);
	buf_add_text(&signed_once, header);
	buf_add(&message,
		dkim_sign(a, buf_slice(&signed_once), slice_cstr(body), &sign));
	buf_add(&message, buf_slice(&signed_once));
	buf_printf(&message, "\r\n%s", body);
	check_one(bench, buf_slice(&message), &want);
	bench_free(&bench);
	arena_free(&a);
}

static void only_ten_are_looked_at(void **state)
{
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);
	struct slice bad = sign_for(a, TAGS("example.com", "s"), "rsa1024");
	struct buf all = BUF(a);
	struct mail *mail;

	(void)state;
	for (int i = 0; i < 10; i++)
		buf_add(&all, bad);
	buf_add(&all, sign_for(a, TAGS("example.com", "s"), "rsa2048"));
	mail = dkim_ask(bench, whole(a, buf_slice(&all), header, body), 0);
	assert_int_equal(mail->verdict->auth.dkim_count, 10);
	assert_string_equal(judged_symbols(mail), "DKIM_FAIL");
	assert_true(slice_search_nocase(judged_hit(mail, "DKIM_FAIL")->detail,
					SLICE("more signatures")) <
		    judged_hit(mail, "DKIM_FAIL")->detail.n);
	mail_free(&mail);
	bench_free(&bench);
	bench = dkim_bench("dkim { max_signatures = 1 }", make_zone(a), false);
	mail = dkim_ask(bench, whole(a, buf_slice(&all), header, body), 0);
	assert_int_equal(mail->verdict->auth.dkim_count, 1);
	mail_free(&mail);
	bench_free(&bench);
	arena_free(&a);
}

static void reports_name_what_was_read(void **state)
{
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);
	struct slice good = sign_for(
		a, TAGS("Example.COM", "s") "; i=a=20b@example.com", "rsa2048");
	struct slice odd = SLICE("DKIM-Signature: d=example.net; s=x; "
				 "b=AB CD EF GH IJ\r\n");
	struct buf all = BUF(a);
	const struct auth_dkim *dkim;
	struct mail *mail;

	(void)state;
	buf_add(&all, good);
	buf_add(&all, good);
	buf_add(&all, odd);
	mail = dkim_ask(bench, whole(a, buf_slice(&all), header, body), 0);
	dkim = mail->verdict->auth.dkim;
	assert_string_equal(dkim_words(mail), "pass pass permerror");
	assert_true(slice_eq(dkim[0].domain, SLICE("example.com")));
	assert_true(slice_eq(dkim[0].selector, SLICE("s")));
	assert_true(slice_eq(dkim[0].identity, SLICE("a b@example.com")));
	assert_true(slice_eq(dkim[0].algorithm, SLICE("rsa-sha256")));
	assert_int_equal(dkim[0].key_bits, 2048);
	/* Equal signatures are shown whole; they cannot be told apart. */
	assert_int_equal(dkim[0].signature.n, 344);
	assert_true(slice_eq(dkim[2].signature, SLICE("ABCDEFGH")));
	assert_true(slice_eq(dkim[2].domain, SLICE("example.net")));
	assert_true(slice_eq(dkim[2].reason, SLICE("tag v= is missing")));
	mail_free(&mail);
	bench_free(&bench);
	arena_free(&a);
}

static void mail_of_our_own_is_not_checked(void **state)
{
	static const struct check *const checks[] = {&check_dkim, NULL};
	static const struct letter letters[] = {
		{.ip = "192.0.2.1", .user = "joe", .headers = "From: a\n"},
		{.ip = "192.0.2.1",
		 .trusted = true,
		 .headers = "DKIM-Signature: v=1\n"},
		{.headers = "DKIM-Signature: v=1\n"},
	};
	struct bench_setup setup = {checks, NULL, "", false};
	struct bench *bench = bench_new(&setup);

	(void)state;
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		struct mail *mail = bench_judge(bench, &letters[i]);

		assert_int_equal(judged_report(mail, "dkim")->outcome,
				 OUTCOME_NOT_RUN);
		assert_true(judged_report(mail, "dkim")->reason.n > 0);
		assert_string_equal(judged_symbols(mail), "");
		assert_int_equal(mail->verdict->auth.dkim_count, 0);
		mail_free(&mail);
	}
	bench_free(&bench);
}

static void add_many(struct buf *out, const char *field, int count)
{
	while (count-- > 0)
		buf_add_text(out, field);
}

/* A good signature, whatever stands beside the fields it covers. */
static void hostile_headers_do_not_matter(void **state)
{
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);
	static const struct want good = {"pass", "DKIM_PASS", OUTCOME_PASS};
	static const struct want added = {"policy", "DKIM_POLICY",
					  OUTCOME_PASS};
	struct slice signature =
		sign_for(a, TAGS("example.com", "s"), "rsa2048");
	struct buf fields[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		fields[i] = BUF(a);
	add_many(&fields[0], "X-Filler: x\r\n", 5000);
	buf_add_text(&fields[1], "X-Long: ");
	add_many(&fields[1], "0123456789", 10240);
	buf_add_text(&fields[1], "\r\n");
	buf_add_text(&fields[2],
		     ": no name\r\nno colon\r\n"
		     "a;b: x\r\nx\x01y: z\r\n\xff\xfe: z\r\n: \r\n");
	add_many(&fields[3], "Subject: another\r\n", 3000);
	buf_add(&fields[4], SLICE("X-Nul: a\0b\r\n"));
	for (int i = 0; i < 5; i++) {
		struct buf all = BUF(a);

		buf_add(&all, signature);
		buf_add(&all, buf_slice(&fields[i]));
		check_one(bench, whole(a, buf_slice(&all), header, body),
			  i == 3 ? &added : &good);
	}
	bench_free(&bench);
	arena_free(&a);
}

/* Signed fields that the library cannot take; both verdicts are ours. */
static void odd_bytes_in_signed_fields(void **state)
{
	static const struct {
		struct slice header, changed;
	} cases[] = {
		{BYTES("From: a@b\0c\r\nSubject: x\r\n"),
		 BYTES("From: a@b\0d\r\nSubject: x\r\n")},
		{BYTES("From: a\vb\r\nSubject: x\r\n"),
		 BYTES("From: a b\r\nSubject: x\r\n")},
		{BYTES("From: (((((\\\r\nSubject: \"\r\n"),
		 BYTES("From: ((((\\\r\nSubject: \"\r\n")},
		{BYTES("From:\r\nSubject:\r\n"),
		 BYTES("From:\r\nSubject:x\r\n")},
	};
	static const struct want good = {"pass", "DKIM_PASS", OUTCOME_PASS},
				 bad = {"fail", "DKIM_FAIL", OUTCOME_FAIL};
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dkim_sign sign = {.tags = TAGS("example.com", "s"),
					 .names = "From:Subject",
					 .relaxed_header = true,
					 .relaxed_body = true,
					 .key = "rsa2048"};
		struct slice field =
			dkim_sign(a, cases[i].header, slice_cstr(body), &sign);
		struct buf same = BUF(a), other = BUF(a);

		buf_add(&same, field);
		buf_add(&same, cases[i].header);
		buf_add(&other, field);
		buf_add(&other, cases[i].changed);
		check_one(bench, whole(a, buf_slice(&same), "", body), &good);
		check_one(bench, whole(a, buf_slice(&other), "", body), &bad);
	}
	bench_free(&bench);
	arena_free(&a);
}

static void no_fields_but_the_signature(void **state)
{
	static const struct want want = {"fail", "DKIM_FAIL", OUTCOME_FAIL};
	struct arena *a = arena_new(0);
	struct bench *bench = dkim_bench(NULL, make_zone(a), false);

	(void)state;
	check_one(bench,
		  whole(a, sign_for(a, TAGS("example.com", "s"), "rsa2048"), "",
			body),
		  &want);
	bench_free(&bench);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_for_a_message),
		cmocka_unit_test(one_signature_may_cover_another),
		cmocka_unit_test(only_ten_are_looked_at),
		cmocka_unit_test(reports_name_what_was_read),
		cmocka_unit_test(mail_of_our_own_is_not_checked),
		cmocka_unit_test(hostile_headers_do_not_matter),
		cmocka_unit_test(odd_bytes_in_signed_fields),
		cmocka_unit_test(no_fields_but_the_signature),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	dkim_pairs_free();
	return failed;
}
