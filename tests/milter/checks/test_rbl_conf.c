/* From settings to lists: what is shipped, overrides, and bad settings. */
#include "milter/checks/rbl.h"
#include "milter/checks/rbl_conf.h"
#include "milter/checks/rbl_lists.h"
#include "tests/support/cmocka.h"
#include "tests/support/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct made {
	struct arena *arena;
	struct conf *conf;
	struct rbl_lists lists;
};

static const struct settings_group *const groups[] = {
	&rbl_settings, &rbl_list_settings, NULL};

static struct made make(const char *text)
{
	char path[] = "/tmp/gatepost-lists-XXXXXX";
	struct made made = {.arena = arena_new(0)};
	struct err err = {""};
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	made.conf = conf_load(groups, path, NULL, &err);
	unlink(path);
	if (!made.conf || rbl_lists_make(made.arena, made.conf, &made.lists,
					 &err) < 0)
		fail_msg("%s", err.text);
	return made;
}

static void done(struct made *made)
{
	conf_free(&made->conf);
	arena_free(&made->arena);
}

static const struct rbl_list *list_of(const struct made *made,
				      const char *zone)
{
	for (size_t i = 0; i < made->lists.count; i++)
		if (slice_eq(made->lists.list[i].zone, slice_cstr(zone)))
			return &made->lists.list[i];
	return NULL;
}

