/* Authentication-Results: whose field it is, and how ours is written. */
#include "common/mail/authres.h"
#include "common/base/buf.h"
#include "tests/support/cmocka.h"
#include "tests/support/suite.h"

#include <string.h>

static void ids_are_found_or_refused(void **state)
{
	static const struct {
		const char *value, *id; /* NULL: cannot be parsed */
	} cases[] = {
		{" mx.example.org; none", "mx.example.org"},
		{"mx.example.org;none", "mx.example.org"},
		{" mx.example.org 1; none", "mx.example.org"},
		{" mx.example.org (c) 1 (c); none", "mx.example.org"},
		{" (a (nested) \\) comment) mx.example.org;", "mx.example.org"},
		{"\r\n\tmx.example.org;\r\n\tspf=pass", "mx.example.org"},
		{" \"mx.example.org\"; none", "mx.example.org"},
		{" \"m\\x.example.org\"; none", "mx.example.org"},
		{" mx.example.org", "mx.example.org"},
		{" M\xc3\xbc.example; none", "M\xc3\xbc.example"},
		{"", NULL},
		{" ", NULL},
		{"; none", NULL},
		{" (open mx.example.org; none", NULL},
		{" (open \\", NULL},
		{" \"mx.example.org; none", NULL},
		{" \"mx.example.org\\", NULL},
		{" \"\"; none", NULL},
		{" mx/example; none", NULL},
		{" mx.example.org/1; none", NULL},
		{" mx.example.org x; none", NULL},
		{" mx.example.org 1x; none", NULL},
		{" mx.example.org 1 2; none", NULL},
		{" mx.example.org, none", NULL},
		{" dkim=pass header.d=example.org", NULL},
		{" \"a\"b; none", NULL},
		{" \"a\x01\"; none", NULL},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice id;
		bool found =
			authres_parse_id(a, slice_cstr(cases[i].value), &id);

		if (found != (cases[i].id != NULL))
			fail_msg("'%s'", cases[i].value);
		if (found)
			assert_true(slice_eq(id, slice_cstr(cases[i].id)));
	}
	arena_free(&a);
}

static void a_nul_byte_hides_nothing(void **state)
{
	struct arena *a = arena_new(0);
	struct slice id;

	(void)state;
	assert_false(authres_parse_id(a, SLICE(" mx\0y; none"), &id));
	assert_false(authres_parse_id(a, SLICE(" \"mx\0\"; none"), &id));
	arena_free(&a);
}

static void ours_and_unreadable_ones_are_forged(void **state)
{
	static const struct {
		const char *value;
		bool forged;
	} cases[] = {
		{" mx.example.org; spf=pass", true},
		{" MX.Example.ORG; spf=pass", true},
		{" mx.example.org.; spf=pass", true},
		{" \"mx.example.org\" 1; spf=pass", true},
		{" mx.example.org/x; spf=pass", true},
		{" ; spf=pass", true},
		{" other.example.org; spf=pass", false},
		{" xmx.example.org; spf=pass", false},
		{" mx.example.org.evil; spf=pass", false},
		{" some-name; spf=pass", false},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (authres_is_forged(a, slice_cstr(cases[i].value),
				      SLICE("mx.example.org")) !=
		    cases[i].forged)
			fail_msg("'%s'", cases[i].value);
	assert_true(authres_is_forged(a, SLICE(" b\xc3\xbc.example; none"),
				      SLICE("xn--b-eha.example")));
	arena_free(&a);
}

static void size_does_not_matter(void **state)
{
	struct arena *a = arena_new(0);
	struct buf value = BUF(a);

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_add_char(&value, '(');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&value, ')');
	buf_add_text(&value, " mx.example.org; spf=pass");
	assert_true(authres_is_forged(a, buf_slice(&value),
				      SLICE("mx.example.org")));
	assert_false(authres_is_forged(a, buf_slice(&value),
				       SLICE("other.example")));
	arena_free(&a);
}

