/* Listening sockets: what they inherit, what they refuse to take. */
#include "milter/daemon/listener.h"
#include "tests/support/cmocka.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct listener_access access_all = {
	.mode = 0640, .owner = (uid_t)-1, .group = (gid_t)-1};

struct place {
	char folder[64];
	char path[96];
	char name[128];
};

static struct place make_place(void)
{
	struct place place = {.folder = "/tmp/gatepost-listener.XXXXXX"};

	assert_non_null(mkdtemp(place.folder));
	snprintf(place.path, sizeof(place.path), "%s/s", place.folder);
	snprintf(place.name, sizeof(place.name), "unix:%s", place.path);
	return place;
}

static int open_listener(struct listener *listener, const char *name,
			 struct err *err)
{
	*err = (struct err){""};
	return listener_open(listener, slice_cstr(name), &access_all, err);
}

static void test_sockets_do_not_block_and_do_not_leak(void **state)
{
	struct place place = make_place();
	struct listener listener;
	struct stat made;
	struct err err;

	(void)state;
	assert_int_equal(open_listener(&listener, place.name, &err), 0);
	assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(stat(place.path, &made), 0);
	assert_int_equal(made.st_mode & 0777, 0640);
	listener_close(&listener);
	assert_int_equal(access(place.path, F_OK), -1);
	rmdir(place.folder);
}

static void test_close_leaves_another_ones_socket(void **state)
{
	struct place place = make_place();
	struct listener first, second;
	struct err err;

	(void)state;
	assert_int_equal(open_listener(&first, place.name, &err), 0);
	unlink(place.path);
	assert_int_equal(open_listener(&second, place.name, &err), 0);
	listener_close(&first);
	assert_int_equal(access(place.path, F_OK), 0);
	listener_close(&second);
	rmdir(place.folder);
}

static void test_a_socket_that_answers_is_not_taken(void **state)
{
	struct place place = make_place();
	struct listener first, second;
	struct err err;

	(void)state;
	assert_int_equal(open_listener(&first, place.name, &err), 0);
	assert_int_equal(open_listener(&second, place.name, &err), -1);
	assert_non_null(strstr(err.text, "in use"));
	assert_int_equal(access(place.path, F_OK), 0);
	listener_close(&first);
	rmdir(place.folder);
}

static void test_accepted_tcp_sessions_do_not_delay_replies(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr =
					      htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct listener listener;
	struct err err;
	char name[64];
	int probe = socket(AF_INET, SOCK_STREAM, 0), accepted, on = 0;

	(void)state;
	/* A port that is free now, taken again at once. */
	assert_int_equal(bind(probe, (struct sockaddr *)&address, size), 0);
	getsockname(probe, (struct sockaddr *)&address, &size);
	close(probe);
	snprintf(name, sizeof(name), "inet:127.0.0.1:%u",
		 ntohs(address.sin_port));
	assert_int_equal(open_listener(&listener, name, &err), 0);
	probe = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(probe, (struct sockaddr *)&address, size),
			 0);
	accepted = accept(listener.fd, NULL, NULL);
	assert_true(accepted >= 0);
	size = sizeof(on);
	getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, &size);
	assert_int_not_equal(on, 0);
	close(accepted);
	close(probe);
	listener_close(&listener);
}

static void test_bad_addresses_say_what_is_wrong(void **state)
{
	static const struct {
		const char *name, *says;
	} cases[] = {
		{"", "inet:HOST:PORT"},
		{"unix:", "'/'"},
		{"unix:x/y", "'/'"},
		{"inet:", "inet:HOST:PORT"},
		{"inet:127.0.0.1", "inet:HOST:PORT"},
		{"inet::25", "inet:HOST:PORT"},
		{"inet:127.0.0.1:", "inet:HOST:PORT"},
		{"inet:127.0.0.1:0", "inet:HOST:PORT"},
		{"inet:127.0.0.1:65536", "inet:HOST:PORT"},
		{"inet:127.0.0.1:smtp", "inet:HOST:PORT"},
		{"inet6:[::1:25", "listen = "},
		{"inet:[::1]:25", "listen = "},
		{"tcp:127.0.0.1:25", "inet:HOST:PORT"},
		{"/run/milter.sock", "unix:PATH"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listener listener;
		struct err err;

		assert_int_equal(
			open_listener(&listener, cases[i].name, &err), -1);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(listener.fd, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets_do_not_block_and_do_not_leak),
		cmocka_unit_test(test_close_leaves_another_ones_socket),
		cmocka_unit_test(test_a_socket_that_answers_is_not_taken),
		cmocka_unit_test(
			test_accepted_tcp_sessions_do_not_delay_replies),
		cmocka_unit_test(test_bad_addresses_say_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
