/* Attachment rules: names with tricks, archives, and the settings. */
#include "milter/checks/attachments.h"
#include "common/base/clock.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/checks/attachments_match.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the check at hand is told; set before each message. */
static const struct scan_report *told;

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	(void)mail;
	(void)index;
	attachments_judge(ready, told, verdict);
	return STEP_DONE;
}

/* Symbols, details, points, class and outcome of one message. */
struct result {
	struct arena *arena;
	const char *symbols;
	const char *detail; /* of the first finding */
	double score;
	struct class_report class;
	enum outcome outcome;
	const char *reason;
};

static struct result run(const char *conf, const struct scan_report *report)
{
	struct check check = check_attachments;
	const struct check *const checks[] = {&check, NULL};
	struct bench_setup setup = {.checks = checks, .conf = conf};
	struct letter letter = {.ip = "192.0.2.9", .headers = "From: a@a.test"};
	struct result r = {.arena = arena_new(0)};
	struct bench *bench;
	struct mail *mail;
	const struct verdict *v;

	check.judge = judge;
	told = report;
	bench = bench_new(&setup);
	mail = bench_judge(bench, &letter);
	v = mail->verdict;
	r.symbols = arena_cstr(r.arena, slice_cstr(judged_symbols(mail)));
	r.detail = v->hit_count ? arena_cstr(r.arena, v->hits[0].detail) : "";
	r.score = v->score;
	r.class = v->classes[VAULT_ATTACHMENT];
	r.class.reason = arena_dup(r.arena, r.class.reason);
	r.outcome = judged_report(mail, "attachments")->outcome;
	r.reason =
		arena_cstr(r.arena, judged_report(mail, "attachments")->reason);
	mail_free(&mail);
	bench_free(&bench);
	return r;
}

static struct result run_parts(const char *conf, struct scan_part *parts,
			       size_t count)
{
	struct scan_report report = {.parts = parts,
				     .part_count = count,
				     .parts_known = true,
				     .parts_complete = true};

	return run(conf, &report);
}

static struct result run_name(const char *conf, struct slice name)
{
	struct scan_part part = {.name = name,
				 .type = SLICE("application/octet-stream")};

	return run_parts(conf, &part, 1);
}

#define S(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static void names_lose_what_hides_their_end(void **state)
{
	static const struct {
		struct slice name, normal;
	} cases[] = {
		{S(""), S("")},
		{S("a.pdf"), S("a.pdf")},
		{S("evil.exe."), S("evil.exe")},
		{S("evil.exe . . "), S("evil.exe")},
		{S("  evil.exe\t"), S("evil.exe")},
		{S("invoice\xe2\x80\xae"
		   "fdp.exe"),
		 S("invoicefdp.exe")},
		{S("e\xe2\x80\x8bvil.e\xc2\xadxe"), S("evil.exe")},
		{S("evil.exe\xef\xbb\xbf"), S("evil.exe")},
		{S("evil.exe\xe2\x81\xa6.\xe2\x81\xa9"), S("evil.exe")},
		{S("a.exe\0"), S("a.exe")},
		{S("a.e\r\nxe"), S("a.exe")},
		{S("a.pdf\xc2\xa0\xe3\x80\x80.exe"), S("a.pdf  .exe")},
		{S("a.exe\xc2\xa0"), S("a.exe")},
		{S("dir/a.exe"), S("a.exe")},
		{S("C:\\dir\\a.exe"), S("a.exe")},
		{S("a.exe/"), S("a.exe")},
		{S("dir/ ../"), S("dir")},
		{S("../.."), S("")},
		{S("\xff\xfe"
		   "a.exe\xc3"),
		 S("\xff\xfe"
		   "a.exe\xc3")},
		{S("\xc3\xa4.pdf"), S("\xc3\xa4.pdf")},
		{S("a\xe2\x80\xe2\x80\x8b\xae.exe"), S("a.exe")},
		{S("..."), S("")},
		{S(".exe"), S(".exe")},
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice got =
			attachment_name_normalise(arena, cases[i].name);

		if (!slice_eq(got, cases[i].normal))
			fail_msg("case %zu: '%.*s', not '%.*s'", i,
				 SLICE_FMT(got), SLICE_FMT(cases[i].normal));
	}
	arena_free(&arena);
}