/* Every field of a file: its authserv-id or "-" in order, blank between. */
static struct slice ids_of_file(struct arena *a, struct slice text)
{
	static const char name[] = "\nauthentication-results:";
	struct slice key = {name, sizeof(name) - 1};
	struct buf ids = BUF(a), whole = BUF(a);
	size_t at;

	buf_add_char(&whole, '\n');
	buf_add(&whole, text);
	text = buf_slice(&whole);
	while ((at = slice_search_nocase(text, key)) < text.n) {
		size_t from = at + key.n, to = from;
		struct slice id;

		do
			to = slice_find(text, to + 1, '\n');
		while (to + 1 < text.n && ascii_is_wsp(text.p[to + 1]));
		if (!authres_parse_id(a, slice_sub(text, from, to), &id))
			id = SLICE("-");
		if (ids.n > 0)
			buf_add_char(&ids, ' ');
		buf_add(&ids, id);
		text = slice_sub(text, to, text.n);
	}
	return buf_slice(&ids);
}

static void suite_of_received_fields(void **state)
{
	static const struct {
		const char *file, *ids;
	} cases[] = {
		{"alignment-auid_not_in_sdid", "example.net"},
		{"alignment-from_not_in_sdid", "example.net"},
		{"dkim-unknown_result", "example.net"},
		{"fakePayPal", "example.net"},
		{"multiple_arh-newest_no_authserv", "- unrelated.com -"},
		{"multiple_arh-newest_no_result",
		 "example.net unrelated.com example.net"},
		{"multiple_arh-newest_parsing_error_01",
		 "example.net unrelated.com example.net"},
		{"multiple_arh-newest_parsing_error_02", "- unrelated.com -"},
		{"multiple_arh-newest_unknown_method",
		 "example.net unrelated.com example.net"},
		{"multiple_arh-same_and_different_authserv",
		 "example.net example.net example.net foo.example.net "
		 "unrelated.com - example.net"},
		{"multiple_dkim_results", "example.net"},
		{"multiple_spf_and_dmarc_results", "example.net"},
		{"rfc6376-A.2-arh-failed-no_reason", "example.net"},
		{"rfc6376-A.2-arh-failed", "example.net"},
		{"rfc6376-A.2-arh-valid-a_tag", "example.net"},
		{"rfc6376-A.2-arh-valid-a_tag_sha1", "example.net"},
		{"rfc6376-A.2-arh-valid-auid", "example.net"},
		{"rfc6376-A.2-arh-valid-no_sdid_or_auid", "example.net"},
		{"rfc6376-A.2-arh-valid-sdid_and_auid", "example.net"},
		{"rfc6376-A.2-arh-valid", "example.net"},
		{"rfc6376-A.2-arh-valid_relaxed", "example.net"},
	};
	struct arena *a = arena_new(0);

	(void)state;
	if (!suite_present("dkim-rfc/arh"))
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice path =
			arena_printf(a, "dkim-rfc/arh/%s.eml", cases[i].file);
		struct slice ids = ids_of_file(a, suite_read(a, path.p));

		if (!slice_eq(ids, slice_cstr(cases[i].ids)))
			fail_msg("%s: '%.*s'", cases[i].file, SLICE_FMT(ids));
	}
	arena_free(&a);
}

#define PROPERTY(t, n, v)                \
	{                                \
		t, n,                    \
		{                        \
			v, sizeof(v) - 1 \
		}                        \
	}

