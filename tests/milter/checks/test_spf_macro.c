/* Macros (RFC 7208 section 7, RFC 8616 4): what they expand to. */
#include "milter/checks/spf_macro.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define LONG50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define TAIL ".0123456789.0123456789.012345678.com"

static struct ip address(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(slice_cstr(text), &ip));
	return ip;
}

/* The values of the RFC's own examples (7.4). */
static struct spf_values rfc_values(const struct ip *client)
{
	return (struct spf_values){
		.sender = SLICE("strong-bad@email.example.com"),
		.domain = SLICE("email.example.com"),
		.validated = SLICE("mx.example.org"),
		.helo = SLICE("mail.example.net"),
		.receiver = SLICE("mx.receiver.example"),
		.client = client,
	};
}

static void assert_text(const struct spf_values *values, const char *text,
			const char *want)
{
	struct arena *a = arena_new(0);
	struct slice got;
	bool good = spf_macro_expand_text(a, slice_cstr(text), values, &got);

	if (good != (want != NULL) ||
	    (good && !slice_eq(got, slice_cstr(want))))
		fail_msg("'%s' gives '%.*s'", text, SLICE_FMT(got));
	arena_free(&a);
}

static void expands_every_letter_and_transformer(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"%{s}", "strong-bad@email.example.com"},
		{"%{o}", "email.example.com"},
		{"%{d}", "email.example.com"},
		{"%{d4}", "email.example.com"},
		{"%{d3}", "email.example.com"},
		{"%{d2}", "example.com"},
		{"%{d1}", "com"},
		{"%{dr}", "com.example.email"},
		{"%{d2r}", "example.email"},
		{"%{d1r}", "email"},
		{"%{d99999999999999999999}", "email.example.com"},
		{"%{d01}", "com"},
		{"%{l}", "strong-bad"},
		{"%{l-}", "strong.bad"},
		{"%{lr}", "strong-bad"},
		{"%{lr-}", "bad.strong"},
		{"%{l1r-}", "strong"},
		{"%{l1-}", "bad"},
		{"%{lR-}", "bad.strong"},
		{"%{i}", "192.0.2.3"},
		{"%{ir}", "3.2.0.192"},
		{"%{i2r}", "0.192"},
		{"%{v}", "in-addr"},
		{"%{h}", "mail.example.net"},
		{"%{p}", "mx.example.org"},
		{"%{r}", "mx.receiver.example"},
		{"%{c}", "192.0.2.3"},
		{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		 "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		 "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"%{d2}.trusted-domains.example.net",
		 "example.com.trusted-domains.example.net"},
		{"%{s-@}", NULL},
		{"%{s.-}", "strong.bad@email.example.com"},
		{"%{s1.-}", "com"},
		{"%{S}", "strong-bad%40email.example.com"},
		{"%{L-}", "strong.bad"},
		{"%%%_%-", "% %20"},
		{"a b  c", "a b  c"},
		{"", ""},
		{"no macro", "no macro"},
		{"%", NULL},
		{"% ", NULL},
		{"%{", NULL},
		{"%{d", NULL},
		{"%{d0}", NULL},
		{"%{z}", NULL},
		{"%{d2rr}", NULL},
		{"%{d r}", NULL},
		{"100% sure", NULL},
		{"caf\xc3\xa9", NULL},
		{"a\tb", NULL},
		{"a\nb", NULL},
	};
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_text(&values, cases[i].text, cases[i].want);
}

