/*
 * Signed messages that others made (../shared/suites): those of RFC 6376
 * A.2 and RFC 8463 A.3 with mutations, and some from the wild.
 */
#include "tests/support/cmocka.h"
#include "tests/support/dkim_ask.h"
#include "tests/support/suite.h"
#include "tests/support/wall_clock.h"

#include "common/base/buf.h"

#include <stdio.h>
#include <string.h>

/* RFC 6376 C.2 and RFC 8463 A.2. */
#define RFC_RSA                                                              \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkM" \
	"oGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/Rtd" \
	"C2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPS" \
	"PDdQPNUYckcQ2QIDAQAB"
static const char rfc_keys[] =
	"brisbane._domainkey.example.com TXT v=DKIM1; " RFC_RSA "\n"
	"s.flags._domainkey.example.com TXT v=DKIM1; t=s; " RFC_RSA "\n"
	"brisbane._domainkey.football.example.com TXT v=DKIM1; k=ed25519; "
	"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
	"test._domainkey.football.example.com TXT v=DKIM1; k=rsa; "
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6W"
	"k08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8u"
	"BsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOT"
	"IKT+l/K4w3QIDAQAB\n";

/* Every case must come out the same either way. */
static const char *const verifiers[] = {"dkim { verifier = own }",
					"dkim { verifier = libopendkim }"};

static void rfc_examples_and_their_mutations(void **state)
{
	static const struct {
		const char *file, *words;
	} cases[] = {
		{"ill_formed-from", "none"},
		{"rfc6376-A.2", "pass"},
		{"rfc6376-A.2-body_modified", "fail"},
		{"rfc6376-A.2-header_subject_modified", "fail"},
		{"rfc6376-A.2-ill_formed-list_id", "pass"},
		{"rfc6376-A.2-ill_formed-missing_v", "permerror"},
		{"rfc8463-A.3", "pass pass"},
		/* The selectors are exchanged: keys of the other type. */
		{"rfc8463-A.3-key_algo_mismatch", "permerror permerror"},
		/* Shown by readers, and not signed (RFC 6376 8.15). */
		{"dkim/added_header-date", "policy"},
		{"dkim/added_header-from", "policy"},
		{"dkim/added_header-subject", "policy"},
		{"dkim/added_header-to", "policy"},
		{"dkim/alignment-from_not_in_auid", "pass"},
		{"dkim/alignment-from_not_in_sdid", "pass"},
		{"dkim/alignment-signed_by_parent_domain", "pass"},
		{"dkim/flags_s-auid_and_sdid_match", "pass"},
		{"dkim/flags_s-auid_is_subdomain_of_sdid", "permerror"},
		{"dkim/header_with_non_ascii_char", "pass"},
		{"dkim/time-received_after_creation", "pass"},
		{"dkim/time-received_briefly_before_creation", "pass"},
		{"dkim/time-received_long_before_creation", "pass"},
		{"dkim/unsigned_header-content-type", "pass"},
		{"dkim/unsigned_header-reply_to-in_domain", "pass"},
		{"dkim/unsigned_header-reply_to-invalid", "pass"},
		{"dkim/unsigned_header-reply_to-not_in_domain", "pass"},
	};
	struct arena *a = arena_new(0);
	unsigned bad = 0;

	(void)state;
	if (!suite_present("dkim-rfc"))
		skip();
	for (size_t n = 0; n < 2 * sizeof(cases) / sizeof(cases[0]); n++) {
		size_t i = n / 2;
		struct bench *bench = dkim_bench(verifiers[n % 2], rfc_keys,
						 false);
		struct slice path =
			arena_printf(a, "dkim-rfc/%s.eml", cases[i].file);
		struct mail *mail =
			dkim_ask(bench, dkim_crlf(a, suite_read(a, path.p)), 0);

		if (strcmp(dkim_words(mail), cases[i].words) != 0) {
			print_error("%s: %s, not %s\n", cases[i].file,
				    dkim_reasons(mail), cases[i].words);
			bad++;
		}
		mail_free(&mail);
		bench_free(&bench);
	}
	arena_free(&a);
	assert_int_equal(bad, 0);
}

/* "NAME RECORD" lines up to an empty one become a zone. */
static struct slice take_zone(struct arena *a, struct slice *text)
{
	struct buf zone = BUF(a);
	struct slice line;

	while (slice_next(text, '\n', &line) && slice_trim(line).n > 0) {
		size_t blank = slice_find(line, 0, ' ');

		buf_add(&zone, slice_sub(line, 0, blank));
		buf_add_text(&zone, " TXT");
		buf_add(&zone, slice_sub(line, blank, line.n));
		buf_add_char(&zone, '\n');
	}
	return buf_slice(&zone);
}

static void messages_from_the_wild(void **state)
{
	static const struct {
		const char *file;
		int64_t now; /* 0: today */
		const char *words;
	} cases[] = {
		{"001", 0, "pass pass"},
		{"002", 0, "pass"},
		{"003", 0, "pass pass"},
		{"004", 0, "pass"},
		/* Good for one day: at both its ends, and after. */
		{"005", 1667843664, "pass"},
		{"005", 1667930064, "pass"},
		{"005", 1667930065, "permerror"},
		/* Six hours ahead of the clock, and a little more. */
		{"005", 1667843664 - 21600, "pass"},
		{"005", 1667843664 - 21700, "permerror"},
		{"006", 0, "pass"},
	};
	struct arena *a = arena_new(0);
	unsigned bad = 0;

	(void)state;
	if (!suite_present("dkim"))
		skip();
	for (size_t n = 0; n < 2 * sizeof(cases) / sizeof(cases[0]); n++) {
		size_t i = n / 2;
		struct slice path =
			arena_printf(a, "dkim/%s.txt", cases[i].file);
		struct slice text = suite_read(a, path.p);
		struct slice zone = take_zone(a, &text);
		struct bench *bench =
			dkim_bench(verifiers[n % 2], arena_cstr(a, zone),
				   i % 2 == 1);
		struct mail *mail;

		wall_clock_set(cases[i].now);
		mail = dkim_ask(bench, dkim_crlf(a, text), 7);

		if (strcmp(dkim_words(mail), cases[i].words) != 0) {
			print_error("%s: %s, not %s\n", cases[i].file,
				    dkim_reasons(mail), cases[i].words);
			bad++;
		}
		mail_free(&mail);
		bench_free(&bench);
	}
	wall_clock_set(0);
	arena_free(&a);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_examples_and_their_mutations),
		cmocka_unit_test(messages_from_the_wild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
