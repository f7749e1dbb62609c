/* Address lists: the grammar, its obsolete forms, and what forgers write. */
#include "common/mail/address.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The list as text: display{local|domain} for each, then '!' if malformed
 * and '+' if truncated.
 */
static struct slice shown(struct arena *a, struct slice value, size_t max)
{
	struct mailbox_list list;
	struct slice out = SLICE_NONE;

	address_list_parse(a, value, max, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct mailbox *m = &list.mailbox[i];

		out = arena_printf(a, "%.*s%.*s{%.*s|%.*s}", SLICE_FMT(out),
				   SLICE_FMT(m->display), SLICE_FMT(m->local),
				   SLICE_FMT(m->domain));
	}
	return arena_printf(a, "%.*s%s%s", SLICE_FMT(out),
			    list.malformed ? "!" : "",
			    list.truncated ? "+" : "");
}

struct row {
	const char *value, *want;
};

static void check_rows(const struct row *rows, size_t count)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < count; i++) {
		struct slice got = shown(a, slice_cstr(rows[i].value), 50);

		if (!slice_eq(got, slice_cstr(rows[i].want)))
			fail_msg("<%s>: got <%.*s>, want <%s>", rows[i].value,
				 SLICE_FMT(got), rows[i].want);
	}
	arena_free(&a);
}

