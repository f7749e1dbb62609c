/*
 * The resolver against a small server in a thread: caching, equal questions
 * made one, the bound, failures, and askers that leave. What real servers
 * say is in test_dns.py.
 */
#include "milter/net/dns.h"
#include "common/base/clock.h"
#include "milter/net/lookups.h"
#include "tests/support/cmocka.h"
#include "tests/support/dnsd.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 30000

struct fixture {
	struct dnsd *server;
	struct slice address;
	struct dns_conf conf;
	struct dns *dns;
};

static void start(struct fixture *f, int64_t in_flight)
{
	struct err err;

	f->server = dnsd_new();
	f->address = dnsd_address(f->server);
	f->conf = (struct dns_conf){
		.servers = {&f->address, 1},
		.trust_anchor.s = SLICE("/usr/share/dns/root.key"),
		.in_flight = in_flight,
		.cache.n = 1 << 20,
		.cache_max_ttl.ms = 86400000,
		.negative_max_ttl.ms = 900000,
	};
	f->dns = dns_new(&f->conf, &err);
	if (!f->dns)
		fail_msg("%s", err.text);
}

static void stop(struct fixture *f)
{
	dns_free(&f->dns);
	dnsd_free(&f->server);
}

struct message {
	struct arena *arena;
	struct lookups *l;
};

static struct message message_begin(struct fixture *f, int64_t wait_ms)
{
	struct message m = {.arena = arena_new(0)};

	m.l = lookups_new(m.arena, dns_resolver(f->dns), 5000);
	lookups_begin(m.l, 0, wait_ms, INT64_MAX);
	return m;
}

static void message_end(struct message *m)
{
	lookups_end(m->l);
	arena_free(&m->arena);
}

/* Asks, waits, and says what came. */
static enum dns_status ask(struct fixture *f, enum dns_type type,
			   const char *name, int64_t wait_ms)
{
	struct message m = message_begin(f, wait_ms);
	enum dns_status status;

	if (!lookup(m.l, type, slice_cstr(name)))
		lookups_wait(m.l, 1, INT64_MAX);
	status = lookup(m.l, type, slice_cstr(name))->status;
	message_end(&m);
	return status;
}

static struct dns_stats stats_of(struct fixture *f)
{
	struct dns_stats stats;

	dns_stats(f->dns, &stats);
	return stats;
}

/*
 * Questions that went to the server for the first time: a loaded machine
 * may make the library repeat them, which is not what these tests are about.
 */
static unsigned sent(struct fixture *f)
{
	struct dns_stats stats = stats_of(f);

	assert_true(dnsd_asked(f->server) >=
		    stats.asked - stats.cached - stats.coalesced);
	return (unsigned)(stats.asked - stats.cached - stats.coalesced);
}

/* A loaded machine may make the library ask again, so: at least. */
static void wait_asked(struct fixture *f, unsigned count)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (dnsd_asked(f->server) < count && clock_mono_ms() < end)
		usleep(1000);
	assert_true(dnsd_asked(f->server) >= count);
}

static void each_kind_of_answer(void **state)
{
	static const struct {
		enum dns_type type;
		const char *name;
		enum dns_status status;
	} cases[] = {
		{DNS_A, "a.example", DNS_FOUND},
		{DNS_TXT, "a.example", DNS_FOUND},
		{DNS_MX, "a.example", DNS_NODATA},
		{DNS_A, "nodata.example", DNS_NODATA},
		{DNS_A, "nx.example", DNS_NXDOMAIN},
		{DNS_A, "fail.example", DNS_TEMPFAIL},
		{DNS_A, "bad.example", DNS_TEMPFAIL},
		{DNS_A, "a.test", DNS_FOUND},
		{DNS_A, "1.0.168.192.in-addr.arpa", DNS_FOUND},
		{DNS_A, "strange\\ \"name\".example", DNS_FOUND},
	};
	struct fixture f;

	(void)state;
	start(&f, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ask(&f, cases[i].type, cases[i].name, WAIT_MS),
				 cases[i].status);
	stop(&f);
}

