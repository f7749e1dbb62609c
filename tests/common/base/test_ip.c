/* IP address text, networks and reverse names. */
#include "common/base/ip.h"
#include "tests/support/cmocka.h"

static void reads_only_strict_forms(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:DB8::1", "2001:db8::1"},
		{"::", "::"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::192.0.2.1", "::192.0.2.1"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"256.0.2.1", NULL},
		{"1.2.3.999999999999999999", NULL},
		{"01.2.3.4", NULL},
		{"1.2.3.00", NULL},
		{"1.2.3", NULL},
		{"1.2.3.", NULL},
		{"1.2.3.4.", NULL},
		{"1.2.3.4.5", NULL},
		{".1.2.3.4", NULL},
		{"1..3.4", NULL},
		{" 1.2.3.4", NULL},
		{"1.2.3.4 ", NULL},
		{"1.2.3.4/32", NULL},
		{"1.2.3.-4", NULL},
		{"0x1.2.3.4", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1::2::3", NULL},
		{"fe80::1%eth0", NULL},
		{"[::1]", NULL},
		{"", NULL},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip ip;
		bool good = ip_parse(slice_cstr(cases[i].in), &ip);

		if (good != (cases[i].out != NULL))
			fail_msg("%s", cases[i].in);
		if (good)
			assert_true(slice_eq(ip_text(a, &ip),
					     slice_cstr(cases[i].out)));
	}
	arena_free(&a);
}

static void networks_match_by_bits(void **state)
{
	static const struct {
		const char *net, *ip;
		bool in;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.77/25", "192.0.2.1", true},
		{"192.0.2.0/25", "192.0.2.128", false},
		{"0.0.0.0/0", "203.0.113.1", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "192.0.2.1", false},
		{"::ffff:10.0.0.0/104", "10.1.2.3", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_net net;
		struct ip ip;

		assert_true(ip_net_parse(slice_cstr(cases[i].net), &net));
		assert_true(ip_parse(slice_cstr(cases[i].ip), &ip));
		assert_int_equal(ip_in(&ip, &net.base, net.bits), cases[i].in);
	}
	assert_false(ip_net_parse(SLICE("192.0.2.0/33"),
				  &(struct ip_net){{IP_NONE, {0}}, 0}));
	assert_false(ip_net_parse(SLICE("192.0.2.0/"),
				  &(struct ip_net){{IP_NONE, {0}}, 0}));
}

static void reverse_names(void **state)
{
	struct arena *a = arena_new(0);
	struct ip ip;

	(void)state;
	assert_true(ip_parse(SLICE("192.0.2.1"), &ip));
	assert_true(slice_eq(ip_reverse_name(a, &ip, SLICE("in-addr.arpa")),
			     SLICE("1.2.0.192.in-addr.arpa")));
	assert_true(ip_parse(SLICE("2001:db8::cb01"), &ip));
	assert_true(slice_eq(ip_reverse_name(a, &ip, SLICE("ip6.arpa")),
			     SLICE("1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
				   "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_only_strict_forms),
		cmocka_unit_test(networks_match_by_bits),
		cmocka_unit_test(reverse_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