static void reads_the_grammar(void **state)
{
	static const struct row rows[] = {
		{"a@b.example", "{a|b.example}"},
		{" a@b.example\r\n", "{a|b.example}"},
		{"<a@b.example>", "{a|b.example}"},
		{"Al <a@b.example>", "Al{a|b.example}"},
		{"Al B. Cee <a@b.example>", "Al B. Cee{a|b.example}"},
		{"\"Al, B\" <a@b.example>", "Al, B{a|b.example}"},
		{"\"A \\\"x\\\" \\\\ B\" <a@b>", "A \"x\" \\ B{a|b}"},
		{"\"Al\" \"Bee\" <a@b>", "Al Bee{a|b}"},
		{"\"Al\r\n Bee\" <a@b>", "Al Bee{a|b}"},
		{"\"\" <a@b>", "{a|b}"},
		{"\"a b\"@b.example", "{\"a b\"|b.example}"},
		{"\"a@x\"@b.example", "{\"a@x\"|b.example}"},
		{"\"a>x\" <\"b,c\"@d>", "a>x{\"b,c\"|d}"},
		{"a@[192.0.2.1]", "{a|[192.0.2.1]}"},
		{"a@[IPv6:2001:db8::1]", "{a|[IPv6:2001:db8::1]}"},
		{"a.b+c=d/e@f.example", "{a.b+c=d/e|f.example}"},
		{"a@b, c@d", "{a|b}{c|d}"},
		{"A <a@b>, \"C\" <c@d>", "A{a|b}C{c|d}"},
		{"a@b,\r\n\tc@d", "{a|b}{c|d}"},
		{"a@b (Al)", "{a|b}"},
		{"(x) a@b (y)", "{a|b}"},
		{"A (x) B <a@b>", "A B{a|b}"},
		{"A(x)<a@b>", "A{a|b}"},
		{"(a (b (c) d) e) f@g", "{f|g}"},
		{"(\\) x) a@b", "{a|b}"},
		{"(c@d) a@b", "{a|b}"},
		{"a@b (c@d, <e@f>)", "{a|b}"},
		{"a(x)@(y)b(z)", "{a|b}"},
		{"<(x)a@b(y)>", "{a|b}"},
		{"Team: a@b, c@d;", "{a|b}{c|d}"},
		{"Team: A <a@b>;, c@d", "A{a|b}{c|d}"},
		{"\"My Team\":a@b;", "{a|b}"},
		{"undisclosed-recipients:;", ""},
		{"undisclosed-recipients: (none) ;", ""},
		{"One:a@b; Two:c@d;", "{a|b}{c|d}"},
		{"", ""},
		{"  (nobody) ", ""},
		{"\xc3\xa9t\xc3\xa9 <\xc3\xa9@\xc3\xa9.example>",
		 "\xc3\xa9t\xc3\xa9{\xc3\xa9|\xc3\xa9.example}"},
		{"=?utf-8?Q?a=40b?= <c@d>", "=?utf-8?Q?a=40b?={c|d}"},
		{"=?utf-8?B?YUBi?=@d", "{=?utf-8?B?YUBi?=|d}"},
		{"O'Neil <a@b>", "O'Neil{a|b}"},
		{"'Al' <a@b>", "'Al'{a|b}"},
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void reads_obsolete_forms(void **state)
{
	static const struct row rows[] = {
		{"a . b @ c . d", "{a.b|c.d}"},
		{"a .b@c\r\n .d", "{a.b|c.d}"},
		{"a @ b", "{a|b}"},
		{"\"a\".b.\"c\"@d", "{\"a\".b.\"c\"|d}"},
		{"<@x:a@b>", "{a|b}"},
		{"A <@x,@y:a@b>", "A{a|b}"},
		{"<@x,,@y:a@b>", "{a|b}"},
		{",a@b,,c@d,", "{a|b}{c|d}"},
		{"A . B <a@b>", "A . B{a|b}"},
		{"< a@b >", "{a|b}"},
		{"a@ [192.0.2.1]", "{a|[192.0.2.1]}"},
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static const struct row broken_fields[] = {
	/* Display names that pose as addresses. */
	{"\"a@good.example\" <b@evil.example>",
	 "a@good.example{b|evil.example}"},
	{"a@good.example <b@evil.example>", "a@good.example{b|evil.example}!"},
	{"\"x <a@good.example>\" <b@evil.example>",
	 "x <a@good.example>{b|evil.example}"},
	/* Several addresses where one belongs: all of them. */
	{"<a@good.example> <b@evil.example>",
	 "{a|good.example}{b|evil.example}!"},
	{"<a@good.example><b@evil.example>",
	 "{a|good.example}{b|evil.example}!"},
	{"a@good.example b@evil.example", "{a|good.example}{b|evil.example}!"},
	{"<a@good.example> b@evil.example",
	 "{a|good.example}{b|evil.example}!"},
	{"<a@good.example> junk", "{a|good.example}!"},
	/* Two readings: cut at the first or at the last at sign. */
	{"a@good.example@evil.example",
	 "{a|good.example}{a@good.example|evil.example}!"},
	{"<a@good.example@evil.example>",
	 "{a|good.example}{a@good.example|evil.example}!"},
	{"a@@b", "{a|}{a@|b}!"},
	{"@b", "{|b}!"},
	{"a@", "{a|}!"},
	{"@", "{|}!"},
	/* Brackets. */
	{"A <a@b", "A{a|b}!"},
	{"A <a@b, C <c@d>", "A{a|b}C{c|d}!"},
	{"A <<a@b>>", "{a|b}!"},
	{"A <a@b>>", "A{a|b}!"},
	{"a@b>", "{a|b}!"},
	{"A <a@b <c@d>", "A{a|b}{c|d}!"},
	{"<>", "!"},
	{"<root>", "{root|}!"},
	{"Al <root>", "Al{root|}!"},
	{"root", "!"},
	{"Foo, Bar <a@b>", "Bar{a|b}!"},
	{"A <mailto:a@b>", "A{mailto|}{a|b}!"},
	/* Quotes and comments that are never closed. */
	{"\"A <a@b>", "\"A{a|b}!"},
	{"A\" <a@b>", "A\"{a|b}!"},
	{"\"A\" \"B <a@b>", "A \"B{a|b}!"},
	{"(A <a@b>", "(A{a|b}!"},
	{"((A) <a@b>", "((A){a|b}!"},
	{"A) <a@b>", "A){a|b}!"},
	{"\"a@b", "{\"a|b}!"},
	{"\"a\\\"@b", "{\"a\\\"|b}!"},
	/* Groups. */
	{"Team: a@b", "{a|b}!"},
	{"Re: A <a@b>", "A{a|b}!"},
	{"a@b; c@d", "{a|b}{c|d}!"},
	{"a@good.example: <b@evil.example>;",
	 "{a|good.example}{b|evil.example}"},
	{"A: B: a@b;", "{a|b}!"},
	/* Literals. */
	{"a@[192.0.2.1", "{a|[192.0.2.1}!"},
	{"[List] A <a@b>", "[List] A{a|b}!"},
	/* Junk around an address. */
	{"Al a@b", "{a|b}!"},
	{"a@b Al", "{a|b}!"},
	{"a\\b@c", "{a\\b|c}!"},
	{"a@b\x01"
	 "c",
	 "{a|b}!"},
	{"A\x07 <a@b>", "A{a|b}!"},
	{"\"A\x07\" <a@b>", "A\x07{a|b}!"},
};

static void shows_what_a_reader_would_in_broken_fields(void **state)
{
	(void)state;
	check_rows(broken_fields, COUNT(broken_fields));
}

static void stops_at_nul_bytes(void **state)
{
	struct arena *a = arena_new(0);
	struct slice value = SLICE("a@good.example\0.evil.example");

	(void)state;
	assert_true(slice_eq(shown(a, value, 5), SLICE("{a|good.example}!")));
	arena_free(&a);
}

static void keeps_to_the_limit(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(slice_eq(shown(a, SLICE("a@b, c@d, e@f"), 2),
			     SLICE("{a|b}{c|d}+")));
	assert_true(
		slice_eq(shown(a, SLICE("a@b, c@d"), 2), SLICE("{a|b}{c|d}")));
	arena_free(&a);
}

static void splits_paths(void **state)
{
	static const struct {
		const char *path, *local, *domain;
	} rows[] = {
		{"a@b", "a", "b"},
		{"a@b@c", "a@b", "c"},
		{"\"a@b\"@c", "\"a@b\"", "c"},
		{"\"a\\\"@b\"@c", "\"a\\\"@b\"", "c"},
		{"\"a@b", "\"a", "b"},
		{"@x,@y:a@b", "a", "b"},
		{"@x", "", "x"},
		{"root", "root", ""},
		{"a@", "a", ""},
		{"", "", ""},
		{"a@[IPv6:::1]", "a", "[IPv6:::1]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice local, domain;

		address_split(slice_cstr(rows[i].path), &local, &domain);
		assert_true(slice_eq(local, slice_cstr(rows[i].local)));
		assert_true(slice_eq(domain, slice_cstr(rows[i].domain)));
	}
}

/* 100 KB of each of these takes milliseconds; quadratic code, seconds. */
static void long_fields_take_linear_time(void **state)
{
	static const char *const pieces[] = {
		"(",	"\"",	"\\\"",	  "<",	"@",   "a@b,",
		"<a@b", "(\"",	"<@a,",	  "a ", ". ",  ":",
		"a:",	"@a",	"\"a\" ", "[",	"@[",  "()",
		",",	"<@a:", "a@b ",	  "\\", "(\\", "\"\\\"(",
	};
	static char text[100000];
	const size_t size = sizeof(text);

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct arena *a = arena_new(0);
		struct mailbox_list list;
		size_t n = strlen(pieces[i]);
		int64_t start = clock_mono_ms();

		for (size_t at = 0; at < size; at++)
			text[at] = pieces[i][at % n];
		address_list_parse(a, (struct slice){text, size}, 100, &list);
		if (clock_mono_ms() - start > 1000)
			fail_msg("'%s' repeated took %d ms", pieces[i],
				 (int)(clock_mono_ms() - start));
		assert_true(arena_used(a) < 16 * size);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_grammar),
		cmocka_unit_test(reads_obsolete_forms),
		cmocka_unit_test(shows_what_a_reader_would_in_broken_fields),
		cmocka_unit_test(stops_at_nul_bytes),
		cmocka_unit_test(keeps_to_the_limit),
		cmocka_unit_test(splits_paths),
		cmocka_unit_test(long_fields_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
