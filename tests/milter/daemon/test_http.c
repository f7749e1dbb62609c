/* The HTTP server: real sockets, and clients that behave and do not. */
#include "milter/daemon/http.h"
#include "common/base/clock.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/listener.h"
#include "tests/support/cmocka.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server and the socket it was started on. */
struct served {
	struct http *http;
	struct listener listener;
	struct sockaddr_storage address;
	socklen_t size;
};

static void page_plain(void *with, const struct http_request *request,
		       struct http_reply *reply)
{
	reply->body = arena_printf(reply->arena, "%s %.*s\n",
				   (const char *)with,
				   SLICE_FMT(request->path));
}

static void page_accept(void *with, const struct http_request *request,
			struct http_reply *reply)
{
	(void)with;
	reply->type = "text/x-accept";
	reply->body = arena_printf(reply->arena, "<%.*s>",
				   SLICE_FMT(request->accept));
}

static void page_broken(void *with, const struct http_request *request,
			struct http_reply *reply)
{
	(void)with;
	(void)request;
	reply->status = 503;
	reply->body = SLICE("no\n");
}

static void page_large(void *with, const struct http_request *request,
		       struct http_reply *reply)
{
	char *bytes = arena_alloc(reply->arena, 3000000);

	(void)with;
	(void)request;
	memset(bytes, 'x', 3000000);
	reply->body = (struct slice){bytes, 3000000};
}

static atomic_int slow_pages;

static void page_slow(void *with, const struct http_request *request,
		      struct http_reply *reply)
{
	(void)with;
	(void)request;
	(void)poll(NULL, 0, 400);
	reply->body = SLICE("at last\n");
	atomic_fetch_add(&slow_pages, 1);
}

static const struct http_page pages[] = {
	{"/plain", page_plain},	  {"/accept", page_accept},
	{"/broken", page_broken}, {"/large", page_large},
	{"/slow", page_slow},	  {0},
};

/* Port 0 is no address to Gatepost; some port is free all the same. */
static void listen_somewhere(struct listener *listener)
{
	static const struct listener_access all = {
		.mode = 0666, .owner = (uid_t)-1, .group = (gid_t)-1};
	struct err err;
	char name[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "inet:127.0.0.1:%d",
			 20000 + (getpid() * 7 + i) % 40000);
		if (listener_open(listener, slice_cstr(name), &all, &err) == 0)
			return;
	}
	fail_msg("no port is free: %s", err.text);
}

static struct http *start(const struct listener *listener, const char *word)
{
	struct err err;
	struct http *http =
		http_start(&listener->fd, 1, pages, (void *)word, &err);

	if (!http)
		fail_msg("%s", err.text);
	return http;
}

static struct served serve(void)
{
	struct served served = {.size = sizeof(served.address)};

	listen_somewhere(&served.listener);
	served.http = start(&served.listener, "hello");
	assert_int_equal(getsockname(served.listener.fd,
				     (struct sockaddr *)&served.address,
				     &served.size),
			 0);
	return served;
}

static void end(struct served *served)
{
	http_stop(&served->http);
	assert_null(served->http);
	listener_close(&served->listener);
}

static int dial(const struct served *served)
{
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(served->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC,
			0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&served->address,
				 served->size),
			 0);
	return fd;
}

static bool say(int fd, struct slice text)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		text = slice_sub(text, (size_t)n, text.n);
	}
	return true;
}

/* All until the other side closes; false: it did not within 20 s. */
static bool hear(int fd, char *room, size_t size)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = recv(fd, room + got, size - 1 - got, 0);
		got += n > 0 ? (size_t)n : 0;
	} while (n > 0 && got < size - 1);
	room[got] = '\0';
	return n == 0 || errno == ECONNRESET;
}

