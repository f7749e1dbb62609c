#include "milter/net/deliver_check.h"
#include "tests/support/cmocka.h"

#include <string.h>

static void reads_addresses_of_servers(void **state)
{
	static const struct {
		const char *name, *host;
		unsigned port;
		bool ipv6, local;
	} cases[] = {
		{"inet:127.0.0.1:10026", "127.0.0.1", 10026, false, true},
		{"inet:mail.example:25", "mail.example", 25, false, false},
		{"inet:localhost:1", "localhost", 1, false, true},
		{"inet6:::1:65535", "::1", 65535, true, true},
		{"inet6:[2001:db8::1]:25", "2001:db8::1", 25, true, false},
	};
	struct deliver_server server;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(deliver_server_read(slice_cstr(cases[i].name),
						     &server, &err),
				 0);
		assert_string_equal(server.host, cases[i].host);
		assert_int_equal(server.port, cases[i].port);
		assert_int_equal(server.ipv6, cases[i].ipv6);
		assert_int_equal(server.local, cases[i].local);
	}
}

static void refuses_other_servers(void **state)
{
	static const char *const names[] = {
		"",
		"inet",
		"inet:",
		"inet:25",
		"inet::25",
		"inet:host:",
		"inet:host:0",
		"inet:host:x",
		"inet:host:65536",
		"unix:/run/x:25",
		"inet:a/b:25",
		"inet:a@b:25",
		"inet:a b:25",
		"inet:a\r\nb:1",
		"inet:[::1]:25",
		"inet6:[fe80::1%1]:1",
		"smtp://a:25",
		"inet:a%20:25",
	};
	struct deliver_server server;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (deliver_server_read(slice_cstr(names[i]), &server, &err) ==
		    0)
			fail_msg("\"%s\" was read", names[i]);
}

static void tells_addresses_that_end_a_command(void **state)
{
	static const struct {
		struct slice address;
		bool good;
	} cases[] = {
		{SLICE("a@b.example"), true},
		{SLICE("a"), true},
		{SLICE("\"a b\"@c.example"), true},
		{SLICE("\"a>b<\"@c.example"), true},
		{SLICE("\"a\\\"> \"@c.example"), true},
		{SLICE("j\xc3\xb6rg@b\xc3\xbc.example"), true},
		{SLICE("a@[192.0.2.1]"), true},
		{SLICE(""), false},
		{SLICE("a@b> SIZE=1"), false},
		{SLICE("a b@c.example"), false},
		{SLICE("<a@b"), false},
		{SLICE("a@b\r\nDATA"), false},
		{SLICE("\"a\r\n\"@b"), false},
		{SLICE("a@b\n"), false},
		{SLICE("a\0@b"), false},
		{SLICE("a\x7f@b"), false},
		{SLICE("\"a@b"), false},
		{SLICE("\"a\\\"@b"), false},
		{SLICE("\"a\\"), false},
		{SLICE("\"a\\\r\"@b"), false},
		{SLICE("a\xff@b"), false},
		{SLICE("a\xc3"), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (deliver_address_ok(cases[i].address) != cases[i].good)
			fail_msg("case %zu: %.*s", i,
				 SLICE_FMT(cases[i].address));
}

static void bounds_addresses(void **state)
{
	char text[1001];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(deliver_address_ok((struct slice){text, 1000}));
	assert_false(deliver_address_ok((struct slice){text, 1001}));
}

static void asks_smtputf8_for_local_parts(void **state)
{
	(void)state;
	assert_true(deliver_address_utf8(SLICE("j\xc3\xb6rg@b.example")));
	assert_true(deliver_address_utf8(SLICE("j\xc3\xb6rg")));
	assert_false(deliver_address_utf8(SLICE("a@b\xc3\xbc.example")));
	assert_false(deliver_address_utf8(SLICE("a@b.example")));
	assert_false(deliver_address_utf8(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_of_servers),
		cmocka_unit_test(refuses_other_servers),
		cmocka_unit_test(tells_addresses_that_end_a_command),
		cmocka_unit_test(bounds_addresses),
		cmocka_unit_test(asks_smtputf8_for_local_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