static void patterns_match_whole_names(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"?", "", false},
		{"*.exe", ".exe", true},
		{"*.exe", "a.EXE", true},
		{"*.exe", "a.exe.txt", false},
		{"*.exe", "aexe", false},
		{"a*", "abc", true},
		{"a*", "ba", false},
		{"*b*", "abc", true},
		{"*b*d", "abcd", true},
		{"*b*d", "abcde", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a?c",
		 "a\xc3\xa4"
		 "c",
		 true},
		{"a??c",
		 "a\xc3\xa4"
		 "c",
		 false},
		{"a?c",
		 "a\xff"
		 "c",
		 true},
		{"*?.r??", "x.r01", true},
		{"*?.r??", ".r01", false},
		{"*\xc3\xa4?", "\xc3\xa4\xc3\xa4", true},
		{"**a**", "xxaxx", true},
		{"*??a*", "\xf0\x9f\x98\x80\x61z", false},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "aab", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (attachment_pattern_matches(slice_cstr(cases[i].pattern),
					       slice_cstr(cases[i].text)) !=
		    cases[i].matches)
			fail_msg("'%s' over '%s'", cases[i].pattern,
				 cases[i].text);
}

/* Over 255 bytes one that goes back to each star would take years. */
static void many_stars_take_no_time(void **state)
{
	char pattern[255], text[255];
	int64_t begun = clock_mono_us();

	(void)state;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[253] = 'b';
	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 100; i++)
		assert_false(attachment_pattern_matches(
			(struct slice){pattern, sizeof(pattern)},
			(struct slice){text, sizeof(text)}));
	assert_true(clock_mono_us() - begun < 2000000);
}

