/* From ratelimit blocks to rules: what is read, who is excepted, errors. */
#include "milter/checks/ratelimit_conf.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct made {
	struct arena *arena;
	struct conf *conf;
	struct ratelimit_rules rules;
};

static int make(const char *text, struct made *made_r, struct err *err)
{
	static const struct settings_group *const groups[] = {
		&ratelimit_settings, NULL};
	char path[] = "/tmp/gatepost-rates-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	*made_r = (struct made){.arena = arena_new(0)};
	made_r->conf = conf_load(groups, path, NULL, err);
	unlink(path);
	return made_r->conf ? ratelimit_rules_make(made_r->arena, made_r->conf,
						   &made_r->rules, err)
			    : -1;
}

static void done(struct made *made)
{
	conf_free(&made->conf);
	arena_free(&made->arena);
}

static void no_rule_is_set_by_default(void **state)
{
	struct made made;
	struct err err;

	(void)state;
	assert_int_equal(make("", &made, &err), 0);
	assert_int_equal(made.rules.count, 0);
	done(&made);
}

static void a_block_becomes_a_rule(void **state)
{
	struct made made;
	struct err err;
	const struct ratelimit_rule *rule;

	(void)state;
	assert_int_equal(make("ratelimit \"users\" { messages = 100 }\n"
			      "ratelimit \"hosts\" { by = client\n"
			      " recipients = 500 interval = 90m alert = 0 }",
			      &made, &err),
			 0);
	assert_int_equal(made.rules.count, 2);
	rule = &made.rules.rule[0];
	assert_true(slice_eq(rule->name, SLICE("users")));
	assert_int_equal(rule->by, RATELIMIT_USER);
	assert_int_equal(rule->messages, 100);
	assert_int_equal(rule->recipients, 0);
	assert_int_equal(rule->interval_ms, 3600000);
	assert_int_equal(rule->alert, 10);
	assert_true(slice_eq(rule->interval, SLICE("1h")));
	rule = &made.rules.rule[1];
	assert_int_equal(rule->by, RATELIMIT_CLIENT);
	assert_int_equal(rule->recipients, 500);
	assert_int_equal(rule->alert, 0);
	assert_true(slice_eq(rule->interval, SLICE("90m")));
	assert_false(slice_eq(rule->recipients_key, rule->never_key));
	done(&made);
}

/* Otherwise hosts with different intervals would add up unlike counts. */
static void another_interval_is_another_count(void **state)
{
	struct made a, b;
	struct err err;

	(void)state;
	assert_int_equal(make("ratelimit \"r\" { messages = 1 }", &a, &err), 0);
	assert_int_equal(make("ratelimit \"r\" { messages = 2 interval = 2h }",
			      &b, &err),
			 0);
	assert_false(slice_eq(a.rules.rule[0].messages_key,
			      b.rules.rule[0].messages_key));
	done(&a);
	done(&b);
	assert_int_equal(make("ratelimit \"r\" { messages = 1 }", &a, &err), 0);
	assert_int_equal(make("ratelimit \"r\" { messages = 2 }", &b, &err), 0);
	assert_true(slice_eq(a.rules.rule[0].messages_key,
			     b.rules.rule[0].messages_key));
	done(&a);
	done(&b);
}

static void exceptions(void **state)
{
	static const struct {
		const char *except, *ip, *name, *domain;
		bool excepted;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.9", "", "", true},
		{"192.0.2.0/24", "192.0.3.9", "", "", false},
		{"192.0.2.9", "192.0.2.9", "", "", true},
		{"2001:db8::/32", "2001:db8::1", "", "", true},
		{"newsletter", "192.0.2.9", "newsletter", "", true},
		{"NewsLetter", "192.0.2.9", "newsletter", "", true},
		{"newsletter", "192.0.2.9", "newsletters", "", false},
		{"newsletter", "192.0.2.9", "", "", false},
		{"bot@example.org", "192.0.2.9", "bot@example.org",
		 "example.org", true},
		{"bot@example.org", "192.0.2.9", "bob@example.org",
		 "example.org", false},
		{"example.org", "192.0.2.9", "bob@example.org", "example.org",
		 true},
		{"@Example.Org", "192.0.2.9", "bob@example.org", "example.org",
		 true},
		{"example.org", "192.0.2.9", "bob@a.example.org",
		 "a.example.org", true},
		{"example.org", "192.0.2.9", "bob@badexample.org",
		 "badexample.org", false},
		{"b\xc3\xbc" "cher.example", "192.0.2.9", "",
		 "xn--bcher-kva.example", true},
		{"other, example.org", "192.0.2.9", "b@example.org",
		 "example.org", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[200];
		struct made made;
		struct err err = {""};
		struct ip ip;

		snprintf(text, sizeof(text),
			 "ratelimit \"r\" { messages = 1 except = {\"%s\"} }",
			 cases[i].except);
		if (strchr(cases[i].except, ','))
			snprintf(text, sizeof(text),
				 "ratelimit \"r\" { messages = 1 except = "
				 "{%s} }", cases[i].except);
		assert_true(ip_parse(slice_cstr(cases[i].ip), &ip));
		if (make(text, &made, &err) < 0)
			fail_msg("%s", err.text);
		if (ratelimit_is_excepted(
			    &made.rules.rule[0],
			    &(struct ratelimit_names){
				    &ip, slice_cstr(cases[i].name),
				    slice_cstr(cases[i].domain)}) !=
		    cases[i].excepted)
			fail_msg("case %zu: %s", i, cases[i].except);
		done(&made);
	}
}

static void errors_say_where_and_what_to_write(void **state)
{
	static const struct {
		const char *conf, *says[3];
	} cases[] = {
		{"\nratelimit \"r\" { }",
		 {":2: ratelimit \"r\"", "limits nothing", "recipients"}},
		{"ratelimit \"r\" { messages = 1 except = {\"192.0.2.0/33\"} }",
		 {":1: ratelimit \"r\"", "except: '192.0.2.0/33'",
		  "192.0.2.0/24"}},
		{"ratelimit \"r\" { messages = 1 except = {\"a b\"} }",
		 {"ratelimit \"r\"", "'a b'", "a login"}},
		{"ratelimit \"r\" { messages = 1 by = host }",
		 {"host", "user", "sender_domain"}},
		{"ratelimit \"r\" { messages = 1 interval = 0s }",
		 {"interval", "0s", "from 1s"}},
		{"ratelimit \"a\" { messages = 1 recipients = 1 }\n"
		 "ratelimit \"b\" { messages = 1 recipients = 1 }\n"
		 "ratelimit \"c\" { messages = 1 recipients = 1 }\n"
		 "ratelimit \"d\" { messages = 1 recipients = 1 }\n"
		 "ratelimit \"e\" { messages = 1 by = client }\n"
		 "ratelimit \"f\" { messages = 1 }\n",
		 {":6: ratelimit \"f\"", "no more than 8", "by = user"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made;
		struct err err = {""};

		assert_int_equal(make(cases[i].conf, &made, &err), -1);
		for (size_t k = 0; k < 3; k++)
			if (!strstr(err.text, cases[i].says[k]))
				fail_msg("'%s' does not say '%s'", err.text,
					 cases[i].says[k]);
		done(&made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rule_is_set_by_default),
		cmocka_unit_test(a_block_becomes_a_rule),
		cmocka_unit_test(another_interval_is_another_count),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(errors_say_where_and_what_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
