/* TCP or unix, as the addresses say. */
#include "milter/store/redis_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void redis_socket_init(struct redis_socket *s)
{
	*s = (struct redis_socket){.fd = -1};
}

void redis_socket_close(struct redis_socket *s)
{
	redis_tls_link_free(&s->link);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->connecting = false;
}

/* Begins with the address at hand; -1 and errno. */
static int dial(struct redis_socket *s)
{
	const struct redis_addresses *a = &s->addresses;
	const struct sockaddr *to =
		(const struct sockaddr *)&a->address[s->at];
	int one = 1;

	s->tried++;
	s->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0);
	if (s->fd < 0)
		return -1;
	if (to->sa_family != AF_UNIX) {
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	/* A unix socket says EAGAIN when its queue is full, and means it. */
	if (connect(s->fd, to, a->length[s->at]) != 0) {
		if (errno != EINPROGRESS)
			return -1;
		s->connecting = true;
	}
	if (s->tls)
		s->link = redis_tls_link_new(s->tls, s->fd, s->host);
	return 0;
}

/* Dials the next until one takes it; `error`: why the last did not. */
static int dial_next(struct redis_socket *s, int error, struct err *err)
{
	while (s->tried < s->addresses.count) {
		redis_socket_close(s);
		s->at = (s->at + 1) % s->addresses.count;
		if (dial(s) == 0)
			return 0;
		error = errno;
	}
	redis_socket_close(s);
	return err_set(err, "cannot connect: %s", strerror(error));
}

int redis_socket_open(struct redis_socket *s,
		      const struct redis_addresses *addresses,
		      struct redis_tls *tls, const char *host, struct err *err)
{
	redis_socket_close(s);
	if (addresses->count == 0)
		return err_set(err, "cannot connect: no address");
	s->addresses = *addresses;
	/* It goes on with the one that did not fail last time. */
	s->at %= addresses->count;
	s->tried = 0;
	s->tls = tls;
	s->host = host;
	return dial(s) == 0 ? 0 : dial_next(s, errno, err);
}

int redis_socket_connected(struct redis_socket *s, struct err *err)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	s->connecting = false;
	return error ? dial_next(s, error, err) : 0;
}

ssize_t redis_socket_send(struct redis_socket *s, const char *bytes, size_t n)
{
	if (s->link)
		return redis_tls_send(s->link, bytes, n);
	return send(s->fd, bytes, n, MSG_NOSIGNAL);
}

ssize_t redis_socket_recv(struct redis_socket *s, char *bytes, size_t n)
{
	if (s->link)
		return redis_tls_recv(s->link, bytes, n);
	return recv(s->fd, bytes, n, 0);
}

/* With TLS, sending may wait for the server's part of the handshake. */
short redis_socket_wants(const struct redis_socket *s, bool sends)
{
	if (s->connecting)
		return POLLOUT;
	if (s->link)
		sends = redis_tls_wants_out(s->link);
	return sends ? POLLIN | POLLOUT : POLLIN;
}

bool redis_socket_is_quiet(const struct redis_socket *s)
{
	char byte;

	return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

const char *redis_socket_lateness(const struct redis_socket *s)
{
	if (s->connecting)
		return "no connection in time";
	if (s->link && !redis_tls_is_ready(s->link))
		return "no TLS handshake in time; does the server speak TLS "
		       "at that port?";
	return "no answer in time";
}

int redis_socket_explain(const struct redis_socket *s, int error,
			 struct err *err)
{
	if (s->link && error == EPROTO)
		return err_set(err, "%s", redis_tls_link_error(s->link));
	return err_set(err, "the connection was lost: %s", strerror(error));
}