static void the_field_is_written_as_the_rfc_says(void **state)
{
	static const struct authres_result results[] = {
		{.method = "spf",
		 .word = "fail",
		 .properties = {PROPERTY("smtp", "mailfrom",
					 "bounce+x=y@example.org")},
		 .property_count = 1},
		{.method = "dkim",
		 .word = "pass",
		 .properties = {PROPERTY("header", "d", "example.org"),
				PROPERTY("header", "i", "@example.org"),
				PROPERTY("header", "s", "s1"),
				PROPERTY("header", "a", "rsa-sha256"),
				PROPERTY("header", "b", "/d5r+A=="),
				PROPERTY("header", "x", "")},
		 .property_count = 6},
		{.method = "dmarc",
		 .word = "fail",
		 .comment = {"p=reject dis=none", 17},
		 .properties = {PROPERTY("header", "from", "example.org")},
		 .property_count = 1},
		{.method = "dkim",
		 .word = "permerror",
		 .reason = {"no key at s1._domainkey.example.org", 35}},
	};
	struct arena *a = arena_new(0);

	(void)state;
	assert_string_equal(
		authres_build(a, SLICE("mx.example.net"), results, 4),
		"mx.example.net;\n"
		"\tspf=fail smtp.mailfrom=bounce+x=y@example.org;\n"
		"\tdkim=pass header.d=example.org header.i=@example.org "
		"header.s=s1\n"
		"\theader.a=rsa-sha256 header.b=\"/d5r+A==\";\n"
		"\tdmarc=fail (p=reject dis=none) header.from=example.org;\n"
		"\tdkim=permerror reason=\"no key at "
		"s1._domainkey.example.org\"");
	assert_string_equal(authres_build(a, SLICE("mx.example.net"), NULL, 0),
			    "mx.example.net; none");
	arena_free(&a);
}

static void values_are_quoted_where_they_must_be(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
		{{"joe@example.org", 15}, "joe@example.org"},
		{{"\"a b\"@example.org", 17}, "\"\\\"a b\\\"@example.org\""},
		{{"a; dkim=pass", 12}, "\"a; dkim=pass\""},
		{{"a\r\nX: y", 7}, "\"a??X: y\""},
		{{"a\0b", 3}, "\"a?b\""},
		{{"J\xc3\xb6rg@b\xc3\xbc.example", 17},
		 "J\xc3\xb6rg@b\xc3\xbc.example"},
		{{"\xff\xfe", 2}, "\"??\""},
		{{"\xed\xa0\x80", 3}, "\"???\""},
		{{"back\\slash", 10}, "\"back\\\\slash\""},
		{{"a@b@c", 5}, "\"a@b@c\""},
		{{"@", 1}, "\"@\""},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct authres_result result = {
			.method = "spf",
			.word = "none",
			.properties = {{"smtp", "mailfrom", cases[i].in}},
			.property_count = 1};
		const char *got = authres_build(a, SLICE("mx"), &result, 1);
		struct slice want = arena_printf(
			a, "mx;\n\tspf=none smtp.mailfrom=%s", cases[i].out);

		assert_string_equal(got, want.p);
	}
	arena_free(&a);
}

static void comments_cannot_be_closed_from_inside(void **state)
{
	struct authres_result result = {.method = "dmarc",
					.word = "none",
					.comment = {"a) x=\n(b\\", 9}};
	struct arena *a = arena_new(0);

	(void)state;
	assert_string_equal(authres_build(a, SLICE("mx"), &result, 1),
			    "mx;\n\tdmarc=none (a\\) x=?\\(b\\\\)");
	arena_free(&a);
}

static void no_line_passes_998_bytes(void **state)
{
	char noise[5000];
	struct authres_result result = {
		.method = "dkim",
		.word = "fail",
		.comment = {noise, sizeof(noise)},
		.reason = {noise, sizeof(noise)},
		.properties = {{"header", "d", {noise, sizeof(noise)}}},
		.property_count = 1};
	struct arena *a = arena_new(0);
	struct slice rest, line;

	(void)state;
	memset(noise, '"', sizeof(noise));
	rest = slice_cstr(authres_build(a, SLICE("mx"), &result, 1));
	while (slice_next(&rest, '\n', &line))
		assert_true(line.n < 998);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_found_or_refused),
		cmocka_unit_test(a_nul_byte_hides_nothing),
		cmocka_unit_test(ours_and_unreadable_ones_are_forged),
		cmocka_unit_test(size_does_not_matter),
		cmocka_unit_test(suite_of_received_fields),
		cmocka_unit_test(the_field_is_written_as_the_rfc_says),
		cmocka_unit_test(values_are_quoted_where_they_must_be),
		cmocka_unit_test(comments_cannot_be_closed_from_inside),
		cmocka_unit_test(no_line_passes_998_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