static void ask(const struct served *served, const char *text, char *room,
		size_t size)
{
	int fd = dial(served);

	(void)say(fd, slice_cstr(text));
	assert_true(hear(fd, room, size));
	close(fd);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static const char *body_of(const char *reply)
{
	const char *gap = strstr(reply, "\r\n\r\n");

	return gap ? gap + 4 : "(no end of the header)";
}

static void test_a_page_is_served(void **state)
{
	struct served served = serve();
	char reply[4096];

	(void)state;
	ask(&served, "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n", reply,
	    sizeof(reply));
	assert_true(begins(reply, "HTTP/1.1 200 "));
	assert_non_null(
		strstr(reply, "Content-Type: text/plain; charset=utf-8\r\n"));
	assert_non_null(strstr(reply, "Content-Length: 13\r\n"));
	assert_non_null(strstr(reply, "Connection: close\r\n"));
	assert_null(strstr(reply, "Server:"));
	assert_null(strstr(reply, "icrohttpd"));
	assert_string_equal(body_of(reply), "hello /plain\n");
	end(&served);
}

static void test_head_has_no_body(void **state)
{
	struct served served = serve();
	char reply[4096];

	(void)state;
	ask(&served, "HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n", reply,
	    sizeof(reply));
	assert_true(begins(reply, "HTTP/1.1 200 "));
	assert_non_null(strstr(reply, "Content-Length: 13\r\n"));
	assert_string_equal(body_of(reply), "");
	end(&served);
}

static void test_what_is_asked_and_answered(void **state)
{
	static const struct {
		const char *text, *status, *part;
	} cases[] = {
		{"GET /plain?x=1 HTTP/1.0\r\n\r\n", "200", "hello /plain\n"},
		{"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n", "503", "no\n"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404",
		 "the pages are /plain /accept /broken /large /slow\n"},
		{"GET /plain/ HTTP/1.1\r\nHost: a\r\n\r\n", "404", "pages"},
		{"GET /plain%00x HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		{"POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		 "\r\nabc",
		 "405", "Allow: GET, HEAD\r\n"},
		{"PUT /plain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		 "405", "only knows GET and HEAD\n"},
		{"DELETE /plain HTTP/1.1\r\nHost: a\r\n\r\n", "405", "Allow"},
		{"get /plain HTTP/1.1\r\nHost: a\r\n\r\n", "405", "Allow"},
		{"GET /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		 "\r\nabc",
		 "200", "hello /plain\n"},
		{"GET /accept HTTP/1.1\r\nHost: a\r\n\r\n", "200", "\r\n<>"},
		{"GET /accept HTTP/1.1\r\nHost: a\r\naccept: x/y\r\n"
		 "X-Accept: no\r\nACCEPT: z/z;q=0.1\r\n\r\n",
		 "200", "\r\n<x/y,z/z;q=0.1>"},
		{"rubbish\r\n\r\n", "4", ""},
		{"GET /plain HTTP/1.1\r\n\r\n", "400", ""},
	};
	struct served served = serve();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char reply[4096], status[32];

		ask(&served, cases[i].text, reply, sizeof(reply));
		snprintf(status, sizeof(status), "HTTP/1.1 %s",
			 cases[i].status);
		if (strlen(reply) > 0 &&
		    (!begins(reply, status) || !strstr(reply, cases[i].part)))
			fail_msg("to %s: %s", cases[i].text, reply);
		if (strlen(reply) == 0 && strlen(cases[i].status) > 1)
			fail_msg("no answer to %s", cases[i].text);
	}
	end(&served);
}

static void test_a_large_page_is_whole(void **state)
{
	static char reply[3100000];
	struct served served = serve();

	(void)state;
	ask(&served, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", reply,
	    sizeof(reply));
	assert_int_equal(strlen(body_of(reply)), 3000000);
	end(&served);
}

/* Sends n bytes after `head`; what came back, if anything. */
static void flood(const struct served *served, const char *head, size_t n,
		  char *reply, size_t room)
{
	char *bytes = malloc(n);
	int fd = dial(served);

	assert_non_null(bytes);
	memset(bytes, 'a', n);
	if (say(fd, slice_cstr(head)))
		(void)say(fd, (struct slice){bytes, n});
	assert_true(hear(fd, reply, room));
	close(fd);
	free(bytes);
}

static void test_what_is_too_large_is_not_kept(void **state)
{
	struct served served = serve();
	char reply[4096];

	(void)state;
	flood(&served, "GET /plain HTTP/1.1\r\nHost: a\r\nX-Long: ", 100000,
	      reply, sizeof(reply));
	assert_true(strlen(reply) == 0 || begins(reply, "HTTP/1.1 4"));
	flood(&served, "GET /", 100000, reply, sizeof(reply));
	assert_true(strlen(reply) == 0 || begins(reply, "HTTP/1.1 4"));
	flood(&served,
	      "POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: "
	      "9000000\r\n\r\n",
	      9000000, reply, sizeof(reply));
	assert_true(strlen(reply) == 0 || begins(reply, "HTTP/1.1 4"));
	ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply, sizeof(reply));
	assert_string_equal(body_of(reply), "hello /plain\n");
	end(&served);
}

static void test_a_client_that_dribbles_is_ended(void **state)
{
	struct served served = serve();
	int64_t began_ms = clock_mono_ms();
	int fd;

	(void)state;
	http_set_visit_ms(served.http, 500);
	fd = dial(&served);
	assert_true(say(fd, SLICE("GET /plain HTTP/1.1\r\nX: ")));
	while (say(fd, SLICE("x")) && clock_mono_ms() - began_ms < 10000)
		(void)poll(NULL, 0, 20);
	assert_true(clock_mono_ms() - began_ms >= 450);
	assert_true(clock_mono_ms() - began_ms < 5000);
	close(fd);
	end(&served);
}

static void test_idle_clients_do_not_keep_others_out(void **state)
{
	struct served served = serve();
	char reply[4096];
	int idle[40];

	(void)state;
	http_set_visit_ms(served.http, 500);
	for (size_t i = 0; i < 40; i++)
		idle[i] = dial(&served);
	ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply, sizeof(reply));
	assert_string_equal(body_of(reply), "hello /plain\n");
	for (size_t i = 0; i < 40; i++)
		close(idle[i]);
	end(&served);
}

