/* Registered domains: the vectors of the public suffix list, and traps. */
#include "milter/checks/psl.h"

#include "common/mail/domain.h"
#include "tests/support/cmocka.h"
#include "tests/support/suite.h"

#include <string.h>

static struct suffixes *open_usual(void)
{
	struct err err;
	struct suffixes *suffixes = suffixes_open(NULL, &err);

	if (!suffixes)
		fail_msg("%s", err.text);
	return suffixes;
}

/* "name registered" or "name null", one vector a line. */
static bool check_vector(const struct suffixes *suffixes, struct slice line)
{
	struct arena *a = arena_new(0);
	size_t blank = slice_find(line, 0, ' ');
	struct slice text = slice_sub(line, 0, blank);
	struct slice want_text = slice_sub(line, blank + 1, line.n);
	struct slice name, got = SLICE_NONE, want = SLICE_NONE;
	bool same;

	if (!slice_eq(text, SLICE("null")) && domain_normalise(a, text, &name))
		got = suffixes_registered(suffixes, name);
	if (!slice_eq(want_text, SLICE("null")))
		assert_true(domain_normalise(a, want_text, &want));
	same = slice_eq(got, want);
	if (!same)
		print_message("%.*s: got '%.*s', want '%.*s'\n",
			      SLICE_FMT(text), SLICE_FMT(got), SLICE_FMT(want));
	arena_free(&a);
	return same;
}

static void agrees_with_the_published_vectors(void **state)
{
	struct suffixes *suffixes = open_usual();
	struct arena *a = arena_new(0);
	struct slice rest, line;
	unsigned good = 0, count = 0;

	(void)state;
	if (!suite_present("psl")) {
		arena_free(&a);
		suffixes_close(&suffixes);
		skip();
	}
	rest = suite_read(a, "psl/tests.txt");
	while (slice_next(&rest, '\n', &line)) {
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '/')
			continue;
		count++;
		good += check_vector(suffixes, line);
	}
	print_message("public suffix vectors: %u of %u\n", good, count);
	assert_true(count > 70);
	assert_int_equal(good, count);
	arena_free(&a);
	suffixes_close(&suffixes);
}

static void finds_organizations(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"example.org", "example.org"},
		{"a.b.example.org", "example.org"},
		{"example.co.uk", "example.co.uk"},
		{"mail.example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"org", "org"},
		{"evil.github.io", "evil.github.io"},
		{"github.io", "github.io"},
		{"a.unlisted", "a.unlisted"},
		{"b.a.unlisted", "a.unlisted"},
		{"unlisted", "unlisted"},
		{"_dmarc.example.org", "example.org"},
	};
	struct suffixes *suffixes = open_usual();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice got = suffixes_organization(
			suffixes, slice_cstr(rows[i].name));

		if (!slice_eq(got, slice_cstr(rows[i].want)))
			fail_msg("%s: got %.*s", rows[i].name, SLICE_FMT(got));
	}
	suffixes_close(&suffixes);
}

static void names_a_list_it_cannot_read(void **state)
{
	struct err err = {""};

	(void)state;
	assert_null(suffixes_open("/nonexistent/list.dat", &err));
	assert_non_null(strstr(err.text, "/nonexistent/list.dat"));
	assert_null(suffixes_open("/dev/null", &err));
	assert_non_null(strstr(err.text, "/dev/null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_published_vectors),
		cmocka_unit_test(finds_organizations),
		cmocka_unit_test(names_a_list_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
