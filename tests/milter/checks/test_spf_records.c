/*
 * check_host() around the mechanisms: which name, which record, how terms
 * follow one another (RFC 7208 4, 5.2, 6), each case with prompt and with
 * late answers.
 */
#include "tests/support/cmocka.h"
#include "tests/support/spf_ask.h"

#define V4 "1.2.3.4"
#define V6 "2001:db8::1"
#define HELO "mail.example.net"
#define X63 "A23456789012345678901234567890123456789012345678901234567890123"

static void initial_processing(void **state)
{
	static const char zone[] =
		"example.com TXT v=spf1 -all exp=e.example.com\n"
		"e.example.com TXT %{s} via %{h}\n"
		"mail.example.net TXT v=spf1 -all exp=e.example.com\n"
		"local TXT v=spf1 +all\n"
		"1.2.3.5] TXT v=spf1 +all\n"
		"[1.2.3.5] TXT v=spf1 +all\n" X63
		".example.com TXT v=spf1 +all\n"
		"xn--bcher-kva.example TXT v=spf1 exists:%{o}.x.example -all\n"
		"xn--bcher-kva.example.x.example A 127.0.0.2\n"
		"_spf.example.com TXT v=spf1 +all\n";
	static const struct spf_case cases[] = {
		{"63 letters", V4, HELO, "x@" X63 ".example.com", AUTH_PASS, 0},
		{"64 letters", V4, HELO, "x@" X63 "4.example.com", AUTH_NONE,
		 0},
		{"empty label", V4, HELO, "x@a...example.com", AUTH_NONE, 0},
		{"one label", V4, HELO, "x@local", AUTH_NONE, 0},
		{"one label with a dot", V4, HELO, "x@local.", AUTH_NONE, 0},
		{"literal", V4, HELO, "x@[1.2.3.5]", AUTH_NONE, 0},
		{"last dot", V4, HELO, "x@example.com.", AUTH_FAIL,
		 "x@example.com via mail.example.net"},
		{"underscore", V4, HELO, "x@_spf.example.com", AUTH_PASS, 0},
		{"no local part", V4, HELO, "@example.com", AUTH_FAIL,
		 "postmaster@example.com via mail.example.net"},
		{"no at sign", V4, HELO, "example.com", AUTH_NONE, 0},
		{"null sender", V4, HELO, "", AUTH_FAIL,
		 "postmaster@mail.example.net via mail.example.net"},
		{"null sender, odd HELO", V4, "A2345678", "", AUTH_NONE, 0},
		{"null sender, literal HELO", V4, "[1.2.3.5]", "", AUTH_NONE,
		 0},
		{"null sender, no HELO", V4, "", "", AUTH_NONE, 0},
		{"U-label", V4, HELO,
		 "x@b\xc3\xbc"
		 "cher.example",
		 AUTH_PASS, 0},
		{"two at signs", V4, HELO, "\"a@b\"@example.com", AUTH_FAIL,
		 "\"a@b\"@example.com via mail.example.net"},
		{"case of the domain", V4, HELO, "X@EXAMPLE.com", AUTH_FAIL,
		 "X@example.com via mail.example.net"},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void record_lookup(void **state)
{
	static const char zone[] =
		"empty.example.com TXT v=spf1\n"
		"blank.example.com TXT v=spf1\\032\n"
		"blanks.example.com TXT v=spf1   -all\\032\\032\n"
		"ten.example.com TXT v=spf10 -all\n"
		"glued.example.com TXT v=spf1mx -all\n"
		"tab.example.com TXT v=spf1\\009-all\n"
		"intab.example.com TXT v=spf1 mx\\009-all\n"
		"front.example.com TXT \\032v=spf1 -all\n"
		"case.example.com TXT V=sPf1 ~ALL\n"
		"other.example.com TXT google-verification=x\n"
		"other.example.com TXT v=spf1 -all\n"
		"other.example.com TXT v=spf10 +all\n"
		"odd.example.com TXT Nothing to see\\150 here\n"
		"odd.example.com TXT v=spf1 -all\n"
		"two.example.com TXT v=spf1 -all\n"
		"two.example.com TXT v=spf1 -all\n"
		"twice.example.com TXT v=spf1\n"
		"twice.example.com TXT V=SPF1 +all\n"
		"nospf.example.com TXT v=DMARC1; p=none\n"
		"notxt.example.com A 1.2.3.4\n"
		"slow.example.com TXT TEMPFAIL\n"
		"slow.example.com A 1.2.3.4\n"
		"high.example.com TXT v=spf1 a:\\150.example.com -all\n"
		"ctrl.example.com TXT v=spf1 a:x.example.com\\013ptr -all\n"
		"quote.example.com TXT \"v=spf1 -all\"\n"
		"alias.example.com CNAME case.example.com\n";
	static const struct spf_case cases[] = {
		{"bare version", V4, HELO, "x@empty.example.com", AUTH_NEUTRAL,
		 0},
		{"version and blank", V4, HELO, "x@blank.example.com",
		 AUTH_NEUTRAL, 0},
		{"blanks at the end", V4, HELO, "x@blanks.example.com",
		 AUTH_FAIL, 0},
		{"v=spf10", V4, HELO, "x@ten.example.com", AUTH_NONE, 0},
		{"no blank", V4, HELO, "x@glued.example.com", AUTH_NONE, 0},
		{"tab after version", V4, HELO, "x@tab.example.com", AUTH_NONE,
		 0},
		{"tab between terms", V4, HELO, "x@intab.example.com",
		 AUTH_PERMERROR, 0},
		{"blank first", V4, HELO, "x@front.example.com", AUTH_NONE, 0},
		{"case", V4, HELO, "x@case.example.com", AUTH_SOFTFAIL, 0},
		{"other TXT", V4, HELO, "x@other.example.com", AUTH_FAIL, 0},
		{"odd bytes elsewhere", V4, HELO, "x@odd.example.com",
		 AUTH_FAIL, 0},
		{"two equal records", V4, HELO, "x@two.example.com",
		 AUTH_PERMERROR, 0},
		{"two records", V4, HELO, "x@twice.example.com", AUTH_PERMERROR,
		 0},
		{"no SPF", V4, HELO, "x@nospf.example.com", AUTH_NONE, 0},
		{"no TXT", V4, HELO, "x@notxt.example.com", AUTH_NONE, 0},
		{"no name", V4, HELO, "x@nx.example.com", AUTH_NONE, 0},
		{"no answer", V4, HELO, "x@slow.example.com", AUTH_TEMPERROR,
		 0},
		{"high byte", V4, HELO, "x@high.example.com", AUTH_PERMERROR,
		 0},
		{"control", V4, HELO, "x@ctrl.example.com", AUTH_PERMERROR, 0},
		{"quotes", V4, HELO, "x@quote.example.com", AUTH_NONE, 0},
		{"alias", V4, HELO, "x@alias.example.com", AUTH_SOFTFAIL, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void record_evaluation(void **state)
{
	static const char zone[] =
		"any.example.com TXT v=spf1 ip4:1.2.3.4 -all moo\n"
		"term.example.com TXT v=spf1 ip4:1.2.3.4 -all redirect=x\n"
		"mod.example.com TXT v=spf1 a=foo -all\n"
		"mod1.example.com TXT v=spf1 /foo=bar -all\n"
		"mod2.example.com TXT v=spf1 a/foo=bar -all\n"
		"mod3.example.com TXT v=spf1 =test -all\n"
		"mod4.example.com TXT v=spf1 foo=%abc -all\n"
		"mod5.example.com TXT v=spf1 foo=%{d}%%%_ ip4:1.2.3.4\n"
		"mod6.example.com TXT v=spf1 -foo=bar -all\n"
		"mod7.example.com TXT v=spf1 default=pass moo=a moo=b -all\n"
		"mod8.example.com TXT v=spf1 redirect:example.com\n"
		"mod9.example.com TXT v=spf1 tr\\128s=x -all\n"
		"end.example.com TXT v=spf1 ip4:9.9.9.9\n"
		"last.example.com TXT v=spf1 redirect=t.example.com "
		"?ip4:1.2.3.4\n"
		"t.example.com TXT v=spf1 -all\n"
		"name.example.com TXT v=spf1 a:foo-bar -all\n"
		"hole.example.com TXT v=spf1 a:abc.example..com ?all\n"
		"long.example.com TXT v=spf1 a:" X63 "4.example.com ?all\n"
		"mlong.example.com TXT v=spf1 exists:%{H}.bar ?all\n"
		"qual.example.com TXT v=spf1 ?ip4:1.2.3.4 +all\n"
		"qual2.example.com TXT v=spf1 *ip4:1.2.3.4 +all\n"
		"qual3.example.com TXT v=spf1 - all\n";
	static const struct spf_case cases[] = {
		{"error at the end", V4, HELO, "x@any.example.com",
		 AUTH_PERMERROR, 0},
		{"error in a dead redirect", V4, HELO, "x@term.example.com",
		 AUTH_PERMERROR, 0},
		{"modifier with a mechanism's name", V4, HELO,
		 "x@mod.example.com", AUTH_FAIL, 0},
		{"/foo=bar", V4, HELO, "x@mod1.example.com", AUTH_PERMERROR, 0},
		{"a/foo=bar", V4, HELO, "x@mod2.example.com", AUTH_PERMERROR,
		 0},
		{"=test", V4, HELO, "x@mod3.example.com", AUTH_PERMERROR, 0},
		{"bad macro", V4, HELO, "x@mod4.example.com", AUTH_PERMERROR,
		 0},
		{"good macro", V4, HELO, "x@mod5.example.com", AUTH_PASS, 0},
		{"qualified", V4, HELO, "x@mod6.example.com", AUTH_PERMERROR,
		 0},
		{"unknown ones", V4, HELO, "x@mod7.example.com", AUTH_FAIL, 0},
		{"redirect:", V4, HELO, "x@mod8.example.com", AUTH_PERMERROR,
		 0},
		{"high byte in a name", V4, HELO, "x@mod9.example.com",
		 AUTH_PERMERROR, 0},
		{"nothing matches", V4, HELO, "x@end.example.com", AUTH_NEUTRAL,
		 0},
		{"redirect comes last, match", V4, HELO, "x@last.example.com",
		 AUTH_NEUTRAL, 0},
		{"redirect comes last", "9.9.9.9", HELO, "x@last.example.com",
		 AUTH_FAIL, 0},
		{"one label", V4, HELO, "x@name.example.com", AUTH_PERMERROR,
		 0},
		{"empty label", V4, HELO, "x@hole.example.com", AUTH_NEUTRAL,
		 0},
		{"long label", V4, HELO, "x@long.example.com", AUTH_NEUTRAL, 0},
		{"long label by macro", V4, X63 "4", "x@mlong.example.com",
		 AUTH_NEUTRAL, 0},
		{"?", V4, HELO, "x@qual.example.com", AUTH_NEUTRAL, 0},
		{"*", V4, HELO, "x@qual2.example.com", AUTH_PERMERROR, 0},
		{"- alone", V4, HELO, "x@qual3.example.com", AUTH_PERMERROR, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void include(void **state)
{
	static const char zone[] =
		"pass.example TXT v=spf1 +all\n"
		"fail.example TXT v=spf1 -all exp=e.example.com\n"
		"soft.example TXT v=spf1 ~all\n"
		"neut.example TXT v=spf1 ?all\n"
		"perm.example TXT v=spf1 moo\n"
		"temp.example TXT TEMPFAIL\n"
		"none.example TXT hello\n"
		"e.example.com TXT You are not %{d}\n"
		"p.example.com TXT v=spf1 ?include:pass.example -all\n"
		"n.example.com TXT v=spf1 -include:pass.example +all\n"
		"f.example.com TXT v=spf1 include:fail.example ~all\n"
		"s.example.com TXT v=spf1 include:soft.example -all\n"
		"u.example.com TXT v=spf1 include:neut.example -all\n"
		"perm.example.com TXT v=spf1 include:perm.example -all\n"
		"temp.example.com TXT v=spf1 include:temp.example -all\n"
		"none.example.com TXT v=spf1 include:none.example -all\n"
		"nx.example.com TXT v=spf1 include:nx.example -all\n"
		"noexp.example.com TXT v=spf1 include:fail.example -all\n"
		"ownexp.example.com TXT v=spf1 include:fail.example -all "
		"exp=e.example.com\n"
		"bare.example.com TXT v=spf1 include\n"
		"colon.example.com TXT v=spf1 include:\n"
		"cidr.example.com TXT v=spf1 include:pass.example/24\n"
		"mac.example.com TXT v=spf1 include:%{l}.example ~all\n"
		"first.example.com TXT v=spf1 ip4:1.2.3.4 "
		"include:temp.example\n"
		"d.example.com TXT v=spf1 include:id.example -all\n"
		"id.example TXT v=spf1 exists:%{d}.%{o}.y.example -all\n"
		"id.example.d.example.com.y.example A 127.0.0.2\n"
		"red.example.com TXT v=spf1 include:red.example -all\n"
		"red.example TXT v=spf1 redirect=pass.example\n"
		"redno.example.com TXT v=spf1 include:redno.example -all\n"
		"redno.example TXT v=spf1 redirect=none.example\n"
		"hole.example.com TXT v=spf1 include:a..example ~all\n";
	static const struct spf_case cases[] = {
		{"pass matches", V4, HELO, "x@p.example.com", AUTH_NEUTRAL, 0},
		{"qualifier counts", V4, HELO, "x@n.example.com", AUTH_FAIL, 0},
		{"fail does not match", V4, HELO, "x@f.example.com",
		 AUTH_SOFTFAIL, 0},
		{"softfail neither", V4, HELO, "x@s.example.com", AUTH_FAIL, 0},
		{"neutral neither", V4, HELO, "x@u.example.com", AUTH_FAIL, 0},
		{"permerror", V4, HELO, "x@perm.example.com", AUTH_PERMERROR,
		 0},
		{"temperror", V4, HELO, "x@temp.example.com", AUTH_TEMPERROR,
		 0},
		{"no record", V4, HELO, "x@none.example.com", AUTH_PERMERROR,
		 0},
		{"no name", V4, HELO, "x@nx.example.com", AUTH_PERMERROR, 0},
		{"no exp of the other", V4, HELO, "x@noexp.example.com",
		 AUTH_FAIL, ""},
		{"own exp", V4, HELO, "x@ownexp.example.com", AUTH_FAIL,
		 "You are not ownexp.example.com"},
		{"bare", V4, HELO, "x@bare.example.com", AUTH_PERMERROR, 0},
		{"empty", V4, HELO, "x@colon.example.com", AUTH_PERMERROR, 0},
		{"prefix", V4, HELO, "x@cidr.example.com", AUTH_PERMERROR, 0},
		{"macro", V4, HELO, "pass@mac.example.com", AUTH_PASS, 0},
		{"macro to nowhere", V4, HELO, "nx@mac.example.com",
		 AUTH_PERMERROR, 0},
		{"macro beyond ASCII", V4, HELO, "\xc3\xa9@mac.example.com",
		 AUTH_SOFTFAIL, 0},
		{"match before the error", V4, HELO, "x@first.example.com",
		 AUTH_PASS, 0},
		{"%{d} is the other's", V4, HELO, "x@d.example.com", AUTH_PASS,
		 0},
		{"redirect inside", V4, HELO, "x@red.example.com", AUTH_PASS,
		 0},
		{"redirect to nothing inside", V4, HELO, "x@redno.example.com",
		 AUTH_PERMERROR, 0},
		{"empty label", V4, HELO, "x@hole.example.com", AUTH_PERMERROR,
		 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void redirect(void **state)
{
	static const char zone[] =
		"t.example TXT v=spf1 ip4:1.2.3.4 -all exp=te.example\n"
		"te.example TXT %{d} says no to %{o}\n"
		"e.example.com TXT never shown\n"
		"pass.example TXT v=spf1 +all\n"
		"a.example.com TXT v=spf1 redirect=t.example "
		"exp=e.example.com\n"
		"dot.example.com TXT v=spf1 redirect=t.example.\n"
		"nx.example.com TXT v=spf1 redirect=nx.example\n"
		"txt.example.com TXT v=spf1 redirect=e.example.com\n"
		"temp.example.com TXT v=spf1 redirect=slow.example\n"
		"slow.example TXT TEMPFAIL\n"
		"two.example.com TXT v=spf1 redirect=t.example "
		"redirect=t.example\n"
		"empty.example.com TXT v=spf1 redirect=\n"
		"none.example.com TXT v=spf1 redirect\n"
		"chain.example.com TXT v=spf1 redirect=a.example.com\n"
		"mac.example.com TXT v=spf1 redirect=%{d}.d.example.\n"
		"mac.example.com.d.example TXT v=spf1 redirect=pass.example\n"
		"perm.example.com TXT v=spf1 redirect=perm.example\n"
		"perm.example TXT v=spf1 redirect=%%{d}\n"
		"self.example.com TXT v=spf1 redirect=self.example.com\n"
		"cidr.example.com TXT v=spf1 redirect=t.example/24\n"
		"utf.example.com TXT v=spf1 redirect=%{l}.example\n";
	static const struct spf_case cases[] = {
		{"pass", V4, HELO, "x@a.example.com", AUTH_PASS, 0},
		{"fail with the target's exp", "9.9.9.9", HELO,
		 "x@a.example.com", AUTH_FAIL,
		 "t.example says no to a.example.com"},
		{"last dot", V4, HELO, "x@dot.example.com", AUTH_PASS, 0},
		{"no name", V4, HELO, "x@nx.example.com", AUTH_PERMERROR, 0},
		{"no record", V4, HELO, "x@txt.example.com", AUTH_PERMERROR, 0},
		{"no answer", V4, HELO, "x@temp.example.com", AUTH_TEMPERROR,
		 0},
		{"twice", V4, HELO, "x@two.example.com", AUTH_PERMERROR, 0},
		{"empty", V4, HELO, "x@empty.example.com", AUTH_PERMERROR, 0},
		{"no value", V4, HELO, "x@none.example.com", AUTH_PERMERROR, 0},
		{"chain", "9.9.9.9", HELO, "x@chain.example.com", AUTH_FAIL,
		 "t.example says no to chain.example.com"},
		{"macro and last dot", V4, HELO, "x@mac.example.com", AUTH_PASS,
		 0},
		{"error there", V4, HELO, "x@perm.example.com", AUTH_PERMERROR,
		 0},
		{"loop", V4, HELO, "x@self.example.com", AUTH_PERMERROR, 0},
		{"prefix", V4, HELO, "x@cidr.example.com", AUTH_PERMERROR, 0},
		{"macro beyond ASCII", V4, HELO, "\xc3\xa9@utf.example.com",
		 AUTH_PERMERROR, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initial_processing),
		cmocka_unit_test(record_lookup),
		cmocka_unit_test(record_evaluation),
		cmocka_unit_test(include),
		cmocka_unit_test(redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
