/* What is made of the errors that Redis answers with. */
#include "milter/store/redis_trouble.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

static void the_first_word_decides(void **state)
{
	static const struct {
		const char *error;
		enum redis_trouble trouble;
		const char *words; /* part of what the administrator reads */
	} cases[] = {
		{"MOVED 1 192.0.2.1:6379", REDIS_TROUBLE_MOVED, "cluster|slots"},
		{"ASK 1 192.0.2.1:6379", REDIS_TROUBLE_ASK, "it said: ASK"},
		{"TRYAGAIN Multiple keys request during rehashing of slot",
		 REDIS_TROUBLE_AGAIN, "being moved"},
		{"NOSCRIPT No matching script. Please use EVAL.",
		 REDIS_TROUBLE_SCRIPT, "NOSCRIPT"},
		{"READONLY You can't write against a read only replica.",
		 REDIS_TROUBLE_SERVER, "replica"},
		{"OOM command not allowed when used memory > 'maxmemory'. "
		 "script: 0123, on @user_script:1.",
		 REDIS_TROUBLE_SERVER, "maxmemory"},
		{"ERR Error running script (call to f_0123): @user_script:8: "
		 "@user_script: 8: -OOM command not allowed when used memory",
		 REDIS_TROUBLE_SERVER, "maxmemory"},
		{"ERR Error running script (call to f_0123): @user_script:8: "
		 "attempt to compare nil with number",
		 REDIS_TROUBLE_CALL, "it said: ERR Error"},
		{"NOPERM this user has no permissions", REDIS_TROUBLE_SERVER,
		 "ACL"},
		{"ERR The user executing the script can't run this command or "
		 "subcommand script: 0123, on @user_script:1.",
		 REDIS_TROUBLE_SERVER, "ACL"},
		{"CLUSTERDOWN The cluster is down", REDIS_TROUBLE_CLUSTER,
		 "Cluster is down"},
		{"CLUSTERDOWN Hash slot not served", REDIS_TROUBLE_CALL,
		 "CLUSTERDOWN"},
		{"WRONGTYPE Operation against a key", REDIS_TROUBLE_CALL,
		 "it said: WRONGTYPE"},
		{"OOMPH", REDIS_TROUBLE_CALL, "it said: OOMPH"},
		{"", REDIS_TROUBLE_CALL, "it said: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice error = slice_cstr(cases[i].error);
		struct err err;

		assert_int_equal(redis_trouble_of(error), cases[i].trouble);
		assert_int_equal(redis_trouble_explain(error, &err), -1);
		assert_non_null(strstr(err.text, cases[i].words));
	}
}

static void redirects_are_read(void **state)
{
	static const struct {
		const char *error;
		int rc;
		unsigned slot;
		const char *host;
		int port;
	} cases[] = {
		{"MOVED 3999 192.0.2.1:6381", 0, 3999, "192.0.2.1", 6381},
		{"ASK 16383 2001:db8::1:7000", 0, 16383, "2001:db8::1", 7000},
		{"MOVED 1 redis.example:1", 0, 1, "redis.example", 1},
		{"MOVED 1 :6379", 0, 1, "", 6379},
		{"MOVED 16384 192.0.2.1:6381", -1, 0, "", 0},
		{"MOVED -1 192.0.2.1:6381", -1, 0, "", 0},
		{"MOVED 1 192.0.2.1", -1, 0, "", 0},
		{"MOVED 1 192.0.2.1:", -1, 0, "", 0},
		{"MOVED 1 192.0.2.1:65536", -1, 0, "", 0},
		{"MOVED 1 192.0.2.1:0", -1, 0, "", 0},
		{"MOVED 1", -1, 0, "", 0},
		{"MOVED", -1, 0, "", 0},
		{"", -1, 0, "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct redis_redirect r;
		int rc = redis_redirect_read(slice_cstr(cases[i].error), &r);

		assert_int_equal(rc, cases[i].rc);
		if (rc < 0)
			continue;
		assert_int_equal(r.slot, cases[i].slot);
		assert_true(slice_eq(r.host, slice_cstr(cases[i].host)));
		assert_int_equal(r.port, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_word_decides),
		cmocka_unit_test(redirects_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