static void test_many_clients_at_once_are_all_served(void **state)
{
	struct served served = serve();
	char reply[4096];
	int clients[100];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		clients[i] = dial(&served);
		assert_true(say(clients[i],
				SLICE("GET /plain HTTP/1.0\r\n\r\n")));
	}
	for (size_t i = 0; i < 100; i++) {
		assert_true(hear(clients[i], reply, sizeof(reply)));
		assert_string_equal(body_of(reply), "hello /plain\n");
		close(clients[i]);
	}
	end(&served);
}

static void test_two_servers_share_a_socket_and_one_may_end(void **state)
{
	struct served served = serve();
	struct http *other = start(&served.listener, "other");
	unsigned by_first = 0, by_other = 0;
	char reply[4096];

	(void)state;
	for (int i = 0; i < 200; i++) {
		ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply,
		    sizeof(reply));
		by_first += begins(body_of(reply), "hello");
		by_other += begins(body_of(reply), "other");
	}
	assert_int_equal(by_first + by_other, 200);
	http_stop(&served.http);
	for (int i = 0; i < 50; i++) {
		ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply,
		    sizeof(reply));
		assert_string_equal(body_of(reply), "other /plain\n");
	}
	served.http = other;
	end(&served);
}

static void test_the_end_waits_for_pages_under_way(void **state)
{
	struct served served = serve();
	int busy = dial(&served), idle = dial(&served);
	int before = atomic_load(&slow_pages);
	char reply[4096];

	(void)state;
	assert_true(say(busy, SLICE("GET /slow HTTP/1.0\r\n\r\n")));
	(void)poll(NULL, 0, 150);
	end(&served);
	assert_int_equal(atomic_load(&slow_pages), before + 1);
	assert_true(hear(idle, reply, sizeof(reply)));
	close(busy);
	close(idle);
}

static void test_a_unix_socket_is_served(void **state)
{
	static const struct listener_access all = {
		.mode = 0666, .owner = (uid_t)-1, .group = (gid_t)-1};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct served served = {.size = sizeof(address)};
	char folder[] = "/tmp/gatepost-http.XXXXXX", name[96], reply[4096];
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	snprintf(name, sizeof(name), "unix:%s/s", folder);
	memcpy(&served.address, &address, sizeof(address));
	assert_int_equal(listener_open(&served.listener, slice_cstr(name),
				       &all, &err),
			 0);
	served.http = start(&served.listener, "unix");
	ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply, sizeof(reply));
	assert_string_equal(body_of(reply), "unix /plain\n");
	end(&served);
	rmdir(folder);
}

static void serve_jailed(const struct listener *listener)
{
	struct err err;
	struct http *http;

	if (jail_enter(false, &err) < 0)
		_exit(1);
	http = http_start(&listener->fd, 1, pages, (void *)"jailed", &err);
	if (!http)
		_exit(2);
	(void)poll(NULL, 0, 700);
	http_stop(&http);
	_exit(0);
}

static void test_it_serves_in_the_jail(void **state)
{
	struct served served = {.size = sizeof(served.address)};
	char reply[4096];
	int status;
	pid_t pid;

	(void)state;
	listen_somewhere(&served.listener);
	assert_int_equal(getsockname(served.listener.fd,
				     (struct sockaddr *)&served.address,
				     &served.size),
			 0);
	pid = fork();
	if (pid == 0)
		serve_jailed(&served.listener);
	ask(&served, "GET /plain HTTP/1.0\r\n\r\n", reply, sizeof(reply));
	assert_string_equal(body_of(reply), "jailed /plain\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	listener_close(&served.listener);
}

static void test_no_socket_is_no_error(void **state)
{
	struct err err;
	struct http *http = http_start(NULL, 0, pages, NULL, &err);

	(void)state;
	assert_non_null(http);
	http_stop(&http);
	http_stop(&http);
}

static void test_what_cannot_be_served_is_an_error(void **state)
{
	struct err err = {""};
	int many[17] = {0};

	(void)state;
	assert_null(http_start(many, 17, pages, NULL, &err));
	assert_non_null(strstr(err.text, "http.listen"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Forks, so before any thread. */
		cmocka_unit_test(test_it_serves_in_the_jail),
		cmocka_unit_test(test_a_page_is_served),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_what_is_asked_and_answered),
		cmocka_unit_test(test_a_large_page_is_whole),
		cmocka_unit_test(test_what_is_too_large_is_not_kept),
		cmocka_unit_test(test_a_client_that_dribbles_is_ended),
		cmocka_unit_test(test_idle_clients_do_not_keep_others_out),
		cmocka_unit_test(test_many_clients_at_once_are_all_served),
		cmocka_unit_test(
			test_two_servers_share_a_socket_and_one_may_end),
		cmocka_unit_test(test_the_end_waits_for_pages_under_way),
		cmocka_unit_test(test_a_unix_socket_is_served),
		cmocka_unit_test(test_no_socket_is_no_error),
		cmocka_unit_test(test_what_cannot_be_served_is_an_error),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
