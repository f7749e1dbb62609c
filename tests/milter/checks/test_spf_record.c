/* The grammar of SPF records (RFC 7208 4.5, 4.6.1, 12). */
#include "milter/checks/spf_record.h"
#include "tests/support/cmocka.h"

#include <string.h>

static void version_is_followed_by_space_or_end(void **state)
{
	static const struct {
		const char *txt;
		bool is;
	} cases[] = {
		{"v=spf1", true},
		{"v=spf1 ", true},
		{"v=spf1 -all", true},
		{"V=sPf1 -ALL", true},
		{"v=spf10", false},
		{"v=spf1-all", false},
		{"v=spf1\t-all", false},
		{" v=spf1 -all", false},
		{"v=spf", false},
		{"", false},
		{"v=spf2.0/pra -all", false},
		{"\"v=spf1 -all\"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(spf_record_is(slice_cstr(cases[i].txt)),
				 cases[i].is);
}

static unsigned count_wrong(const char *const *terms, bool good)
{
	unsigned wrong = 0;

	for (; *terms; terms++) {
		char txt[512] = "v=spf1 ";
		struct spf_record record;
		struct spf_fault fault;

		strncat(txt, *terms, sizeof(txt) - 8);
		if (spf_record_parse(slice_cstr(txt), &record, &fault) ==
			    good &&
		    good == !fault.what)
			continue;
		wrong++;
		print_error("'%s': %s\n", txt,
			    fault.what ? fault.what : "accepted");
	}
	return wrong;
}

static void accepts_what_the_grammar_allows(void **state)
{
	static const char *const terms[] = {
		"", "   ", "-all", "ALL", "~aLL  ", "a   mx    -all", "all all",
		/* targets */
		"a:example.com", "a:example.com.", "mx:example.com",
		"ptr:example.com", "exists:example.com", "include:example.com",
		"?include:example.com", "+a", "~mx", "-ptr",
		"a:_spf.example.com", "a:foo:bar/baz.example.com",
		"a:!#$&'()*,;<>?@[]^`{|}~.example.com", "a:1.2.3.4.com",
		"a:example.c0m", "a:example.xn--zckzah", "a:example.a-1",
		"a:example.1-2", "a:..com", "a:.com", "a:example..com",
		/* prefix lengths */
		"a/0", "a/32", "a//0", "a//128", "a/24//64", "a:b.c/24",
		"a:b.c//64", "a:b.c/24//64", "mx/8//8",
		"a:foo/24.example.com/24",
		/* addresses */
		"ip4:192.0.2.1", "ip4:192.0.2.0/24", "ip4:0.0.0.0/0",
		"IP4:1.2.3.4", "ip6:2001:db8::1", "ip6:2001:db8::/32",
		"ip6:::/0", "ip6:::1/128", "ip6:::ffff:192.0.2.1",
		"ip6:2001:DB8::A/9",
		/* macros */
		"exists:%{i}._spf.%{d}", "exists:%{ir}.%{v}.%{d2}",
		"exists:%{l1r-}.%{o}", "a:%{d}", "a:%{D}", "a:x.%%", "a:%_",
		"a:%-", "exists:%{s127R.-+,/_=}", "include:%{d1}.example.com",
		"a:%{d}.com", "a:%{p}",
		/* modifiers */
		"redirect=example.com", "exp=example.com", "REDIRECT=a.b",
		"redirect=example.com -all", "exp=%{d}.example.com mx",
		"moo=", "moo=cow", "moo=cow moo=calf", "a=b", "include=x",
		"m-o_o.1=%{d}", "v=spf1", "moo==", "moo=a:b/c%%",
		"default=pass", NULL};

	(void)state;
	assert_int_equal(count_wrong(terms, true), 0);
}

static void refuses_everything_else(void **state)
{
	static const char *const terms[] = {
		"moo", "-all moo", "a b", "+", "-", "--all", "+-all", "++a",
		"-all.", "all/8", "all:", "all:example.com", "-all/8", "alll",
		"al", "a.b", "a-b", "example.com",
		/* targets */
		"include", "include:", "exists",
		"exists:", "a:", "mx:", "ptr:", "a:/24", "a://64", "mx:/8",
		"ptr/0", "ptr:example.com/24", "include/24",
		"exists:example.com/24", "include:example.com/24", "a:museum",
		"a:museum.", "a:example.com:8080", "a:111.222.33.44",
		"a:example.123", "a:example.-com", "a:example.com-",
		"a:example.c_m", "a:foo-bar", "a:.", "a:..", "a:example.com..",
		"include:localhost",
		/* prefix lengths */
		"a/", "a//", "a/33", "a/-1", "a/+1", "a/024", "a/00", "a//129",
		"a//0128", "a/24/64", "a//64/24", "a///64", "a/24//", "a/x",
		"a/24//64//64", "a:example.com/33", "a:example.com/24/24",
		"a:example.com//129", "a/4294967320", "mx/999",
		"a/99999999999999999999",
		/* addresses */
		"ip4", "ip4:", "ip4/24", "ip4:1.2.3", "ip4:1.2.3.4.5",
		"ip4:1.2.3.4/", "ip4:1.2.3.4/33", "ip4:1.2.3.4/032",
		"ip4:1.2.3.4/32/32", "ip4:1.2.3.4//32", "ip4:1.2.3.4:8080",
		"ip4:256.2.3.4", "ip4:1.2.3.04", "ip4:example.com",
		"ip4:::ffff:1.2.3.4", "ip4:1.2.3.4/24x", "ip4:%{i}",
		"ip4=1.2.3.4 ip4", "ip:1.2.3.4", "ip6",
		"ip6:", "ip6::CAFE:", "ip6:1.2.3.4", "ip6:::1/129",
		"ip6:::1//33", "ip6:::1/", "ip6:::1/01", "ip6:2001:db8::1::2",
		"ip6:2001:db8::g", "ip6:fe80::1%eth0", "ip6/64", "ip6:::%{i}",
		/* macros */
		"exists:%", "exists:%.com", "exists:%{", "exists:%{d",
		"exists:%{}", "exists:%{x}.com", "exists:%{d.com",
		"exists:%{d0}.com", "exists:%{d00r}", "exists:%{dr1}",
		"exists:%{d:}.com", "exists:%{d-r}", "exists:%(d)", "a:%a.com",
		"exists:%{c}.com", "exists:%{t}.com", "exists:%{R}.com",
		"a:%{d}com", "a:%{d}.", "a:%{d}.1", "exists:%{i}.%{e}.com",
		/* modifiers */
		"redirect=", "exp=", "redirect", "exp", "redirect:a.com",
		"redirect=com", "exp=com", "exp=-all", "redirect=a.com/24",
		"redirect=a.com redirect=b.com", "exp=a.com exp=a.com",
		"REDIRECT=a.com redirect=a.com", "=moo", "1moo=x", "-moo=x",
		"_moo=x", "+exp=a.com", "moo=%", "moo=%{", "moo=%abc",
		"moo=%{d", "a/foo=bar", "/foo=bar", "moo=%{t}", "m/o=x",
		"redirect=%{r}.com", "exp=%{c}.com",
		/* bytes */
		"a:\x80.com", "-all\xc3\xa9", "moo=\xe2\x80\x9c", "\ta",
		"a\t-all", "a\n", "a:x\r.com", "moo=\x7f", "moo=\x01", NULL};

	(void)state;
	assert_int_equal(count_wrong(terms, false), 0);
}

static void lists_directives_in_order(void **state)
{
	static const struct {
		enum spf_mechanism mechanism;
		enum auth_result result;
		const char *target;
		int bits4, bits6;
	} want[] = {
		{SPF_A, AUTH_PASS, "", 24, 64},
		{SPF_MX, AUTH_NEUTRAL, "b.example", 32, 128},
		{SPF_IP4, AUTH_FAIL, "", 8, 128},
		{SPF_INCLUDE, AUTH_SOFTFAIL, "c.example", 32, 128},
		{SPF_ALL, AUTH_FAIL, "", 32, 128},
		{SPF_PTR, AUTH_PASS, "", 32, 128},
	};
	struct spf_record record;
	struct spf_directive d;
	struct spf_fault fault;

	(void)state;
	assert_true(spf_record_parse(
		SLICE("v=spf1 redirect=r.example  A/24//64 ?mx:b.example "
		      "x=y -ip4:10.0.0.0/8 ~include:c.example exp=e.example "
		      "-all ptr "),
		&record, &fault));
	assert_int_equal(record.directives, 6);
	assert_true(slice_eq(record.redirect, SLICE("r.example")));
	assert_true(slice_eq(record.exp, SLICE("e.example")));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(spf_record_next(&record.terms, &d));
		assert_int_equal(d.mechanism, want[i].mechanism);
		assert_int_equal(d.result, want[i].result);
		assert_true(slice_eq(d.target, slice_cstr(want[i].target)));
		assert_int_equal(d.bits4, want[i].bits4);
		assert_int_equal(d.bits6, want[i].bits6);
	}
	assert_false(spf_record_next(&record.terms, &d));
}

