/*
 * dup2() swaps what stands behind a number in one step. libmilter's listener
 * may be asleep in a poll of the old socket, which the kernel keeps for it;
 * a connection to that socket wakes it, its accept finds nobody, and the
 * next poll is of the new one.
 */
#include "milter/daemon/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_privately(struct err *err)
{
	/* Bound without a name: the kernel picks an abstract one. */
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);

	if (fd >= 0 &&
	    bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) == 0 &&
	    listen(fd, 8) == 0)
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

int gate_new(struct gate *gate_r, struct err *err)
{
	int fd = listen_privately(err);

	if (fd < 0)
		return -1;
	*gate_r = (struct gate){.fd = fd,
				.spare = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	if (gate_r->spare < 0)
		return err_set(err, "cannot keep a socket: %s",
			       strerror(errno));
	return 0;
}

int gate_connect(const struct gate *gate, int timeout_ms, struct err *err)
{
	/* Option negotiation: version 6, all actions and steps offered. */
	static const char hello[] = {0, 0,    0, 13, 'O', 0,    0,    0, 6,
				     0, 0,    1, -1, 0,	  0x1f, -1,   -1};
	char answer[512];
	int fd = connect_to(gate->spare, err);
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

int gate_open(struct gate *gate, int shared_fd, struct err *err)
{
	struct err ignored;
	int waker;

	if (dup3(shared_fd, gate->fd, O_CLOEXEC) < 0)
		return err_set(err, "cannot take the listening socket: %s",
			       strerror(errno));
	close(shared_fd);
	waker = connect_to(gate->spare, &ignored);
	close(gate->spare);
	gate->spare = -1;
	if (waker >= 0)
		close(waker);
	return 0;
}

int gate_close(struct gate *gate, struct err *err)
{
	int fd = listen_privately(err);

	if (fd < 0)
		return -1;
	if (dup3(fd, gate->fd, O_CLOEXEC) < 0) {
		close(fd);
		return err_set(err, "cannot leave the listening socket: %s",
			       strerror(errno));
	}
	close(fd);
	return 0;
}
