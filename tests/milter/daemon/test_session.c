/* What a session makes of what the MTA says. */
#include "milter/daemon/session.h"
#include "milter/daemon/settings.h"
#include "tests/support/answers.h"
#include "tests/support/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const struct check *const no_checks[] = {NULL};

struct world {
	struct answers *answers;
	struct conf *conf;
	struct engine *engine;
	struct session *session;
};

static int set_up(void **state)
{
	static const char *const sets[] = {
		"trusted_networks=198.51.100.0/24", NULL};
	static struct world world;
	struct err err;

	world.answers = answers_new("");
	world.conf = conf_load(settings_all(), NULL, sets, &err);
	assert_non_null(world.conf);
	world.engine = engine_new(no_checks, world.conf,
				  answers_resolver(world.answers), &err);
	assert_non_null(world.engine);
	world.session = session_new(world.engine);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	session_free(&world->session);
	engine_free(&world->engine);
	conf_free(&world->conf);
	answers_free(&world->answers);
	return 0;
}

static void assert_text(struct slice found, const char *expected)
{
	assert_true(slice_eq(found, slice_cstr(expected)));
}

static void connect_from(struct session *session, const char *address,
			 const char *host, const char *resolved)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const void *found = &v4;

	if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
		assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr),
				 1);
		found = &v6;
	}
	session_set_client(session, found, slice_cstr(host),
			   slice_cstr(resolved));
}

static void test_only_a_verified_name_is_kept(void **state)
{
	static const struct {
		const char *host, *resolved, *kept;
	} cases[] = {
		{"mail.example.org", "", "mail.example.org"},
		{"mail.example.org", "OK", "mail.example.org"},
		{"mail.example.org", "FORGED", ""},
		{"mail.example.org", "TEMP", ""},
		{"mail.example.org", "FAIL", ""},
		{"unknown", "", ""},
		{"Unknown", "", ""},
		{"[192.0.2.1]", "", ""},
		{"[192.0.2.1]", "OK", ""},
		{"unknown.example.org", "", "unknown.example.org"},
		{"", "", ""},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session *session = session_new(world->engine);

		connect_from(session, "192.0.2.1", cases[i].host,
			     cases[i].resolved);
		assert_text(session->conn.ptr_name, cases[i].kept);
		session_free(&session);
	}
}

static void test_addresses_and_trust(void **state)
{
	static const struct {
		const char *address, *text;
		enum ip_family family;
		bool trusted;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", IP_V4, false},
		{"198.51.100.7", "198.51.100.7", IP_V4, true},
		{"2001:db8::1", "2001:db8::1", IP_V6, false},
		/* The same host, however the MTA writes it. */
		{"::ffff:198.51.100.7", "198.51.100.7", IP_V4, true},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session *session = session_new(world->engine);

		connect_from(session, cases[i].address, "unknown", "");
		assert_text(session->conn.client_text, cases[i].text);
		assert_int_equal(session->conn.client.family,
				 cases[i].family);
		assert_int_equal(session->conn.trusted, cases[i].trusted);
		session_free(&session);
	}
}

static void test_local_submission_is_trusted_and_has_no_name(void **state)
{
	static const struct sockaddr local = {.sa_family = AF_UNIX};
	static const struct sockaddr *const addresses[] = {NULL, &local};
	struct world *world = *state;

	for (size_t i = 0; i < 2; i++) {
		struct session *session = session_new(world->engine);

		session_set_client(session, addresses[i], SLICE("localhost"),
				   SLICE_NONE);
		assert_int_equal(session->conn.client.family, IP_NONE);
		assert_true(session->conn.trusted);
		assert_text(session->conn.ptr_name, "");
		session_free(&session);
	}
}

static void test_second_helo_forgets_what_was_begun(void **state)
{
	struct session *session = ((struct world *)*state)->session;
	struct mail *first;

	connect_from(session, "192.0.2.1", "unknown", "");
	first = session_mail(session);
	session_set_helo(session, SLICE("first.example"));
	/* Still the same: the first HELO adds to what connect began. */
	assert_ptr_equal(session_mail(session), first);
	session_set_helo(session, SLICE("second.example"));
	assert_null(session->mail);
	assert_text(session->conn.helo, "second.example");
	assert_int_equal(session_mail(session)->stage, STAGE_HELO);
}

static void test_many_helos_do_not_gather_memory(void **state)
{
	struct session *session = ((struct world *)*state)->session;
	size_t before;

	session_set_helo(session, SLICE("some-client.example"));
	before = arena_used(session->helo_arena);
	for (int i = 0; i < 1000; i++)
		session_set_helo(session, SLICE("some-client.example"));
	assert_true(arena_used(session->helo_arena) <= before);
	before = arena_used(session->conn.arena);
	for (int i = 0; i < 1000; i++)
		session_keep(session, &session->conn.user, SLICE("alice"));
	assert_true(arena_used(session->conn.arena) < before + 100);
}

static void test_a_message_follows_a_message(void **state)
{
	struct session *session = ((struct world *)*state)->session;

	connect_from(session, "192.0.2.1", "unknown", "");
	session_set_helo(session, SLICE("client.example"));
	session->in_transaction = true;
	session->over = "some limit";
	mail_set_sender(session_mail(session), SLICE("a@b.example"));
	session_end_mail(session);
	assert_null(session->over);
	assert_false(session->in_transaction);
	assert_text(session_mail(session)->sender, "");
	assert_int_equal(session_mail(session)->stage, STAGE_HELO);
}

static void test_paths_lose_their_brackets(void **state)
{
	static const char *const cases[][2] = {
		{"<a@b.example>", "a@b.example"},
		{"a@b.example", "a@b.example"},
		{"<>", ""},
		{"", ""},
		{"<", "<"},
		{" <a@b.example> ", "a@b.example"},
		{"<\"a>b\"@c.example>", "\"a>b\"@c.example"},
		{"<<a@b.example>>", "<a@b.example>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_text(session_path(slice_cstr(cases[i][0])),
			    cases[i][1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_only_a_verified_name_is_kept),
		TEST(test_addresses_and_trust),
		TEST(test_local_submission_is_trusted_and_has_no_name),
		TEST(test_second_helo_forgets_what_was_begun),
		TEST(test_many_helos_do_not_gather_memory),
		TEST(test_a_message_follows_a_message),
		TEST(test_paths_lose_their_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