static void splits_at_every_delimiter(void **state)
{
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);

	(void)state;
	values.sender = SLICE("a.b-c+d,e/f_g=h@example.org");
	assert_text(&values, "%{l}", "a.b-c+d,e/f_g=h");
	assert_text(&values, "%{l.-+,/_=}", "a.b.c.d.e.f.g.h");
	assert_text(&values, "%{lr.-+,/_=}", "h.g.f.e.d.c.b.a");
	assert_text(&values, "%{l3r.-+,/_=}", "c.b.a");
	assert_text(&values, "%{l2+}", "a.b-c.d,e/f_g=h");
	assert_text(&values, "%{l1/}", "f_g=h");
	assert_text(&values, "%{L2r=}", "h.a.b-c%2Bd%2Ce%2Ff_g");
	values.sender = SLICE("--a--b@example.org");
	assert_text(&values, "%{l-}", "..a..b");
	assert_text(&values, "%{lr-}", "b..a..");
	assert_text(&values, "%{l2-}", ".b");
	assert_text(&values, "%{l9-}", "..a..b");
	values.sender = SLICE("a@b@example.org");
	assert_text(&values, "%{l} %{o}", "a@b example.org");
}

static void writes_ipv6_as_nibbles(void **state)
{
	struct ip client = address("2001:DB8::CB01");
	struct spf_values values = rfc_values(&client);

	(void)state;
	assert_text(&values, "%{ir}.%{v}._spf.%{d2}",
		    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		    "8.b.d.0.1.0.0.2.ip6._spf.example.com");
	assert_text(&values, "%{i}",
		    "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		    "0.0.0.0.c.b.0.1");
	assert_text(&values, "%{c}", "2001:db8::cb01");
	client = address("::ffff:192.0.2.3");
	assert_text(&values, "%{c} %{i} %{v}", "192.0.2.3 192.0.2.3 in-addr");
}

static void upper_case_escapes_for_urls(void **state)
{
	struct ip client = address("2001:db8::1");
	struct spf_values values = rfc_values(&client);

	(void)state;
	values.sender = SLICE("~jack&jill=up-a_b3.c@example.com");
	assert_text(&values, "http://x.example/why.html?l=%{L}",
		    "http://x.example/why.html?l=~jack%26jill%3Dup-a_b3.c");
	assert_text(&values, "%{C}", "2001%3Adb8%3A%3A1");
	assert_text(&values, "%{l}", "~jack&jill=up-a_b3.c");
	values.helo = SLICE("caf\xc3\xa9 \x01");
	assert_text(&values, "%{H}", "caf%C3%A9%20%01");
	assert_text(&values, "%{h}", NULL);
}

static void time_is_in_seconds(void **state)
{
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);
	struct arena *a = arena_new(0);
	struct slice text;
	uint64_t seconds;

	(void)state;
	assert_true(spf_macro_expand_text(a, SLICE("%{t}"), &values, &text));
	assert_true(slice_to_u64(text, &seconds));
	assert_true(seconds > 1000000000);
	arena_free(&a);
}

static void assert_name(const struct spf_values *values, const char *spec,
			const char *want)
{
	char room[SPF_NAME_MAX];
	struct slice name;
	bool good =
		spf_macro_expand_domain(slice_cstr(spec), values, room, &name);

	if (good != (want != NULL) ||
	    (good && !slice_eq(name, slice_cstr(want))))
		fail_msg("'%s' gives '%.*s'", spec, SLICE_FMT(name));
}

static void names_must_be_askable(void **state)
{
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);

	(void)state;
	assert_name(&values, "a.example.com", "a.example.com");
	assert_name(&values, "a.example.com.", "a.example.com");
	assert_name(&values, "%{d}.example.com.",
		    "email.example.com.example.com");
	assert_name(&values, "a..example.com", NULL);
	assert_name(&values, ".example.com", NULL);
	assert_name(&values, "%_.example.com", NULL);
	assert_name(&values, "%-.example.com", "%20.example.com");
	assert_name(&values, LONG50 "x.example.com", LONG50 "x.example.com");
	assert_name(&values, LONG50 "0123456789012.example.com",
		    LONG50 "0123456789012.example.com");
	assert_name(&values, LONG50 "01234567890123.example.com", NULL);
	values.helo = SLICE("JUMPIN' JUPITER");
	assert_name(&values, "%{h}.example.com", NULL);
	assert_name(&values, "%{H}.example.com",
		    "JUMPIN%27%20JUPITER.example.com");
	values.helo = SLICE_NONE;
	assert_name(&values, "%{h}", NULL);
	assert_name(&values, "x.%{h}", "x");
}

