/*
 * What every store must do, done by a Redis server of our own, over a unix
 * socket and over TCP. Faults of the server are in test_redis.py.
 */
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_cases.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 20000
#define SKIP 77 /* of automake: the test could not be run */

struct server {
	char folder[64], socket[96];
	int port;
	pid_t pid;
};

/* A port that was free a moment ago. */
static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	close(fd);
	return ntohs(a.sin_port);
}

static _Noreturn void run_server(const struct server *s)
{
	char port[16];
	int out = open("/dev/null", O_RDWR);

	snprintf(port, sizeof(port), "%d", s->port);
	dup2(out, STDOUT_FILENO);
	execlp("redis-server", "redis-server", "--port", port, "--bind",
	       "127.0.0.1", "--unixsocket", s->socket, "--dir", s->folder,
	       "--save", "", "--appendonly", "no", (char *)NULL);
	_exit(errno == ENOENT ? SKIP : 1);
}

/* 0: it listens; SKIP: it is not installed; 1: it does not start. */
static int start(struct server *s)
{
	int64_t until_ms = clock_mono_ms() + START_MS;
	int status;

	snprintf(s->folder, sizeof(s->folder), "/tmp/gatepost.redis.XXXXXX");
	if (!mkdtemp(s->folder))
		return 1;
	snprintf(s->socket, sizeof(s->socket), "%s/sock", s->folder);
	s->port = free_port();
	s->pid = fork();
	if (s->pid == 0)
		run_server(s);
	while (access(s->socket, F_OK) != 0) {
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
		if (clock_mono_ms() > until_ms)
			return 1;
		usleep(10000);
	}
	return 0;
}

static void stop(const struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	unlink(s->socket);
	rmdir(s->folder);
}

static int run_all(const struct server *s)
{
	char unix_url[128], tcp_url[128];
	int failed;

	snprintf(unix_url, sizeof(unix_url), "redis+unix:%s", s->socket);
	snprintf(tcp_url, sizeof(tcp_url), "redis://127.0.0.1:%d/3", s->port);
	failed = store_cases_run(&(struct store_place){
		.url = unix_url,
		.sets = (const char *const[]){"state.prefix=a*[b]?", NULL},
	});
	return failed + store_cases_run(&(struct store_place){.url = tcp_url});
}

int main(void)
{
	struct server server;
	int rc = start(&server);

	if (rc == 0)
		rc = run_all(&server) > 0;
	else
		fprintf(stderr, "redis-server %s\n",
			rc == SKIP ? "is not installed" : "does not start");
	stop(&server);
	return rc;
}
