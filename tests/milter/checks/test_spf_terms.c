/*
 * Mechanisms against small zones (RFC 7208 section 5), each case with
 * prompt and with late answers.
 */
#include "tests/support/cmocka.h"
#include "tests/support/spf_ask.h"

#define V4 "1.2.3.4"
#define V6 "2001:db8::1"
#define MAPPED "::ffff:1.2.3.4"
#define HELO "mail.example.com"

static void all(void **state)
{
	static const char zone[] =
		"bare.example.com TXT v=spf1 all\n"
		"minus.example.com TXT v=spf1 -all\n"
		"dot.example.com TXT v=spf1 -all.\n"
		"arg.example.com TXT v=spf1 -all:foobar\n"
		"cidr.example.com TXT v=spf1 -all/8\n"
		"neutral.example.com TXT v=spf1 ?all\n"
		"soft.example.com TXT v=spf1 ~ALL\n"
		"double.example.com TXT v=spf1 all -all\n"
		"after.example.com TXT v=spf1 -all ip4:1.2.3.4 a:x.y.z.com\n"
		"late.example.com TXT v=spf1 ?all redirect=bare.example.com\n";
	static const struct spf_case cases[] = {
		{"all passes", V4, HELO, "x@bare.example.com", AUTH_PASS, 0},
		{"-all fails", V4, HELO, "x@minus.example.com", AUTH_FAIL, ""},
		{"'all.'", V4, HELO, "x@dot.example.com", AUTH_PERMERROR, 0},
		{"argument", V4, HELO, "x@arg.example.com", AUTH_PERMERROR, 0},
		{"prefix", V4, HELO, "x@cidr.example.com", AUTH_PERMERROR, 0},
		{"?all", V4, HELO, "x@neutral.example.com", AUTH_NEUTRAL, 0},
		{"~ALL", V6, HELO, "x@soft.example.com", AUTH_SOFTFAIL, 0},
		{"first", V4, HELO, "x@double.example.com", AUTH_PASS, 0},
		{"the rest is dead", V4, HELO, "x@after.example.com", AUTH_FAIL,
		 ""},
		{"no redirect after all", V4, HELO, "x@late.example.com",
		 AUTH_NEUTRAL, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void a(void **state)
{
	static const char zone[] =
		"example.com A 1.2.3.4\n"
		"example.com A 1.2.3.9\n"
		"example.com AAAA 2001:db8::1\n"
		"example.com TXT v=spf1 a -all\n"
		"far.example.com A 9.9.9.9\n"
		"far.example.com AAAA 3fff::9\n"
		"mapped.example.com AAAA ::ffff:1.2.3.4\n"
		"zero4.example.com TXT v=spf1 a:far.example.com/0 -all\n"
		"zero6.example.com TXT v=spf1 a:far.example.com//0 -all\n"
		"net.example.com TXT v=spf1 a:example.com/24//48 -all\n"
		"no.example.com TXT v=spf1 a:gone.example.com/0 -all\n"
		"six.example.com TXT v=spf1 a:example.com//33 -all\n"
		"map.example.com TXT v=spf1 a:mapped.example.com -all\n"
		"err.example.com TXT v=spf1 a:broken.example.com -all\n"
		"early.example.com TXT v=spf1 ip4:1.2.3.4 "
		"a:broken.example.com\n"
		"broken.example.com ANY TEMPFAIL\n"
		"alias.example.com CNAME example.com\n"
		"cname.example.com TXT v=spf1 a:alias.example.com -all\n"
		"odd.example.com TXT v=spf1 a:foo:bar/baz.example.com -all\n"
		"foo:bar/baz.example.com A 1.2.3.4\n"
		"tld.example.com TXT v=spf1 a:museum -all\n"
		"tlddot.example.com TXT v=spf1 a:museum. -all\n"
		"num.example.com TXT v=spf1 a:111.222.33.44 -all\n"
		"port.example.com TXT v=spf1 a:example.com:8080 -all\n"
		"hyphen.example.com TXT v=spf1 a:mail.foo-bar -all\n"
		"mail.foo-bar A 1.2.3.4\n"
		"nul.example.com TXT v=spf1 a:example.com\\000 -all\n"
		"space.example.com TXT v=spf1 a :example.com -all\n"
		"empty.example.com TXT v=spf1 a: -all\n"
		"dup.example.com TXT v=spf1 a/24/64 -all\n"
		"bad4.example.com TXT v=spf1 a/33 -all\n"
		"bad6.example.com TXT v=spf1 a//129 -all\n"
		"hole.example.com TXT v=spf1 a:a..example.com -all\n"
		"dot.example.com TXT v=spf1 a:example.com. -all\n"
		"under.example.com TXT v=spf1 a:_h.example.com -all\n"
		"_h.example.com A 1.2.3.4\n"
		"upper.example.com TXT v=spf1 A:EXAMPLE.COM -ALL\n";
	static const struct spf_case cases[] = {
		{"own address", V4, HELO, "x@example.com", AUTH_PASS, 0},
		{"second address", "1.2.3.9", HELO, "x@example.com", AUTH_PASS,
		 0},
		{"other address", "1.2.3.5", HELO, "x@example.com", AUTH_FAIL,
		 ""},
		{"own IPv6", V6, HELO, "x@example.com", AUTH_PASS, 0},
		{"other IPv6", "2001:db8::2", HELO, "x@example.com", AUTH_FAIL,
		 0},
		{"mapped client", MAPPED, HELO, "x@example.com", AUTH_PASS, 0},
		{"/0, IPv4", V4, HELO, "x@zero4.example.com", AUTH_PASS, 0},
		{"/0, mapped", MAPPED, HELO, "x@zero4.example.com", AUTH_PASS,
		 0},
		{"/0 is not //0", V6, HELO, "x@zero4.example.com", AUTH_FAIL,
		 0},
		{"//0, IPv6", V6, HELO, "x@zero6.example.com", AUTH_PASS, 0},
		{"//0 is not /0", V4, HELO, "x@zero6.example.com", AUTH_FAIL,
		 0},
		{"//0 and a mapped client", MAPPED, HELO, "x@zero6.example.com",
		 AUTH_FAIL, 0},
		{"/24", "1.2.3.200", HELO, "x@net.example.com", AUTH_PASS, 0},
		{"outside /24", "1.2.4.4", HELO, "x@net.example.com", AUTH_FAIL,
		 0},
		{"//48", "2001:db8:0:9::9", HELO, "x@net.example.com",
		 AUTH_PASS, 0},
		{"outside //48", "2001:db8:1::1", HELO, "x@net.example.com",
		 AUTH_FAIL, 0},
		{"/0 of nothing", V4, HELO, "x@no.example.com", AUTH_FAIL, 0},
		{"//33", "2001:db8:7fff::1", HELO, "x@six.example.com",
		 AUTH_PASS, 0},
		{"mapped AAAA is for nobody", V4, HELO, "x@map.example.com",
		 AUTH_FAIL, 0},
		{"mapped AAAA, IPv6", V6, HELO, "x@map.example.com", AUTH_FAIL,
		 0},
		{"DNS error", V4, HELO, "x@err.example.com", AUTH_TEMPERROR,
		 ""},
		{"match before the error", V4, HELO, "x@early.example.com",
		 AUTH_PASS, 0},
		{"alias", V4, HELO, "x@cname.example.com", AUTH_PASS, 0},
		{"colon and slash in a name", V4, HELO, "x@odd.example.com",
		 AUTH_PASS, 0},
		{"top label only", V4, HELO, "x@tld.example.com",
		 AUTH_PERMERROR, 0},
		{"top label and dot", V4, HELO, "x@tlddot.example.com",
		 AUTH_PERMERROR, 0},
		{"digits only", V4, HELO, "x@num.example.com", AUTH_PERMERROR,
		 0},
		{"port", V4, HELO, "x@port.example.com", AUTH_PERMERROR, 0},
		{"hyphen in the top label", V4, HELO, "x@hyphen.example.com",
		 AUTH_PASS, 0},
		{"NUL", V4, HELO, "x@nul.example.com", AUTH_PERMERROR, 0},
		{"blank before the colon", V4, HELO, "x@space.example.com",
		 AUTH_PERMERROR, 0},
		{"empty name", V4, HELO, "x@empty.example.com", AUTH_PERMERROR,
		 0},
		{"/24/64", V4, HELO, "x@dup.example.com", AUTH_PERMERROR, 0},
		{"/33", V4, HELO, "x@bad4.example.com", AUTH_PERMERROR, 0},
		{"//129", V4, HELO, "x@bad6.example.com", AUTH_PERMERROR, 0},
		{"empty label matches nothing", V4, HELO, "x@hole.example.com",
		 AUTH_FAIL, 0},
		{"last dot", V4, HELO, "x@dot.example.com", AUTH_PASS, 0},
		{"underscore", V4, HELO, "x@under.example.com", AUTH_PASS, 0},
		{"case", V4, HELO, "x@upper.example.com", AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void mx(void **state)
{
	static const char zone[] =
		"example.com MX 10 mx1.example.com\n"
		"example.com MX 20 mx2.example.com\n"
		"example.com TXT v=spf1 mx -all\n"
		"mx1.example.com A 1.2.3.4\n"
		"mx2.example.com A 5.6.7.8\n"
		"mx2.example.com AAAA 2001:db8::1\n"
		"null.example.com MX 0 .\n"
		"null.example.com A 1.2.3.4\n"
		"null.example.com TXT v=spf1 mx\n"
		"nomx.example.com A 1.2.3.4\n"
		"nomx.example.com TXT v=spf1 mx -all\n"
		"net.example.com TXT v=spf1 mx:example.com/24//64 -all\n"
		"gone.example.com TXT v=spf1 mx:nx.example.com/0 ?all\n"
		"err.example.com TXT v=spf1 mx:broken.example.com -all\n"
		"broken.example.com MX TEMPFAIL\n"
		"half.example.com MX 10 mx1.example.com\n"
		"half.example.com MX 20 dead.example.com\n"
		"half.example.com TXT v=spf1 mx -all\n"
		"dead.example.com A TEMPFAIL\n"
		"empty.example.com TXT v=spf1 mx:\n"
		"tld.example.com TXT v=spf1 mx:museum\n"
		"bad.example.com TXT v=spf1 mx/-1 -all\n"
		"slash.example.com TXT v=spf1 mx:/24 -all\n";
	static const struct spf_case cases[] = {
		{"first host", V4, HELO, "x@example.com", AUTH_PASS, 0},
		{"second host", "5.6.7.8", HELO, "x@example.com", AUTH_PASS, 0},
		{"mapped client", MAPPED, HELO, "x@example.com", AUTH_PASS, 0},
		{"IPv6 host, one void", V6, HELO, "x@example.com", AUTH_PASS,
		 0},
		{"no host", "1.2.3.5", HELO, "x@example.com", AUTH_FAIL, 0},
		{"null MX", V4, HELO, "x@null.example.com", AUTH_NEUTRAL, 0},
		{"no implicit MX", V4, HELO, "x@nomx.example.com", AUTH_FAIL,
		 0},
		{"/24", "1.2.3.99", HELO, "x@net.example.com", AUTH_PASS, 0},
		{"//64", "2001:db8::ffff", HELO, "x@net.example.com", AUTH_PASS,
		 0},
		{"/0 of no name", V4, HELO, "x@gone.example.com", AUTH_NEUTRAL,
		 0},
		{"DNS error", V4, HELO, "x@err.example.com", AUTH_TEMPERROR, 0},
		{"match before the dead host", V4, HELO, "x@half.example.com",
		 AUTH_PASS, 0},
		{"dead host", "1.2.3.5", HELO, "x@half.example.com",
		 AUTH_TEMPERROR, 0},
		{"empty name", V4, HELO, "x@empty.example.com", AUTH_PERMERROR,
		 0},
		{"top label only", V4, HELO, "x@tld.example.com",
		 AUTH_PERMERROR, 0},
		{"/-1", V4, HELO, "x@bad.example.com", AUTH_PERMERROR, 0},
		{":/24", V4, HELO, "x@slash.example.com", AUTH_PERMERROR, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void ptr(void **state)
{
	static const char zone[] =
		"4.3.2.1.in-addr.arpa PTR Mail.Example.COM.\n"
		"4.3.2.1.in-addr.arpa PTR fake.example.org\n"
		"mail.example.com A 1.2.3.4\n"
		"fake.example.org A 9.9.9.9\n"
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0."
		"1.0.0.2.ip6.arpa PTR six.example.com\n"
		"six.example.com AAAA 2001:db8::1\n"
		"5.3.2.1.in-addr.arpa PTR deadhost.example.com\n"
		"5.3.2.1.in-addr.arpa PTR good.example.com\n"
		"deadhost.example.com A TEMPFAIL\n"
		"good.example.com A 1.2.3.5\n"
		"6.3.2.1.in-addr.arpa PTR TEMPFAIL\n"
		"7.3.2.1.in-addr.arpa PTR notexample.com\n"
		"notexample.com A 1.2.3.7\n"
		"example.com TXT v=spf1 ptr -all\n"
		"org.example.com TXT v=spf1 ptr:example.org -all\n"
		"com.example.org TXT v=spf1 ptr:EXAMPLE.com -all\n"
		"exact.example.org TXT v=spf1 ptr:mail.example.com -all\n"
		"below.example.org TXT v=spf1 ptr:x.mail.example.com -all\n"
		"cidr.example.com TXT v=spf1 ptr/0 -all\n"
		"empty.example.com TXT v=spf1 ptr: -all\n";
	static const struct spf_case cases[] = {
		{"below the domain", V4, HELO, "x@example.com", AUTH_PASS, 0},
		{"mapped", MAPPED, HELO, "x@example.com", AUTH_PASS, 0},
		{"IPv6", V6, HELO, "x@example.com", AUTH_PASS, 0},
		{"name that leads elsewhere", V4, HELO, "x@org.example.com",
		 AUTH_FAIL, 0},
		{"other domain", V4, HELO, "x@com.example.org", AUTH_PASS, 0},
		{"equal", V4, HELO, "x@exact.example.org", AUTH_PASS, 0},
		{"above the target", V4, HELO, "x@below.example.org", AUTH_FAIL,
		 0},
		{"dead name is skipped", "1.2.3.5", HELO, "x@example.com",
		 AUTH_PASS, 0},
		{"PTR error is no match", "1.2.3.6", HELO, "x@example.com",
		 AUTH_FAIL, 0},
		{"labels, not letters", "1.2.3.7", HELO, "x@example.com",
		 AUTH_FAIL, 0},
		{"no PTR", "1.2.3.99", HELO, "x@example.com", AUTH_FAIL, 0},
		{"prefix", V4, HELO, "x@cidr.example.com", AUTH_PERMERROR, 0},
		{"empty name", V4, HELO, "x@empty.example.com", AUTH_PERMERROR,
		 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void exists(void **state)
{
	static const char zone[] =
		"four.example.com A 127.0.0.2\n"
		"six.example.com AAAA 2001:db8::9\n"
		"text.example.com TXT hello\n"
		"y4.example.com TXT v=spf1 exists:four.example.com -all\n"
		"y6.example.com TXT v=spf1 exists:six.example.com -all\n"
		"yt.example.com TXT v=spf1 exists:text.example.com -all\n"
		"err.example.com TXT v=spf1 exists:broken.example.com -all\n"
		"broken.example.com A TEMPFAIL\n"
		"none.example.com TXT v=spf1 exists -all\n"
		"empty.example.com TXT v=spf1 exists: -all\n"
		"cidr.example.com TXT v=spf1 exists:four.example.com/24\n"
		"mac.example.com TXT v=spf1 exists:%{ir}.%{l}.l.%{d} -all\n"
		"4.3.2.1.joe.l.mac.example.com A 127.0.0.2\n"
		"helo.example.com TXT v=spf1 exists:%{h} -all\n"
		"mail.example.com A 9.9.9.9\n"
		"hup.example.com TXT v=spf1 exists:%{H}.x.example.com -all\n"
		"mail.example.com.x.example.com A 127.0.0.2\n";
	static const struct spf_case cases[] = {
		{"an address", V4, HELO, "x@y4.example.com", AUTH_PASS, 0},
		{"A also for IPv6", V6, HELO, "x@y4.example.com", AUTH_PASS, 0},
		{"AAAA is nothing", V6, HELO, "x@y6.example.com", AUTH_FAIL, 0},
		{"TXT is nothing", V4, HELO, "x@yt.example.com", AUTH_FAIL, 0},
		{"DNS error", V4, HELO, "x@err.example.com", AUTH_TEMPERROR, 0},
		{"no name", V4, HELO, "x@none.example.com", AUTH_PERMERROR, 0},
		{"empty name", V4, HELO, "x@empty.example.com", AUTH_PERMERROR,
		 0},
		{"prefix", V4, HELO, "x@cidr.example.com", AUTH_PERMERROR, 0},
		{"macros", V4, HELO, "joe@mac.example.com", AUTH_PASS, 0},
		{"macros, other user", V4, HELO, "ann@mac.example.com",
		 AUTH_FAIL, 0},
		{"local part is not folded away", V4, HELO,
		 "JOE@mac.example.com", AUTH_PASS, 0},
		{"UTF-8 local part", V4, HELO, "j\xc3\xb6@mac.example.com",
		 AUTH_FAIL, 0},
		{"HELO", V4, HELO, "x@helo.example.com", AUTH_PASS, 0},
		{"HELO with blanks", V4, "JUMPIN' JUPITER",
		 "x@helo.example.com", AUTH_FAIL, 0},
		{"HELO is a literal", V4, "[1.2.3.4]", "x@helo.example.com",
		 AUTH_FAIL, 0},
		{"no HELO", V4, "", "x@helo.example.com", AUTH_FAIL, 0},
		{"escaped HELO", V4, HELO, "x@hup.example.com", AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void networks(void **state)
{
	static const char zone[] =
		"all4.example.com TXT v=spf1 ip4:0.0.0.0/0 -all\n"
		"one4.example.com TXT v=spf1 ip4:1.2.3.4/32 -all\n"
		"host4.example.com TXT v=spf1 ip4:1.2.3.0/24 -all\n"
		"low4.example.com TXT v=spf1 ip4:1.2.3.77/24 -all\n"
		"half4.example.com TXT v=spf1 -ip4:128.0.0.0/1 all\n"
		"big4.example.com TXT v=spf1 ip4:1.2.3.4/33 -all\n"
		"zero4.example.com TXT v=spf1 ip4:1.2.3.4/032 -all\n"
		"bare4.example.com TXT v=spf1 ip4 -all\n"
		"short4.example.com TXT v=spf1 ip4:1.2.3 -all\n"
		"port4.example.com TXT v=spf1 ip4:1.2.3.4:8080 -all\n"
		"dual4.example.com TXT v=spf1 ip4:1.2.3.4//32 -all\n"
		"slash4.example.com TXT v=spf1 ip4:1.2.3.4/32/32 -all\n"
		"all6.example.com TXT v=spf1 ip6:::/0 -all\n"
		"one6.example.com TXT v=spf1 ip6:2001:DB8::1/128 -all\n"
		"net6.example.com TXT v=spf1 ip6:2001:db8::/33 -all\n"
		"map6.example.com TXT v=spf1 ip6:::ffff:1.2.3.4 -all\n"
		"mapz.example.com TXT v=spf1 ip6:::ffff:1.2.3.4/0 -all\n"
		"bare6.example.com TXT v=spf1 ip6 -all\n"
		"big6.example.com TXT v=spf1 ip6:2001:db8::1/129 -all\n"
		"dual6.example.com TXT v=spf1 ip6:2001:db8::1//33 -all\n"
		"bad6.example.com TXT v=spf1 ip6:2001:db8::1::2 -all\n"
		"mix.example.com TXT v=spf1 ip4:9.9.9.9 ip6:2001:db8::/32 "
		"~all\n";
	static const struct spf_case cases[] = {
		{"/0", V4, HELO, "x@all4.example.com", AUTH_PASS, 0},
		{"/0, mapped", MAPPED, HELO, "x@all4.example.com", AUTH_PASS,
		 0},
		{"/0, IPv6", V6, HELO, "x@all4.example.com", AUTH_FAIL, 0},
		{"/32", V4, HELO, "x@one4.example.com", AUTH_PASS, 0},
		{"/32 beside", "1.2.3.5", HELO, "x@one4.example.com", AUTH_FAIL,
		 0},
		{"/24", "1.2.3.255", HELO, "x@host4.example.com", AUTH_PASS, 0},
		{"host bits are ignored", V4, HELO, "x@low4.example.com",
		 AUTH_PASS, 0},
		{"/1, low", V4, HELO, "x@half4.example.com", AUTH_PASS, 0},
		{"/1, high", "200.1.1.1", HELO, "x@half4.example.com",
		 AUTH_FAIL, 0},
		{"/33", V4, HELO, "x@big4.example.com", AUTH_PERMERROR, 0},
		{"/032", V4, HELO, "x@zero4.example.com", AUTH_PERMERROR, 0},
		{"bare", V4, HELO, "x@bare4.example.com", AUTH_PERMERROR, 0},
		{"short", V4, HELO, "x@short4.example.com", AUTH_PERMERROR, 0},
		{"port", V4, HELO, "x@port4.example.com", AUTH_PERMERROR, 0},
		{"//32", V4, HELO, "x@dual4.example.com", AUTH_PERMERROR, 0},
		{"/32/32", V4, HELO, "x@slash4.example.com", AUTH_PERMERROR, 0},
		{"::/0", V6, HELO, "x@all6.example.com", AUTH_PASS, 0},
		{"::/0 never for IPv4", V4, HELO, "x@all6.example.com",
		 AUTH_FAIL, 0},
		{"::/0 never for mapped", MAPPED, HELO, "x@all6.example.com",
		 AUTH_FAIL, 0},
		{"/128", V6, HELO, "x@one6.example.com", AUTH_PASS, 0},
		{"/33, in", "2001:db8:7000::1", HELO, "x@net6.example.com",
		 AUTH_PASS, 0},
		{"/33, out", "2001:db8:8000::1", HELO, "x@net6.example.com",
		 AUTH_FAIL, 0},
		{"mapped network, IPv4", V4, HELO, "x@map6.example.com",
		 AUTH_FAIL, 0},
		{"mapped network, mapped", MAPPED, HELO, "x@map6.example.com",
		 AUTH_FAIL, 0},
		{"mapped /0, IPv6", V6, HELO, "x@mapz.example.com", AUTH_PASS,
		 0},
		{"bare ip6", V6, HELO, "x@bare6.example.com", AUTH_PERMERROR,
		 0},
		{"/129", V6, HELO, "x@big6.example.com", AUTH_PERMERROR, 0},
		{"//33", V6, HELO, "x@dual6.example.com", AUTH_PERMERROR, 0},
		{"two gaps", V6, HELO, "x@bad6.example.com", AUTH_PERMERROR, 0},
		{"both kinds", V6, HELO, "x@mix.example.com", AUTH_PASS, 0},
		{"neither", V4, HELO, "x@mix.example.com", AUTH_SOFTFAIL, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),	  cmocka_unit_test(a),
		cmocka_unit_test(mx),	  cmocka_unit_test(ptr),
		cmocka_unit_test(exists), cmocka_unit_test(networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