/* RFC 8616 4: such terms match nothing, whatever would come out. */
static void a_local_part_beyond_ascii_has_no_name(void **state)
{
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);

	(void)state;
	values.sender = SLICE("j\xc3\xb6rg-x@example.org");
	assert_name(&values, "%{l}.example.com", NULL);
	assert_name(&values, "%{l1-}.example.com", NULL);
	assert_name(&values, "%{L}.example.com", NULL);
	assert_name(&values, "%{s1}.example.com", NULL);
	assert_name(&values, "%{o}.example.com", "example.org.example.com");
	assert_text(&values, "%{s} may not", NULL);
	assert_text(&values, "%{o} may not", "example.org may not");
}

static void long_names_lose_labels_on_the_left(void **state)
{
	static const char five[] =
		LONG50 "." LONG50 "." LONG50 "." LONG50 "." LONG50;
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);
	struct arena *a = arena_new(0);
	struct slice spec;

	(void)state;
	/* 254 bytes, of which the first label must go. */
	assert_int_equal(strlen(five), 254);
	assert_name(&values, five, LONG50 "." LONG50 "." LONG50 "." LONG50);
	values.domain = SLICE("a." LONG50 "." LONG50 "." LONG50 "." LONG50);
	assert_name(&values, "b." LONG50 ".%{d}",
		    "a." LONG50 "." LONG50 "." LONG50 "." LONG50);
	/* Exactly 253 bytes stay whole, 254 do not. */
	assert_name(&values, "12345678901.%{d}" TAIL,
		    "12345678901.a." LONG50 "." LONG50 "." LONG50
		    "." LONG50 TAIL);
	assert_name(&values, "123456789012.%{d}" TAIL,
		    "a." LONG50 "." LONG50 "." LONG50 "." LONG50 TAIL);
	assert_name(&values, "123456789012.%{d}" TAIL ".",
		    "a." LONG50 "." LONG50 "." LONG50 "." LONG50 TAIL);
	/* Far more than any room: only the end counts. */
	spec = arena_printf(a, "%0*d.%%{d}.%%{d}.%%{d}.%%{d}.%%{d}.%%{d}",
			    60000, 1);
	values.domain = SLICE("x." LONG50 "." LONG50 ".example.com");
	assert_name(&values, spec.p,
		    "example.com.x." LONG50 "." LONG50 ".example.com.x." LONG50
		    "." LONG50 ".example.com");
	arena_free(&a);
}

static void a_text_that_grows_too_long_is_dropped(void **state)
{
	struct ip client = address("192.0.2.3");
	struct spf_values values = rfc_values(&client);
	char text[400] = "";

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(text, "%{S}");
	assert_text(&values, "%{S}", "strong-bad%40email.example.com");
	values.sender = SLICE(LONG50 "@" LONG50);
	assert_text(&values, text, NULL);
}

static void knows_who_wants_a_validated_name(void **state)
{
	(void)state;
	assert_true(spf_macro_wants_validated(SLICE("a.%{d}.%{p2r-}.b")));
	assert_true(spf_macro_wants_validated(SLICE("%{P}")));
	assert_false(spf_macro_wants_validated(SLICE("p.%%{p}.%{d}p")));
	assert_false(spf_macro_wants_validated(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands_every_letter_and_transformer),
		cmocka_unit_test(splits_at_every_delimiter),
		cmocka_unit_test(writes_ipv6_as_nibbles),
		cmocka_unit_test(upper_case_escapes_for_urls),
		cmocka_unit_test(time_is_in_seconds),
		cmocka_unit_test(names_must_be_askable),
		cmocka_unit_test(a_local_part_beyond_ascii_has_no_name),
		cmocka_unit_test(long_names_lose_labels_on_the_left),
		cmocka_unit_test(a_text_that_grows_too_long_is_dropped),
		cmocka_unit_test(knows_who_wants_a_validated_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
