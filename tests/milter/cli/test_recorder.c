/* Answers of the recorder: whole, cut off, no HTTP; and one that hangs. */
#include "milter/cli/recorder.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void replies(void **state)
{
	static const struct {
		const char *reply;
		unsigned status; /* 0: is refused */
		const char *body;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}"},
		{"HTTP/1.0 200 OK\n\n{}\n", 200, "{}\n"},
		{"HTTP/1.1 503 No\r\ncontent-length:0\r\n\r\n", 503, ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more", 200,
		 "{}"},
		{"", 0, NULL},
		{"HTTP/1.1 200 OK", 0, NULL},
		{"HTTP/1.1 200 OK\r\n", 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", 0, NULL},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", 0, NULL},
		{"HTTP/1.1 2x0 OK\r\n\r\n{}", 0, NULL},
		{"SSH-2.0-OpenSSH\r\n\r\n", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice body;
		unsigned status = 0;
		struct err err = {""};
		int rc = recorder_read_reply(slice_cstr(cases[i].reply),
					     &status, &body, &err);

		print_message("%zu\n", i);
		assert_int_equal(rc, cases[i].status ? 0 : -1);
		if (rc < 0)
			continue;
		assert_int_equal(status, cases[i].status);
		assert_true(slice_eq(body, slice_cstr(cases[i].body)));
	}
}

struct server {
	char path[100];
	int fd;
	const char *reply; /* NULL: never answers */
};

static void *serve(void *with)
{
	struct server *s = with;
	char request[4096];
	int fd = accept(s->fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	assert_true(recv(fd, request, sizeof(request), 0) > 0);
	if (s->reply)
		assert_true(send(fd, s->reply, strlen(s->reply), 0) > 0);
	else
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
	close(fd);
	return NULL;
}

static int get(struct server *s, const char *reply, struct slice *body_r,
	       struct err *err)
{
	struct arena *a = arena_new(0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct recorder_page page = {s->path, "/status", clock_mono_ms() + 300};
	pthread_t thread;
	int rc;

	s->reply = reply;
	s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
	assert_int_equal(bind(s->fd, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, s), 0);
	rc = recorder_get(a, &page, body_r, err);
	pthread_join(thread, NULL);
	if (rc == 0)
		assert_true(slice_eq(*body_r, SLICE("{\"v\": 1}")));
	close(s->fd);
	unlink(s->path);
	arena_free(&a);
	return rc;
}

static void a_page_is_had_or_the_deadline_holds(void **state)
{
	struct server s = {.fd = -1};
	struct slice body;
	struct err err = {""};
	int64_t begun;

	(void)state;
	snprintf(s.path, sizeof(s.path), "/tmp/gatepost-recorder.%d", getpid());
	assert_int_equal(
		get(&s, "HTTP/1.1 200 OK\r\n\r\n{\"v\": 1}", &body, &err), 0);
	assert_int_equal(get(&s, "HTTP/1.1 404 No\r\n\r\n", &body, &err), -1);
	assert_non_null(strstr(err.text, "404"));
	begun = clock_mono_ms();
	assert_int_equal(get(&s, NULL, &body, &err), -1);
	assert_non_null(strstr(err.text, "in time"));
	assert_in_range(clock_mono_ms() - begun, 250, 5000);
}

static void nobody_listens(void **state)
{
	struct arena *a = arena_new(0);
	struct recorder_page page = {"/nonexistent/recorder.sock", "/status",
				     clock_mono_ms() + 300};
	struct slice body;
	struct err err = {""};

	(void)state;
	assert_int_equal(recorder_get(a, &page, &body, &err), -1);
	assert_non_null(strstr(err.text, "does not run here"));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(a_page_is_had_or_the_deadline_holds),
		cmocka_unit_test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