static void double_extensions_are_seen(void **state)
{
	static const struct {
		const char *name;
		bool is_double;
	} cases[] = {
		{"invoice.pdf.exe", true},
		{"INVOICE.PDF.EXE", true},
		{"invoice.pdf    .exe", true},
		{"invoice.pdf______.exe", true},
		{"invoice. pdf .exe", true},
		{".pdf.exe", true},
		{"a.b.doc.js", true},
		{"a.tar.gz", false},
		{"report.v2.pdf", false},
		{"Mr. Smith.pdf", false},
		{"pdf.exe", false},
		{"a.exe", false},
		{".exe", false},
		{"README", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (attachment_name_is_double(slice_cstr(cases[i].name)) !=
		    cases[i].is_double)
			fail_msg("'%s'", cases[i].name);
}

#define EXE "ATTACHMENT_EXECUTABLE"
#define DOUBLE "ATTACHMENT_DOUBLE_EXTENSION"

static void shipped_rules_see_through_names(void **state)
{
	static const struct {
		struct slice name;
		const char *symbols;
	} cases[] = {
		{S("setup.exe"), EXE},
		{S("SETUP.EXE"), EXE},
		{S("evil.exe."), EXE},
		{S("evil.exe . "), EXE},
		{S(".exe"), EXE},
		{S("invoice\xe2\x80\xae"
		   "fdp.exe"),
		 EXE},
		{S("\xff\xfe.exe"), EXE},
		{S("a.{00020C01-0000-0000-C000-000000000046}"), EXE},
		{S("invoice.pdf.exe"), DOUBLE " " EXE},
		{S("invoice.pdf .exe"), DOUBLE " " EXE},
		{S("invoice.pdf.js"), DOUBLE " ATTACHMENT_SCRIPT"},
		{S("invoice.pdf.lnk"), DOUBLE " ATTACHMENT_SHORTCUT"},
		{S("a.ps1"), "ATTACHMENT_SCRIPT"},
		{S("a.url"), "ATTACHMENT_SHORTCUT"},
		{S("a.iso"), "ATTACHMENT_DISK_IMAGE"},
		{S("a.docm"), "ATTACHMENT_MACRO_DOCUMENT"},
		{S("a.tar.gz"), ""},
		{S("report.v2.pdf"), ""},
		{S("report.doc.pdf"), ""},
		{S("Mr. Smith.pdf"), ""},
		{S("smith.txt"), ""},
		{S("README"), ""},
		{S("exe"), ""},
		{S(""), ""},
		{S("\xff\xfe"), ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result r = run_name(NULL, cases[i].name);

		if (strcmp(r.symbols, cases[i].symbols) != 0)
			fail_msg("'%.*s': found '%s', not '%s'",
				 SLICE_FMT(cases[i].name), r.symbols,
				 cases[i].symbols);
		assert_int_equal(r.outcome, cases[i].symbols[0] ? OUTCOME_FAIL
								: OUTCOME_PASS);
		arena_free(&r.arena);
	}
}

static void findings_name_file_and_act(void **state)
{
	struct result r = run_name(NULL, SLICE("in\xe2\x80\xae"
					       "fdp.exe"));
	char name[255];

	(void)state;
	assert_string_equal(r.detail, "'in\\xe2\\x80\\xaefdp.exe'");
	assert_true(r.class.in);
	assert_int_equal(r.class.action, CLASS_QUARANTINE);
	assert_false(r.class.keep);
	assert_true(slice_eq(r.class.reason,
			     SLICE("executable: 'in\\xe2\\x80\\xaefdp.exe'")));
	assert_true(r.score == 5);
	arena_free(&r.arena);

	memset(name, 'a', sizeof(name));
	memcpy(name + 251, ".exe", 4);
	r = run_name(NULL, (struct slice){name, sizeof(name)});
	assert_string_equal(r.symbols, EXE);
	assert_true(strlen(r.detail) < 100);
	assert_non_null(strstr(r.detail, "aaa...aaa"));
	assert_non_null(strstr(r.detail, "aaa.exe'"));
	arena_free(&r.arena);

	r = run_name(NULL, SLICE("a.docm"));
	assert_false(r.class.in);
	assert_true(r.score == 2);
	arena_free(&r.arena);
}

static void archives_are_looked_into(void **state)
{
	struct scan_part parts[] = {
		{.name = SLICE("a.zip"), .kind = SLICE("zip")},
		{.name = SLICE("b.zip"), .kind = SLICE("zip"), .depth = 1},
		{.name = SLICE("x/setup.exe"),
		 .kind = SLICE("exe"),
		 .depth = 2,
		 .parent = 1},
		{.name = SLICE("x/other.exe"), .depth = 2, .parent = 1},
	};
	struct scan_part locked[] = {
		{.name = SLICE("a.zip"), .kind = SLICE("zip")},
		{.name = SLICE("a.txt"), .depth = 1, .encrypted = true},
	};
	struct scan_part packed[] = {
		{.name = SLICE("evil.exe.gz"), .kind = SLICE("gzip")},
		{.kind = SLICE("exe"), .depth = 1},
	};
	struct result r = run_parts(NULL, parts, 4);

	(void)state;
	assert_string_equal(r.symbols, "ATTACHMENT_EXECUTABLE_IN_ARCHIVE");
	assert_string_equal(r.detail,
			    "'x/setup.exe' in 'b.zip' in 'a.zip' and 1 more");
	assert_int_equal(r.class.action, CLASS_QUARANTINE);
	arena_free(&r.arena);

	r = run_parts(NULL, locked, 2);
	assert_string_equal(r.symbols, "ATTACHMENT_ENCRYPTED_ARCHIVE");
	assert_string_equal(r.detail, "'a.txt' in 'a.zip'");
	assert_false(r.class.in);
	arena_free(&r.arena);
	locked[0].encrypted = true;
	r = run_parts(NULL, locked, 1);
	assert_string_equal(r.symbols, "ATTACHMENT_ENCRYPTED_ARCHIVE");
	arena_free(&r.arena);

	r = run_parts(NULL, packed, 2);
	assert_string_equal(r.symbols, "ATTACHMENT_EXECUTABLE_IN_ARCHIVE");
	assert_string_equal(r.detail, "'evil.exe' in 'evil.exe.gz'");
	arena_free(&r.arena);
}

static void contents_belie_names(void **state)
{
	static const struct {
		struct slice name, kind;
		const char *symbols;
	} cases[] = {
		{S("invoice.pdf"), S("exe"), "ATTACHMENT_MISMATCH"},
		{S("photo.JPG."), S("lnk"), "ATTACHMENT_MISMATCH"},
		{S("a.zip"), S("exe"), "ATTACHMENT_MISMATCH"},
		{S("a.exe"), S("exe"), EXE},
		{S("a.bin"), S("exe"), ""},
		{S("README"), S("exe"), ""},
		{S(""), S("exe"), ""},
		{S("backup.txt"), S("script"), ""},
		{S("invoice.pdf"), S("pdf"), ""},
		{S("invoice.pdf"), S(""), ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_part part = {.name = cases[i].name,
					 .kind = cases[i].kind};
		struct result r = run_parts(NULL, &part, 1);

		if (strcmp(r.symbols, cases[i].symbols) != 0)
			fail_msg("case %zu: found '%s'", i, r.symbols);
		arena_free(&r.arena);
	}
}

static void what_is_not_known_is_said(void **state)
{
	struct scan_part part = {.name = SLICE("a.exe")};
	struct scan_report report = {.reason = SLICE("the scanner\nis down")};
	struct result r = run(NULL, NULL);

	(void)state;
	assert_int_equal(r.outcome, OUTCOME_NOT_RUN);
	assert_string_equal(r.symbols, "");
	arena_free(&r.arena);

	r = run(NULL, &report);
	assert_int_equal(r.outcome, OUTCOME_NOT_RUN);
	assert_non_null(strstr(r.reason, "the scanner\\x0ais down"));
	arena_free(&r.arena);

	report.parts_known = true;
	report.parts = &part;
	report.part_count = 1;
	r = run(NULL, &report);
	assert_int_equal(r.outcome, OUTCOME_TEMPERROR);
	assert_non_null(strstr(r.reason, "not all files"));
	assert_string_equal(r.symbols, EXE);
	assert_true(r.class.in);
	arena_free(&r.arena);
}

struct conf_case {
	const char *conf;
	struct scan_part part;
	const char *symbols;
	double score;
	int action; /* -1: none */
	bool keep;
};

static void rules_are_the_operators(void **state)
{
	static const struct conf_case cases[] = {
		{"attachment executable { score = 7 }",
		 {.name = S("a.exe")},
		 EXE,
		 7,
		 CLASS_QUARANTINE,
		 false},
		{"attachment Executable { action = none }",
		 {.name = S("a.exe")},
		 EXE,
		 5,
		 -1,
		 false},
		{"attachment executable { action = reject\n keep = yes }",
		 {.name = S("a.exe")},
		 EXE,
		 5,
		 CLASS_REJECT,
		 true},
		{"attachment executable { action = tag\n score = off }",
		 {.name = S("a.exe")},
		 EXE,
		 0,
		 CLASS_TAG,
		 false},
		{"attachment executable { enabled = no }",
		 {.name = S("a.exe")},
		 "",
		 0,
		 -1,
		 false},
		{"attachment executable { names = {\"*.foo\"} }",
		 {.name = S("a.exe")},
		 "",
		 0,
		 -1,
		 false},
		{"score { ATTACHMENT_EXECUTABLE = 1.5 }",
		 {.name = S("a.exe")},
		 EXE,
		 1.5,
		 CLASS_QUARANTINE,
		 false},
		{"attachment web-page { types = {text/html, \"image/*\"}\n"
		 "score = 2 }",
		 {.name = S("a"), .type = S("image/svg+xml")},
		 "ATTACHMENT_WEB_PAGE",
		 2,
		 -1,
		 false},
		{"attachment z { kinds = {rar, 7Z}\n score = 2 }",
		 {.kind = S("7z")},
		 "ATTACHMENT_Z",
		 2,
		 -1,
		 false},
		{"attachment z { kinds = rar }",
		 {.kind = S("zip")},
		 "",
		 0,
		 -1,
		 false},
		/* All conditions must hold. */
		{"attachment z { kinds = zip\n names = {\"*.dat\"} }",
		 {.kind = S("zip"), .name = S("a.zip")},
		 "",
		 0,
		 -1,
		 false},
		{"attachment z { kinds = zip\n names = {\"*.dat\", \"*.zip\"} }",
		 {.kind = S("zip"), .name = S("a.zip")},
		 "ATTACHMENT_Z",
		 0,
		 -1,
		 false},
		{"attachment z { names = {\"*.zip\"}\n where = archive }",
		 {.name = S("a.zip")},
		 "",
		 0,
		 -1,
		 false},
		{"attachment z { names = {\"*\"} }",
		 {.kind = S("text")},
		 "",
		 0,
		 -1,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_part part = cases[i].part;
		struct result r = run_parts(cases[i].conf, &part, 1);

		if (strcmp(r.symbols, cases[i].symbols) != 0 ||
		    r.score != cases[i].score ||
		    (r.class.in ? (int)r.class.action : -1) !=
			    cases[i].action ||
		    r.class.keep != cases[i].keep)
			fail_msg("%s: found '%s' (%g), class %d %d",
				 cases[i].conf, r.symbols, r.score, r.class.in,
				 (int)r.class.action);
		arena_free(&r.arena);
	}
}

static void bad_settings_name_the_rule(void **state)
{
	static const struct {
		const char *conf, *says[3];
	} cases[] = {
		{"\nattachment z { score = 1 }",
		 {":2: attachment \"z\"", "which files", "double_extension"}},
		{"attachment z { names = {\"*.exe\", \"dir/*.exe\"} }",
		 {"attachment \"z\": names", "'dir/*.exe'", "folders"}},
		{"attachment z { names = {\"\"} }",
		 {"attachment \"z\": names", "''", "*.exe"}},
		{"attachment executable { names = {\"a\\\\\\\\b\"} }",
		 {":1: attachment \"executable\": names", "folders", ""}},
		{"attachment executable { names = {} }",
		 {"attachment \"executable\"", "which files", ""}},
		{"attachment z { types = {zip} }",
		 {"attachment \"z\": types", "'zip'", "application/zip"}},
		{"attachment z { kinds = {\"*.exe\"} }",
		 {"attachment \"z\": kinds", "'*.exe'", "one word"}},
		{"attachment \"a b\" { kinds = exe }",
		 {"attachment \"a b\": name", "letters", ""}},
		{"attachment a-b { kinds = exe }\n"
		 "attachment a_b { kinds = exe }",
		 {":2: attachment \"a_b\"", "same symbol", ""}},
		{"attachment z { action = drop }", {"action", "drop", "none"}},
	};
	static const struct check *const checks[] = {&check_attachments, NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {.checks = checks,
					    .conf = cases[i].conf};
		struct err err = {""};
		const char *text = bench_refusal(&setup, &err);

		for (size_t k = 0; k < 3; k++)
			if (!strstr(text, cases[i].says[k]))
				fail_msg("%s: '%s' does not say '%s'",
					 cases[i].conf, text, cases[i].says[k]);
	}
}

static void too_many_rules_are_refused(void **state)
{
	static const struct check *const checks[] = {&check_attachments, NULL};
	static char text[ATTACHMENT_RULES_MAX * 40];
	struct bench_setup setup = {.checks = checks, .conf = text};
	struct err err = {""};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < ATTACHMENT_RULES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "attachment r%d { kinds = exe }\n", i);
	assert_non_null(strstr(bench_refusal(&setup, &err), "too many"));
}

static void check_runs_for_mail_from_outside(void **state)
{
	static const struct check *const checks[] = {&check_attachments, NULL};
	static const struct {
		const char *conf, *user, *says;
	} cases[] = {
		{"attachments { enabled = no }", NULL, "attachments.enabled"},
		{NULL, "alice", "from outside"},
		{NULL, NULL, "no scanner"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {.checks = checks,
					    .conf = cases[i].conf};
		struct letter letter = {.ip = "192.0.2.9",
					.user = cases[i].user};
		struct bench *bench = bench_new(&setup);
		struct mail *mail = bench_judge(bench, &letter);
		const struct check_report *report =
			judged_report(mail, "attachments");

		assert_int_equal(report->outcome, OUTCOME_NOT_RUN);
		if (slice_search_nocase(report->reason,
					slice_cstr(cases[i].says)) ==
		    report->reason.n)
			fail_msg("%.*s", SLICE_FMT(report->reason));
		mail_free(&mail);
		bench_free(&bench);
	}
}

static void rules_want_a_scanner(void **state)
{
	static const struct settings_group *const groups[] = {
		&antivirus_settings, &attachments_settings,
		&attachment_settings, NULL};
	static const struct {
		const char *sets[3];
		bool wants;
	} cases[] = {
		{{NULL}, true},
		{{"attachments.enabled=no"}, true},
		{{"antivirus.engine=off"}, true},
		{{"antivirus.engine=clamd:unix:/x"}, true},
		{{"antivirus.engine=off", "attachments.enabled=no"}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		struct conf *conf =
			conf_load(groups, NULL, cases[i].sets, &err);

		assert_non_null(conf);
		if (antivirus_wants_scanner(conf) != cases[i].wants)
			fail_msg("case %zu", i);
		conf_free(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lose_what_hides_their_end),
		cmocka_unit_test(patterns_match_whole_names),
		cmocka_unit_test(many_stars_take_no_time),
		cmocka_unit_test(double_extensions_are_seen),
		cmocka_unit_test(shipped_rules_see_through_names),
		cmocka_unit_test(findings_name_file_and_act),
		cmocka_unit_test(archives_are_looked_into),
		cmocka_unit_test(contents_belie_names),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(rules_are_the_operators),
		cmocka_unit_test(bad_settings_name_the_rule),
		cmocka_unit_test(too_many_rules_are_refused),
		cmocka_unit_test(check_runs_for_mail_from_outside),
		cmocka_unit_test(rules_want_a_scanner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
