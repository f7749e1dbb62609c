/*
 * The limits of RFC 7208 4.6.4, that they count over all records of one
 * evaluation, and that questions go out together.
 */
#include "tests/support/cmocka.h"
#include "tests/support/spf_ask.h"

#define V4 "1.2.3.4"
#define HELO "mail.example.net"

static void terms_that_ask(void **state)
{
	static const char zone[] =
		"a1.example A 9.9.9.9\n"
		"a1.example MX 5 a1.example\n"
		"a1.example TXT v=spf1 ip4:9.9.9.9\n"
		"ten.example.com TXT v=spf1 a:a1.example mx:a1.example "
		"exists:nx.example ptr a:a1.example mx:a1.example "
		"include:a1.example a:a1.example a:a1.example a:a1.example "
		"ip4:1.2.3.4 -all\n"
		"eleven.example.com TXT v=spf1 a:a1.example mx:a1.example "
		"exists:nx.example ptr a:a1.example mx:a1.example "
		"include:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example ip4:1.2.3.4 -all\n"
		"early.example.com TXT v=spf1 ip4:1.2.3.4 a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example -all\n"
		"free.example.com TXT v=spf1 ip4:1.1.1.1 ip4:1.1.1.2 "
		"ip4:1.1.1.3 ip4:1.1.1.4 ip4:1.1.1.5 ip4:1.1.1.6 ip4:1.1.1.7 "
		"ip4:1.1.1.8 ip4:1.1.1.9 ip4:1.1.1.10 ip6:::1 ip6:::2 -all\n"
		"half.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example include:five.example -all\n"
		"over.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example include:five.example "
		"-all\n"
		"five.example TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example -all\n"
		"back.example.com TXT v=spf1 include:five.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example -all\n"
		"backover.example.com TXT v=spf1 include:five.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example -all\n"
		"red.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example redirect=five.example\n"
		"redover.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example "
		"redirect=five.example\n"
		"exp.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example -all "
		"exp=e.example.com\n"
		"e.example.com TXT still told\n"
		"loop.example.com TXT v=spf1 include:loop.example.com -all\n"
		"pass.example.com TXT v=spf1 include:pass.example.com +all\n"
		"tick.example.com TXT v=spf1 include:tock.example.com\n"
		"tock.example.com TXT v=spf1 redirect=tick.example.com\n"
		"nine.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example a:a1.example exists:%{p}.x.example ?all\n"
		"p.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example exists:%{p}.x.example "
		"?all\n"
		"pp.example.com TXT v=spf1 a:a1.example a:a1.example "
		"a:a1.example a:a1.example a:a1.example a:a1.example "
		"a:a1.example exists:%{p}.nx.a1.example "
		"exists:%{p}.y.a1.example ?all\n"
		"4.3.2.1.in-addr.arpa PTR a1.example\n"
		"6.3.2.1.in-addr.arpa PTR b.example\n"
		"b.example A 1.2.3.6\n"
		"b.example.y.a1.example A 127.0.0.2\n";
	static const struct spf_case cases[] = {
		{"ten", V4, HELO, "x@ten.example.com", AUTH_PASS, 0},
		{"eleven", V4, HELO, "x@eleven.example.com", AUTH_PERMERROR, 0},
		{"twelve, but not reached", V4, HELO, "x@early.example.com",
		 AUTH_PASS, 0},
		{"twelve, reached", "1.2.3.5", HELO, "x@early.example.com",
		 AUTH_PERMERROR, 0},
		{"addresses are free", V4, HELO, "x@free.example.com",
		 AUTH_FAIL, 0},
		{"ten over an include", V4, HELO, "x@half.example.com",
		 AUTH_FAIL, 0},
		{"eleven over an include", V4, HELO, "x@over.example.com",
		 AUTH_PERMERROR, 0},
		{"ten after an include", V4, HELO, "x@back.example.com",
		 AUTH_FAIL, 0},
		{"eleven after an include", V4, HELO, "x@backover.example.com",
		 AUTH_PERMERROR, 0},
		{"ten over a redirect", V4, HELO, "x@red.example.com",
		 AUTH_FAIL, 0},
		{"eleven over a redirect", V4, HELO, "x@redover.example.com",
		 AUTH_PERMERROR, 0},
		{"exp is free", V4, HELO, "x@exp.example.com", AUTH_FAIL,
		 "still told"},
		{"include loop", V4, HELO, "x@loop.example.com", AUTH_PERMERROR,
		 0},
		{"include loop with +all", V4, HELO, "x@pass.example.com",
		 AUTH_PERMERROR, 0},
		{"loop over both", V4, HELO, "x@tick.example.com",
		 AUTH_PERMERROR, 0},
		{"%{p} is the tenth", V4, HELO, "x@nine.example.com",
		 AUTH_NEUTRAL, 0},
		{"%{p} is the eleventh", V4, HELO, "x@p.example.com",
		 AUTH_PERMERROR, 0},
		{"%{p} counts once", "1.2.3.6", HELO, "x@pp.example.com",
		 AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void lookups_that_find_nothing(void **state)
{
	static const char zone[] =
		"two.example.com TXT v=spf1 a:n1.example mx:n2.example ~all\n"
		"three.example.com TXT v=spf1 a:n1.example mx:n2.example "
		"exists:n3.example ~all\n"
		"same.example.com TXT v=spf1 a:n1.example a:n1.example "
		"a:n1.example ~all\n"
		"nodata.example TXT here\n"
		"data.example.com TXT v=spf1 a:nodata.example "
		"a:nodata.example a:n1.example ~all\n"
		"inc.example.com TXT v=spf1 include:n12.example a:n3.example "
		"~all\n"
		"n12.example TXT v=spf1 a:n1.example a:n2.example\n"
		"mx.example.com TXT v=spf1 mx ~all\n"
		"mx.example.com MX 1 n1.example\n"
		"mx.example.com MX 2 n2.example\n"
		"mx.example.com MX 3 n3.example\n"
		"null.example.com TXT v=spf1 mx mx mx mx ~all\n"
		"null.example.com MX 0 .\n"
		"bad.example.com TXT v=spf1 a:a..b.example a:c..d.example "
		"a:e..f.example ~all\n"
		"pass.example.com TXT v=spf1 a:n1.example a:n2.example "
		"ip4:1.2.3.4 a:n3.example -all\n"
		"exp.example.com TXT v=spf1 a:n1.example a:n2.example -all "
		"exp=n4.example\n"
		"ptr.example.com TXT v=spf1 ptr -all\n"
		"4.3.2.1.in-addr.arpa PTR v1.ptr.example.com\n"
		"4.3.2.1.in-addr.arpa PTR v2.ptr.example.com\n"
		"4.3.2.1.in-addr.arpa PTR v3.ptr.example.com\n"
		"5.3.2.1.in-addr.arpa PTR v1.example.org\n"
		"5.3.2.1.in-addr.arpa PTR v2.example.org\n"
		"5.3.2.1.in-addr.arpa PTR v3.example.org\n"
		"p.example.com TXT v=spf1 exists:%{p}.is.example -all\n"
		"unknown.is.example A 127.0.0.2\n";
	static const struct spf_case cases[] = {
		{"two", V4, HELO, "x@two.example.com", AUTH_SOFTFAIL, 0},
		{"three", V4, HELO, "x@three.example.com", AUTH_PERMERROR, 0},
		{"the same name counts again", V4, HELO, "x@same.example.com",
		 AUTH_PERMERROR, 0},
		{"no data counts", V4, HELO, "x@data.example.com",
		 AUTH_PERMERROR, 0},
		{"over an include", V4, HELO, "x@inc.example.com",
		 AUTH_PERMERROR, 0},
		{"hosts of mx count", V4, HELO, "x@mx.example.com",
		 AUTH_PERMERROR, 0},
		{"null MX asks nothing", V4, HELO, "x@null.example.com",
		 AUTH_SOFTFAIL, 0},
		{"impossible names ask nothing", V4, HELO, "x@bad.example.com",
		 AUTH_SOFTFAIL, 0},
		{"match before the third", V4, HELO, "x@pass.example.com",
		 AUTH_PASS, 0},
		{"exp does not count", V4, HELO, "x@exp.example.com", AUTH_FAIL,
		 ""},
		{"names of ptr count", V4, HELO, "x@ptr.example.com",
		 AUTH_PERMERROR, 0},
		{"names elsewhere do not", "1.2.3.5", HELO, "x@ptr.example.com",
		 AUTH_FAIL, 0},
		{"%{p} does not count", "1.2.3.5", HELO, "x@p.example.com",
		 AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

#define HOSTS(type, name)                                               \
	name " " type " h1.example.com\n" name " " type                 \
	     " h2.example.com\n" name " " type " h3.example.com\n" name \
	     " " type " h4.example.com\n" name " " type                 \
	     " h5.example.com\n" name " " type " h6.example.com\n" name \
	     " " type " h7.example.com\n" name " " type                 \
	     " h8.example.com\n" name " " type " h9.example.com\n" name \
	     " " type " h10.example.com\n"
#define ADDRESSES                                                \
	"h1.example.com A 9.9.9.1\nh2.example.com A 9.9.9.2\n"   \
	"h3.example.com A 9.9.9.3\nh4.example.com A 9.9.9.4\n"   \
	"h5.example.com A 9.9.9.5\nh6.example.com A 9.9.9.6\n"   \
	"h7.example.com A 9.9.9.7\nh8.example.com A 9.9.9.8\n"   \
	"h9.example.com A 9.9.9.9\nh10.example.com A 1.2.3.10\n" \
	"h11.example.com A 1.2.3.11\n"

static void names_of_mx_and_ptr(void **state)
{
	static const char zone[] = ADDRESSES HOSTS("MX 5", "ten.example.com") "ten.example.com TXT v=spf1 mx -all\n" HOSTS(
		"MX 5",
		"eleven.example.com") "eleven.example.com MX 9 "
				      "h11.example.com\n"
				      "eleven.example.com TXT v=spf1 mx "
				      "-all\n" HOSTS("PTR",
						     "10.3.2.1.in-addr.arpa")
					      HOSTS("PTR", "11.3.2.1.in-addr."
							   "arpa") "11.3.2.1."
								   "in-addr."
								   "arpa PTR "
								   "h11."
								   "example."
								   "com\n"
								   "example."
								   "com TXT "
								   "v=spf1 ptr "
								   "-all\n"
								   "p.example."
								   "com TXT "
								   "v=spf1 "
								   "exists:%{p}"
								   ".is."
								   "example "
								   "-all\n"
								   "h10."
								   "example."
								   "com.is."
								   "example A "
								   "127.0.0.2\n"
								   "h11."
								   "example."
								   "com.is."
								   "example A "
								   "127.0.0.2\n"
								   "many."
								   "example."
								   "com TXT "
								   "v=spf1 "
								   "a:big."
								   "example "
								   "-all\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "1\nbig."
								   "example A "
								   "1.1.1.2\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "3\nbig."
								   "example A "
								   "1.1.1.4\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "5\nbig."
								   "example A "
								   "1.1.1.6\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "7\nbig."
								   "example A "
								   "1.1.1.8\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "9\nbig."
								   "example A "
								   "1.1.1.10\n"
								   "big."
								   "example A "
								   "1.1.1."
								   "11\nbig."
								   "example A "
								   "1.1.1.12\n";
	static const struct spf_case cases[] = {
		{"ten MX names", "1.2.3.10", HELO, "x@ten.example.com",
		 AUTH_PASS, 0},
		{"eleven MX names", "1.2.3.10", HELO, "x@eleven.example.com",
		 AUTH_PERMERROR, 0},
		{"though the first would match", "9.9.9.1", HELO,
		 "x@eleven.example.com", AUTH_PERMERROR, 0},
		{"tenth PTR name", "1.2.3.10", HELO, "x@example.com", AUTH_PASS,
		 0},
		{"eleventh is ignored", "1.2.3.11", HELO, "x@example.com",
		 AUTH_FAIL, 0},
		{"tenth name for %{p}", "1.2.3.10", HELO, "x@p.example.com",
		 AUTH_PASS, 0},
		{"eleventh for %{p} is ignored", "1.2.3.11", HELO,
		 "x@p.example.com", AUTH_FAIL, 0},
		{"addresses have no limit", "1.1.1.12", HELO,
		 "x@many.example.com", AUTH_PASS, 0},
		{0},
	};

	(void)state;
	spf_assert_cases(zone, cases);
}

static void limits_can_be_set(void **state)
{
	struct spf_question question = {
		.zone = "e.example TXT v=spf1 a:n1.example a:n2.example "
			"a:n3.example -all\n",
		.ip = V4,
		.helo = HELO,
		.sender = "x@e.example",
	};
	struct arena *a = arena_new(0);
	struct spf_run_result got;

	(void)state;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_int_equal(got.outcome.result, AUTH_PERMERROR);
	question.void_limit = 3;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_int_equal(got.outcome.result, AUTH_FAIL);
	question.lookup_limit = 2;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_int_equal(got.outcome.result, AUTH_PERMERROR);
	arena_free(&a);
}

static void questions_go_out_together(void **state)
{
	static const struct spf_question question = {
		.zone = "example.com TXT v=spf1 a mx include:b.example "
			"include:c.example exists:%{i}.d.example "
			"redirect=e.example\n"
			"example.com A 9.9.9.9\n"
			"example.com MX 1 m.example\n"
			"m.example A 9.9.9.9\n"
			"b.example TXT v=spf1 ip4:9.9.9.9 include:f.example\n"
			"c.example TXT v=spf1 ip4:9.9.9.8 a:g.example\n"
			"g.example A 9.9.9.9\n"
			"f.example TXT v=spf1 ip4:9.9.9.7\n"
			"e.example TXT v=spf1 ip4:1.2.3.4 -all\n",
		.ip = V4,
		.helo = HELO,
		.sender = "x@example.com",
	};
	struct arena *a = arena_new(0);
	struct spf_run_result got;

	(void)state;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_true(got.same);
	assert_int_equal(got.outcome.result, AUTH_PASS);
	/* The record; all it names; all that these name. */
	assert_int_equal(got.rounds, 3);
	assert_int_equal(got.asked, 10);
	arena_free(&a);
}

static void a_match_spares_questions(void **state)
{
	static const struct spf_question question = {
		.zone = "example.com TXT v=spf1 ip4:1.2.3.4 a mx "
			"include:b.example -all exp=e.example\n",
		.ip = V4,
		.helo = HELO,
		.sender = "x@example.com",
	};
	struct arena *a = arena_new(0);
	struct spf_run_result got;

	(void)state;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_int_equal(got.outcome.result, AUTH_PASS);
	assert_int_equal(got.asked, 1);
	assert_int_equal(got.rounds, 1);
	arena_free(&a);
}

/* While %{p} is open, nothing is asked about "unknown". */
static void a_late_name_is_waited_for(void **state)
{
	static const struct spf_question question = {
		.zone = "example.com TXT v=spf1 exists:%{p}.x.example -all\n"
			"4.3.2.1.in-addr.arpa PTR h.example.com\n"
			"h.example.com A 1.2.3.4\n"
			"h.example.com.x.example A 127.0.0.2\n",
		.ip = V4,
		.helo = HELO,
		.sender = "x@example.com",
	};
	struct arena *a = arena_new(0);
	struct spf_run_result got;

	(void)state;
	spf_ask_question(a, spf_evaluate, &question, &got);
	assert_int_equal(got.outcome.result, AUTH_PASS);
	assert_int_equal(got.asked, 4);
	assert_int_equal(got.asked_late, 4);
	assert_int_equal(got.rounds, 4);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_that_ask),
		cmocka_unit_test(lookups_that_find_nothing),
		cmocka_unit_test(names_of_mx_and_ptr),
		cmocka_unit_test(limits_can_be_set),
		cmocka_unit_test(questions_go_out_together),
		cmocka_unit_test(a_match_spares_questions),
		cmocka_unit_test(a_late_name_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
