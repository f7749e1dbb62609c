/*
 * Explanations and macros inside records (RFC 7208 6.2, 7), each case with
 * prompt and with late answers.
 */
#include "tests/support/cmocka.h"
#include "tests/support/spf_ask.h"

#define V4 "1.2.3.4"
#define V6 "2001:db8::1"
#define HELO "mail.example.net"

static void explanations(void **state)
{
	static const char zone[] =
		"a.example.com TXT v=spf1 -all exp=%{d}.exp.example\n"
		"a.example.com.exp.example TXT See "
		"http://%{o}/why.html?s=%{S}&i=%{I}\n"
		"soft.example.com TXT v=spf1 ~all exp=e.example\n"
		"pass.example.com TXT v=spf1 all exp=e.example\n"
		"mid.example.com TXT v=spf1 exp=e.example -ip4:1.2.3.4 all\n"
		"dot.example.com TXT v=spf1 exp=e.example. -all\n"
		"e.example TXT Text of e\n"
		"nx.example.com TXT v=spf1 -all exp=nx.example\n"
		"slow.example.com TXT v=spf1 -all exp=slow.example\n"
		"slow.example TXT TEMPFAIL\n"
		"two.example.com TXT v=spf1 -all exp=two.example\n"
		"two.example TXT one\ntwo.example TXT two\n"
		"bad.example.com TXT v=spf1 -all exp=bad.example\n"
		"bad.example TXT %{d} 100%\n"
		"high.example.com TXT v=spf1 -all exp=high.example\n"
		"high.example TXT caf\\195\\169\n"
		"nl.example.com TXT v=spf1 -all exp=nl.example\n"
		"nl.example TXT one\\010two\n"
		"spf.example.com TXT v=spf1 -all exp=spf.example.com\n"
		"empty.example.com TXT v=spf1 -all exp=\n"
		"twice.example.com TXT v=spf1 exp=e.example exp=e.example "
		"-all\n"
		"syntax.example.com TXT v=spf1 exp=-all\n"
		"hole.example.com TXT v=spf1 -all exp=a..example\n"
		"crt.example.com TXT v=spf1 -all exp=crt.example\n"
		"crt.example TXT %{c} at %{r}: %{i} %{v} %{p}%_%%%-\n"
		"incrt.example.com TXT v=spf1 -all exp=%{c}.example\n"
		"mac.example.com TXT v=spf1 -all exp=%{l}.example\n"
		"p.example.com TXT v=spf1 -all exp=p.example\n"
		"p.example TXT you are %{p}\n"
		"4.3.2.1.in-addr.arpa PTR host.example.org\n"
		"host.example.org A 1.2.3.4\n"
		"long.example.com TXT v=spf1 -all exp=long.example\n"
		"long.example TXT %{s} %{s} %{h}\n";
	static const struct spf_case cases[] = {
		{"by macro, escaped", V4, HELO, "jo+x@a.example.com", AUTH_FAIL,
		 "See http://a.example.com/why.html?s=jo%2Bx%40a.example.com"
		 "&i=1.2.3.4"},
		{"not for softfail", V4, HELO, "x@soft.example.com",
		 AUTH_SOFTFAIL, ""},
		{"not for pass", V4, HELO, "x@pass.example.com", AUTH_PASS, ""},
		{"any fail", V4, HELO, "x@mid.example.com", AUTH_FAIL,
		 "Text of e"},
		{"last dot", V4, HELO, "x@dot.example.com", AUTH_FAIL,
		 "Text of e"},
		{"no name", V4, HELO, "x@nx.example.com", AUTH_FAIL, ""},
		{"no answer", V4, HELO, "x@slow.example.com", AUTH_FAIL, ""},
		{"two records", V4, HELO, "x@two.example.com", AUTH_FAIL, ""},
		{"bad macro", V4, HELO, "x@bad.example.com", AUTH_FAIL, ""},
		{"not ASCII", V4, HELO, "x@high.example.com", AUTH_FAIL, ""},
		{"line feed", V4, HELO, "x@nl.example.com", AUTH_FAIL, ""},
		{"an SPF record is a text, too", V4, HELO, "x@spf.example.com",
		 AUTH_FAIL, "v=spf1 -all exp=spf.example.com"},
		{"empty", V4, HELO, "x@empty.example.com", AUTH_PERMERROR, ""},
		{"twice", V4, HELO, "x@twice.example.com", AUTH_PERMERROR, ""},
		{"no domain", V4, HELO, "x@syntax.example.com", AUTH_PERMERROR,
		 ""},
		{"empty label", V4, HELO, "x@hole.example.com", AUTH_FAIL, ""},
		{"letters for texts only", V4, HELO, "x@crt.example.com",
		 AUTH_FAIL,
		 "1.2.3.4 at mx.receiver.example: 1.2.3.4 in-addr "
		 "host.example.org %%20"},
		{"IPv6", V6, HELO, "x@crt.example.com", AUTH_FAIL,
		 "2001:db8::1 at mx.receiver.example: 2.0.0.1.0.d.b.8.0.0.0."
		 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1 ip6 unknown "
		 "%%20"},
		{"not in the record", V4, HELO, "x@incrt.example.com",
		 AUTH_PERMERROR, 0},
		{"macro", V4, HELO, "e@mac.example.com", AUTH_FAIL,
		 "Text of e"},
		{"macro beyond ASCII", V4, HELO, "\xc3\xa9@mac.example.com",
		 AUTH_FAIL, ""},
		{"%{p}", V4, HELO, "x@p.example.com", AUTH_FAIL,
		 "you are host.example.org"},
		{"%{p} unknown", "1.2.3.5", HELO, "x@p.example.com", AUTH_FAIL,
		 "you are unknown"},
		{"HELO", V4, HELO, "x@long.example.com", AUTH_FAIL,
		 "x@long.example.com x@long.example.com mail.example.net"},
		{"HELO with bad bytes", V4, "a\x01\xff", "x@long.example.com",
		 AUTH_FAIL, ""},
		{"no HELO", V4, "", "x@long.example.com", AUTH_FAIL,
		 "x@long.example.com x@long.example.com "},
		{"text beyond ASCII", V4, HELO, "\xc3\xa9@long.example.com",
		 AUTH_FAIL, ""},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void validated_names(void **state)
{
	static const char zone[] =
		"example.com TXT v=spf1 exists:%{p}.is.example -all\n"
		"4.3.2.1.in-addr.arpa PTR other.example.org\n"
		"4.3.2.1.in-addr.arpa PTR sub.example.com\n"
		"4.3.2.1.in-addr.arpa PTR example.com\n"
		"other.example.org A 1.2.3.4\n"
		"sub.example.com A 1.2.3.4\n"
		"example.com A 1.2.3.4\n"
		"example.com.is.example A 127.0.0.2\n"
		"5.3.2.1.in-addr.arpa PTR other.example.net\n"
		"5.3.2.1.in-addr.arpa PTR sub5.example.com\n"
		"other.example.net A 1.2.3.5\n"
		"sub5.example.com A 1.2.3.5\n"
		"sub5.example.com.is.example A 127.0.0.2\n"
		"6.3.2.1.in-addr.arpa PTR fake.example.com\n"
		"6.3.2.1.in-addr.arpa PTR real.example.org\n"
		"fake.example.com A 9.9.9.9\n"
		"real.example.org A 1.2.3.6\n"
		"real.example.org.is.example A 127.0.0.2\n"
		"7.3.2.1.in-addr.arpa PTR fake.example.com\n"
		"8.3.2.1.in-addr.arpa PTR TEMPFAIL\n"
		"9.3.2.1.in-addr.arpa PTR dead.example.com\n"
		"9.3.2.1.in-addr.arpa PTR live.example.org\n"
		"dead.example.com A TEMPFAIL\n"
		"live.example.org A 1.2.3.9\n"
		"unk.example.com TXT v=spf1 exists:%{p}.unk.example -all\n"
		"unknown.unk.example A 127.0.0.2\n"
		"live.example.org.unk.example A 127.0.0.2\n"
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0."
		"1.0.0.2.ip6.arpa PTR six.example.org\n"
		"six.example.org AAAA 2001:db8::1\n"
		"six.example.org.is.example A 127.0.0.2\n"
		"top.example.com TXT v=spf1 include:example.com -all\n";
	static const struct spf_case cases[] = {
		{"the domain itself first", V4, HELO, "x@example.com",
		 AUTH_PASS, 0},
		{"then below it", "1.2.3.5", HELO, "x@example.com", AUTH_PASS,
		 0},
		{"then any other", "1.2.3.6", HELO, "x@example.com", AUTH_PASS,
		 0},
		{"IPv6", V6, HELO, "x@example.com", AUTH_PASS, 0},
		{"none is valid", "1.2.3.7", HELO, "x@unk.example.com",
		 AUTH_PASS, 0},
		{"no answer", "1.2.3.8", HELO, "x@unk.example.com", AUTH_PASS,
		 0},
		{"no PTR", "1.2.3.77", HELO, "x@unk.example.com", AUTH_PASS, 0},
		{"dead name is skipped", "1.2.3.9", HELO, "x@unk.example.com",
		 AUTH_PASS, 0},
		{"the current domain counts", "1.2.3.5", HELO,
		 "x@top.example.com", AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void macros_in_records(void **state)
{
	static const char zone[] =
		"c.example.com TXT v=spf1 exists:%{c}.x.example -all\n"
		"e.example.com TXT v=spf1 exists:%{e}.x.example -all\n"
		"pct.example.com TXT v=spf1 exists:%{d}%/x.example -all\n"
		"tail.example.com TXT v=spf1 exists:%{d}.x.example% -all\n"
		"open.example.com TXT v=spf1 exists:%{d.x.example -all\n"
		"esc.example.com TXT v=spf1 exists:%%%-%{d1}.x.example -all\n"
		"%%20com.x.example A 127.0.0.2\n"
		"sp.example.com TXT v=spf1 exists:a%_b.x.example ?all\n"
		"dash.example.com TXT v=spf1 exists:%{lr-}.x.example -all\n"
		"c.b.a.x.example A 127.0.0.2\n"
		"multi.example.com TXT v=spf1 exists:%{l2r+-=}.y.example -all\n"
		"b.a.y.example A 127.0.0.2\n"
		"v.example.com TXT v=spf1 exists:%{i}.%{v}.z.example -all\n"
		"1.2.3.4.in-addr.z.example A 127.0.0.2\n"
		"2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		"0.1.ip6.z.example A 127.0.0.2\n"
		"o.example.com TXT v=spf1 redirect=o2.example\n"
		"o2.example TXT v=spf1 exists:%{o}.%{d}.w.example -all\n"
		"o.example.com.o2.example.w.example A 127.0.0.2\n"
		"mania.example.com TXT v=spf1 a:%{a -all\n"
		"a.example.com TXT v=spf1 a:%{l}.example.org "
		"mx:%{l}.example.org "
		"ptr:%{d2} -all\n"
		"joe.example.org A 1.2.3.4\n"
		"ann.example.org MX 5 joe.example.org\n"
		"5.3.2.1.in-addr.arpa PTR h.example.com\n"
		"h.example.com A 1.2.3.5\n"
		"slash.example.com TXT v=spf1 a:%{l1r/}.example.org/24 -all\n";
	static const struct spf_case cases[] = {
		{"%{c}", V4, HELO, "x@c.example.com", AUTH_PERMERROR, 0},
		{"%{e}", V4, HELO, "x@e.example.com", AUTH_PERMERROR, 0},
		{"%/", V4, HELO, "x@pct.example.com", AUTH_PERMERROR, 0},
		{"% at the end", V4, HELO, "x@tail.example.com", AUTH_PERMERROR,
		 0},
		{"open brace", V4, HELO, "x@open.example.com", AUTH_PERMERROR,
		 0},
		{"escapes", V4, HELO, "x@esc.example.com", AUTH_PASS, 0},
		{"a blank cannot be asked", V4, HELO, "x@sp.example.com",
		 AUTH_NEUTRAL, 0},
		{"reversed at dashes", V4, HELO, "a-b-c@dash.example.com",
		 AUTH_PASS, 0},
		{"several delimiters", V4, HELO, "a+b=c-d@multi.example.com",
		 AUTH_PASS, 0},
		{"IPv4", V4, HELO, "x@v.example.com", AUTH_PASS, 0},
		{"IPv6", V6, HELO, "x@v.example.com", AUTH_PASS, 0},
		{"%{o} stays, %{d} moves", V4, HELO, "x@o.example.com",
		 AUTH_PASS, 0},
		{"unknown letter", V4, HELO, "x@mania.example.com",
		 AUTH_PERMERROR, 0},
		{"in a", V4, HELO, "joe@a.example.com", AUTH_PASS, 0},
		{"in mx", V4, HELO, "ann@a.example.com", AUTH_PASS, 0},
		{"in ptr", "1.2.3.5", HELO, "x@a.example.com", AUTH_PASS, 0},
		{"slash as a delimiter, then a prefix", "1.2.3.99", HELO,
		 "joe/ann@slash.example.com", AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explanations),
		cmocka_unit_test(validated_names),
		cmocka_unit_test(macros_in_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