static void answers_are_kept_as_long_as_they_may_be(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 100);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&f, DNS_A, "a.example", WAIT_MS),
				 DNS_FOUND);
		assert_int_equal(ask(&f, DNS_A, "nx.example", WAIT_MS),
				 DNS_NXDOMAIN);
	}
	assert_int_equal(sent(&f), 2);
	assert_int_equal(stats_of(&f).cached, 4);
	for (int i = 0; i < 3; i++)
		ask(&f, DNS_A, "ttl0.example", WAIT_MS);
	assert_int_equal(sent(&f), 5);
	ask(&f, DNS_A, "ttl1.example", WAIT_MS);
	/* Two seconds, since the library counts whole ones. */
	usleep(2100000);
	ask(&f, DNS_A, "ttl1.example", WAIT_MS);
	assert_int_equal(sent(&f), 7);
	stop(&f);
}

static void equal_questions_are_made_one(void **state)
{
	struct fixture f;
	struct message messages[20];

	(void)state;
	start(&f, 100);
	dnsd_hold(f.server, true);
	for (int i = 0; i < 20; i++) {
		messages[i] = message_begin(&f, WAIT_MS);
		assert_null(lookup(messages[i].l, DNS_A, SLICE("a.example")));
	}
	wait_asked(&f, 1);
	assert_int_equal(stats_of(&f).in_flight, 1);
	assert_int_equal(stats_of(&f).coalesced, 19);
	message_end(&messages[0]);
	dnsd_hold(f.server, false);
	for (int i = 1; i < 20; i++) {
		assert_int_equal(lookups_wait(messages[i].l, 1, INT64_MAX), 1);
		assert_int_equal(
			lookup(messages[i].l, DNS_A, SLICE("A.example"))
				->status,
			DNS_FOUND);
		message_end(&messages[i]);
	}
	assert_int_equal(sent(&f), 1);
	stop(&f);
}

static void a_silent_name_holds_up_nothing_else(void **state)
{
	struct fixture f;
	struct message m;
	int64_t begin;

	(void)state;
	start(&f, 100);
	begin = clock_mono_ms();
	m = message_begin(&f, 300);
	assert_null(lookup(m.l, DNS_A, SLICE("silent.example")));
	assert_int_equal(ask(&f, DNS_A, "a.example", WAIT_MS), DNS_FOUND);
	assert_int_equal(lookups_wait(m.l, 1, INT64_MAX), 1);
	assert_in_range(clock_mono_ms() - begin, 290, 5000);
	assert_int_equal(lookup(m.l, DNS_A, SLICE("silent.example"))->status,
			 DNS_TEMPFAIL);
	message_end(&m);
	stop(&f);
}

static void no_more_out_than_the_bound(void **state)
{
	struct fixture f;
	struct message m;
	unsigned refused = 0;
	char name[32];

	(void)state;
	start(&f, 10);
	m = message_begin(&f, WAIT_MS);
	dnsd_hold(f.server, true);
	for (int i = 0; i < 15; i++) {
		const struct dns_answer *answer;

		snprintf(name, sizeof(name), "n%d.example", i);
		answer = lookup(m.l, DNS_A, slice_cstr(name));
		refused += answer && answer->status == DNS_TEMPFAIL;
	}
	assert_int_equal(refused, 5);
	assert_int_equal(stats_of(&f).refused, 5);
	assert_int_equal(stats_of(&f).in_flight, 10);
	dnsd_hold(f.server, false);
	assert_int_equal(lookups_wait(m.l, 1, INT64_MAX), 1);
	assert_int_equal(stats_of(&f).in_flight, 0);
	message_end(&m);
	assert_int_equal(ask(&f, DNS_A, "n14.example", WAIT_MS), DNS_FOUND);
	stop(&f);
}

static void two_thousand_at_once(void **state)
{
	struct fixture f;
	struct message m;
	unsigned found = 0;
	char name[32];

	(void)state;
	start(&f, 4096);
	m = message_begin(&f, WAIT_MS);
	for (int round = 0; round < 2; round++) {
		found = 0;
		for (int i = 0; i < 2000; i++) {
			const struct dns_answer *answer;

			snprintf(name, sizeof(name), "n%d.example", i);
			answer = lookup(m.l, DNS_A, slice_cstr(name));
			found += answer && answer->status == DNS_FOUND;
		}
		lookups_wait(m.l, 1, INT64_MAX);
	}
	assert_int_equal(found, 2000);
	message_end(&m);
	stop(&f);
}

