/*
 * dup3() swaps what stands behind a number in one step. libmilter's listener
 * may be asleep in a poll of the old socket, for up to five seconds; a
 * signal interrupts it, and its next poll is of the new one. A signal that
 * comes when it is not asleep does nothing, and need not.
 */
#include "milter/daemon/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_privately(struct err *err)
{
	/* Bound without a name: the kernel picks an abstract one. */
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) == 0 &&
	    listen(fd, 64) == 0)
		return fd;
	err_set(err, "cannot open a private socket: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_to(int listening, struct err *err)
{
	struct sockaddr_un name;
	socklen_t size = sizeof(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    getsockname(listening, (struct sockaddr *)&name, &size) == 0 &&
	    connect(fd, (struct sockaddr *)&name, size) == 0)
		return fd;
	err_set(err, "cannot connect to the private socket: %s",
		strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void on_signal(int number)
{
	(void)number;
}

int gate_new(struct gate *gate_r, struct err *err)
{
	/* No SA_RESTART: poll() is to return. */
	struct sigaction interrupt = {.sa_handler = on_signal};
	int fd = listen_privately(err);

	if (fd < 0)
		return -1;
	sigaction(SIGUSR2, &interrupt, NULL);
	*gate_r = (struct gate){.fd = fd};
	return 0;
}

int gate_connect(const struct gate *gate, int timeout_ms, struct err *err)
{
	/* Option negotiation: version 6, all actions and steps offered. */
	static const char hello[] = {0, 0, 0, 13, 'O', 0,    0,	 0, 6,
				     0, 0, 1, -1, 0,   0x1f, -1, -1};
	char answer[512];
	int fd = connect_to(gate->fd, err);
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return -1;
	if (send(fd, hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello) &&
	    poll(&readable, 1, timeout_ms) == 1 &&
	    recv(fd, answer, sizeof(answer), 0) > 0)
		return fd;
	close(fd);
	return err_set(err, "the milter library does not answer");
}

/* Puts `fd` behind the number that libmilter knows, and closes `fd`. */
static int swap(const struct gate *gate, int fd, struct err *err)
{
	if (dup3(fd, gate->fd, O_CLOEXEC) < 0)
		return err_set(err, "cannot swap the listening socket: %s",
			       strerror(errno));
	close(fd);
	pthread_kill(gate->listener, SIGUSR2);
	return 0;
}

int gate_open(struct gate *gate, int shared_fd, struct err *err)
{
	return swap(gate, shared_fd, err);
}

int gate_close(struct gate *gate, struct err *err)
{
	int fd = listen_privately(err);

	return fd < 0 ? -1 : swap(gate, fd, err);
}