static const struct symbol *symbol_of(const struct made *made,
				      const char *name)
{
	for (const struct symbol *s = made->lists.symbols; s && s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static void shipped_lists_are_there_without_a_file(void **state)
{
	struct made made = make("");
	const struct rbl_list *zen = list_of(&made, "zen.spamhaus.org");
	const struct symbol *xbl = symbol_of(&made, "RBL_SPAMHAUS_XBL");

	(void)state;
	assert_non_null(zen);
	assert_int_equal(zen->query, RBL_ADDRESS);
	assert_true(zen->ipv4 && zen->ipv6);
	assert_true(slice_eq(zen->test_listed,
			     SLICE("2.0.0.127.zen.spamhaus.org")));
	assert_true(slice_eq(zen->test_unlisted,
			     SLICE("1.0.0.127.zen.spamhaus.org")));
	assert_true(slice_eq(list_of(&made, "dbl.spamhaus.org")->test_listed,
			     SLICE("dbltest.com.dbl.spamhaus.org")));
	assert_int_equal(list_of(&made, "dbl.spamhaus.org")->query,
			 RBL_DOMAINS);
	assert_int_equal(list_of(&made, "dwl.dnswl.org")->query, RBL_DKIM);
	assert_null(list_of(&made, "bl.spamcop.net"));
	assert_non_null(xbl);
	assert_true(xbl->score == 4.0);
	assert_string_equal(xbl->group, "rbl_address");
	assert_string_equal(xbl->doc, "listed by zen.spamhaus.org as an "
				      "exploited host (XBL)");
	assert_string_equal(symbol_of(&made, "RBL_DBL_SPAM")->group,
			    "rbl_domain");
	assert_string_equal(symbol_of(&made, "RBL_DNSWL_HIGH")->group,
			    "rbl_allow");
	done(&made);
}

/* Every shipped row can be read, the ones that are off too. */
static void every_shipped_list_can_be_turned_on(void **state)
{
	char text[4096] = "";
	size_t n = 0, count = 0;
	struct made made;

	(void)state;
	for (const struct rbl_shipped *row = rbl_shipped; row->zone; row++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "list \"%s\" { enabled = yes }\n",
				      row->zone);
		count++;
	}
	made = make(text);
	assert_int_equal(made.lists.count, count);
	done(&made);
}

static void a_block_overrides_only_what_it_gives(void **state)
{
	struct made made = make(
		"list \"Zen.Spamhaus.org\" {\n"
		"  answers = {\"127.0.0.2 ZEN 9.0 a source of spam\"}\n"
		"}\n"
		"list \"dbl.spamhaus.org\" { query = {from} }\n"
		"list \"multi.uribl.com\" { enabled = no }\n"
		"list \"bl.spamcop.net\" { enabled = yes }\n"
		"list \"bip.virusfree.cz\" { ipv6 = yes }\n");
	const struct rbl_list *zen = list_of(&made, "zen.spamhaus.org");

	(void)state;
	assert_int_equal(zen->code_count, 1);
	assert_true(zen->ipv6);
	assert_true(symbol_of(&made, "ZEN")->score == 9.0);
	assert_null(symbol_of(&made, "RBL_SPAMHAUS_XBL"));
	assert_int_equal(list_of(&made, "dbl.spamhaus.org")->query, RBL_FROM);
	assert_non_null(symbol_of(&made, "RBL_DBL_SPAM"));
	assert_null(list_of(&made, "multi.uribl.com"));
	assert_non_null(list_of(&made, "bl.spamcop.net"));
	/* It did not say that the list is on. */
	assert_null(list_of(&made, "bip.virusfree.cz"));
	assert_non_null(list_of(&made, "multi.surbl.org"));
	done(&made);
}

static void shipped_lists_can_be_left_out(void **state)
{
	struct made made = make(
		"rbl { shipped_lists = no }\n"
		"list \"zen.spamhaus.org\" { }\n"
		"list \"v6.example.\" { ipv4 = no ipv6 = yes\n"
		"  answers = {\"127.0.0.2 V6 1.0 a source of spam\"} }\n"
		"list \"dom.example\" { query = {Helo, dkim}\n"
		"  test_listed = \"point.example\" test_unlisted = none\n"
		"  answers = {\"127.0.0.2 DOM 1.0 a source of spam\"} }\n"
		"list \"late.example\" { query = {from}\n"
		"  answers = {\"127.0.0.2 DOM 1.0 a source of spam\"} }\n"
		"list \"ip.example\" { test_listed = \"127.0.0.5\"\n"
		"  answers = {\"127.0.0.2 IP 1.0 a source of spam\"} }\n");

	(void)state;
	assert_int_equal(made.lists.count, 5);
	assert_non_null(list_of(&made, "zen.spamhaus.org"));
	assert_true(slice_eq(list_of(&made, "v6.example")->test_listed,
			     SLICE("2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0."
				   "0.0.0.0.0.0.0.0.0.0.0.v6.example")));
	assert_int_equal(list_of(&made, "dom.example")->query,
			 RBL_HELO | RBL_DKIM);
	assert_true(slice_eq(list_of(&made, "dom.example")->test_listed,
			     SLICE("point.example.dom.example")));
	assert_int_equal(list_of(&made, "dom.example")->test_unlisted.n, 0);
	assert_true(slice_eq(list_of(&made, "late.example")->test_listed,
			     SLICE("test.late.example")));
	assert_true(slice_eq(list_of(&made, "late.example")->test_unlisted,
			     SLICE("invalid.late.example")));
	assert_true(slice_eq(list_of(&made, "ip.example")->test_listed,
			     SLICE("5.0.0.127.ip.example")));
	done(&made);
}

static void bad_settings_name_list_text_and_what_is_allowed(void **state)
{
	static const struct check *const checks[] = {&check_rbl, NULL};
	static const struct {
		const char *conf, *says[4];
	} cases[] = {
		{"\nlist \"a.example\" { }",
		 {":2: ", "list \"a.example\"", "answers", "127.0.0.2"}},
		{"list \"a.example\" { answers = {\"2 A1 1 x\"} }",
		 {"list \"a.example\"", "answers", "'2 A1 1 x'",
		  "127.0.0.4-7"}},
		{"list \"a.example\" { answers = {\"127.0.0.2 A1 1\"} }",
		 {"list \"a.example\"", "'127.0.0.2 A1 1'", "plain words",
		  "exploited"}},
		{"list \"a.example\" { query = {address, ehlo}\n"
		 " answers = {\"127.0.0.2 A1 1 x\"} }",
		 {"query", "'ehlo'", "helo, ptr", "dkim"}},
		{"list \"a.example\" { query = {}\n"
		 " answers = {\"127.0.0.2 A1 1 x\"} }",
		 {"query", "say what", "address", "dkim"}},
		{"list \"a..example\" { answers = {\"127.0.0.2 A1 1 x\"} }",
		 {"a..example", "zone", "zen.spamhaus.org", ""}},
		{"list \"a.example\" { test_listed = \"a b\"\n"
		 " answers = {\"127.0.0.2 A1 1 x\"} }",
		 {"test_listed", "'a b'", "an address", "none"}},
		{"list \"a.example\" { answers = {\"127.0.0.2 A1 1 x\",\n"
		 " \"127.0.0.3 A1 2 y\"} }",
		 {"'A1'", "other points", "", ""}},
		{"list \"a.example\" { answer = {\"127.0.0.2 A1 1 x\"} }",
		 {"answer", "answers", "", ""}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_setup setup = {.checks = checks,
					    .conf = cases[i].conf};
		struct err err = {""};
		const char *text = bench_refusal(&setup, &err);

		for (size_t k = 0; k < 4; k++)
			if (!strstr(text, cases[i].says[k]))
				fail_msg("'%s' does not say '%s'", text,
					 cases[i].says[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_lists_are_there_without_a_file),
		cmocka_unit_test(every_shipped_list_can_be_turned_on),
		cmocka_unit_test(a_block_overrides_only_what_it_gives),
		cmocka_unit_test(shipped_lists_can_be_left_out),
		cmocka_unit_test(
			bad_settings_name_list_text_and_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