static void the_end_does_not_wait_for_answers(void **state)
{
	struct fixture f;
	struct message m;
	int64_t begin;
	char name[32];

	(void)state;
	start(&f, 1000);
	m = message_begin(&f, WAIT_MS);
	dnsd_hold(f.server, true);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		assert_null(lookup(m.l, DNS_A, slice_cstr(name)));
	}
	wait_asked(&f, 500);
	message_end(&m);
	begin = clock_mono_ms();
	dns_free(&f.dns);
	assert_true(clock_mono_ms() - begin < 2000);
	dnsd_hold(f.server, false);
	dnsd_free(&f.server);
}

static void a_server_that_is_not_there_is_no_error(void **state)
{
	struct fixture f;
	struct slice nobody = SLICE("127.0.0.1@9");
	struct err err;

	(void)state;
	start(&f, 100);
	dns_free(&f.dns);
	f.conf.servers.v = &nobody;
	f.dns = dns_new(&f.conf, &err);
	assert_non_null(f.dns);
	assert_int_equal(ask(&f, DNS_A, "a.example", 1000), DNS_TEMPFAIL);
	stop(&f);
}

static void wrong_settings_are_named(void **state)
{
	static const struct {
		const char *server, *zone, *anchor, *error;
	} cases[] = {
		{"127.0.0.1:53", NULL, NULL, "dns.servers: '127.0.0.1:53'"},
		{"127.0.0.1@0", NULL, NULL, "dns.servers: '127.0.0.1@0'"},
		{"127.0.0.1@65536", NULL, NULL, "dns.servers: '127"},
		{"ns.example", NULL, NULL, "dns.servers: 'ns.example'"},
		{"", NULL, NULL, "dns.servers: ''"},
		{NULL, "a..b", NULL, "dns.local_zones: 'a..b'"},
		{NULL, NULL, "/nonexistent", "dns.trust_anchor: cannot read"},
		{NULL, NULL, "/dev/null", "dns.trust_anchor: '/dev/null' is"},
		{NULL, NULL, "/etc/passwd", "dns.trust_anchor: '/etc/passwd'"},
	};
	struct fixture f;

	(void)state;
	start(&f, 100);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice server = slice_cstr(cases[i].server);
		struct slice zone = slice_cstr(cases[i].zone);
		struct dns_conf conf = f.conf;
		struct err err = {.text = ""};

		if (cases[i].server)
			conf.servers = (struct strlist){&server, 1};
		if (cases[i].zone)
			conf.local_zones = (struct strlist){&zone, 1};
		if (cases[i].anchor) {
			conf.trust_anchor.s = slice_cstr(cases[i].anchor);
			conf.dnssec.value = 1;
		}
		assert_null(dns_new(&conf, &err));
		assert_memory_equal(err.text, cases[i].error,
				    strlen(cases[i].error));
	}
	stop(&f);
}

/* Messages that leave while their answers arrive. */
static void *leave_early(void *argument)
{
	struct fixture *f = argument;
	char name[32];

	for (int i = 0; i < 300; i++) {
		struct message m = message_begin(f, i % 3);

		for (int j = 0; j < 20; j++) {
			snprintf(name, sizeof(name), "%s%d.example",
				 j % 5 ? "n" : "ttl0-", i + j);
			lookup(m.l, j % 2 ? DNS_A : DNS_TXT, slice_cstr(name));
		}
		if (i % 2)
			lookups_wait(m.l, 1, INT64_MAX);
		message_end(&m);
	}
	return NULL;
}

static void askers_may_leave_at_any_time(void **state)
{
	struct fixture f;
	pthread_t threads[4];

	(void)state;
	start(&f, 2000);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, leave_early, &f);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stats_of(&f).asked, 4 * 300 * 20);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_answer),
		cmocka_unit_test(answers_are_kept_as_long_as_they_may_be),
		cmocka_unit_test(equal_questions_are_made_one),
		cmocka_unit_test(a_silent_name_holds_up_nothing_else),
		cmocka_unit_test(no_more_out_than_the_bound),
		cmocka_unit_test(two_thousand_at_once),
		cmocka_unit_test(the_end_does_not_wait_for_answers),
		cmocka_unit_test(a_server_that_is_not_there_is_no_error),
		cmocka_unit_test(wrong_settings_are_named),
		cmocka_unit_test(askers_may_leave_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