static void a_fault_names_the_term(void **state)
{
	struct spf_record record;
	struct spf_fault fault;

	(void)state;
	assert_false(spf_record_parse(SLICE("v=spf1 a ip:192.0.2.1 -all"),
				      &record, &fault));
	assert_true(slice_eq(fault.term, SLICE("ip:192.0.2.1")));
	assert_string_equal(fault.what, "is not a known mechanism");
	assert_false(spf_record_parse((struct slice){"v=spf1 a\0b", 10},
				      &record, &fault));
	assert_int_equal(fault.term.n, 0);
}

static void a_mapped_network_stays_ipv6(void **state)
{
	struct spf_record record;
	struct spf_directive d;
	struct spf_fault fault;
	struct ip four;

	(void)state;
	assert_true(spf_record_parse(SLICE("v=spf1 ip6:::ffff:10.0.0.1/90"),
				     &record, &fault));
	assert_true(spf_record_next(&record.terms, &d));
	assert_int_equal(d.network.family, IP_V6);
	assert_int_equal(d.network.b[11], 0xff);
	assert_int_equal(d.network.b[12], 10);
	assert_true(ip_parse(SLICE("10.0.0.1"), &four));
	assert_false(ip_in(&four, &d.network, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_followed_by_space_or_end),
		cmocka_unit_test(accepts_what_the_grammar_allows),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(lists_directives_in_order),
		cmocka_unit_test(a_fault_names_the_term),
		cmocka_unit_test(a_mapped_network_stays_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
