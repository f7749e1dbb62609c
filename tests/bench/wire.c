/*
 * Packets: four bytes of length in network order, a code, data. Buffers are
 * those of Postfix 3.7: 4096 bytes on a unix socket, four times the segment
 * size on TCP, and no TCP_NODELAY, so that a filter which lets Nagle's
 * algorithm meet delayed acknowledgements shows it here.
 */
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_UNIX 4096
#define OUT_MAX (1024 * 1024)
#define IN_ROOM (128 * 1024)
#define REPLY_SECONDS 60

static void *room(void *old, size_t n)
{
	void *p = realloc(old, n);

	if (!p) {
		fputs("milterload: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static int parse_unix(struct slice path, struct endpoint *e)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&e->addr;

	if (slice_empty(path) || path.n >= sizeof(sun->sun_path))
		return -1;
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path.p, path.n);
	e->addr_n = sizeof(*sun);
	return 0;
}

static int parse_inet(struct slice text, int family, struct endpoint *e)
{
	size_t colon = slice_rfind(text, ':');
	char host[64] = "";
	uint64_t port;

	if (colon >= sizeof(host) ||
	    !slice_to_u64(slice_sub(text, colon + 1, text.n), &port) ||
	    port == 0 || port > 65535)
		return -1;
	memcpy(host, text.p, colon);
	if (family == AF_INET) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&e->addr;

		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)port);
		e->addr_n = sizeof(*sin);
		return inet_pton(AF_INET, host, &sin->sin_addr) == 1 ? 0 : -1;
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&e->addr;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons((uint16_t)port);
	e->addr_n = sizeof(*sin6);
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1 ? 0 : -1;
}

int endpoint_parse(const char *text, struct endpoint *endpoint_r,
		   struct err *err)
{
	struct slice s = slice_cstr(text);
	size_t colon = slice_find(s, 0, ':');
	struct slice kind = slice_sub(s, 0, colon);
	struct slice rest = slice_sub(s, colon + 1, s.n);
	int rc = -1;

	memset(endpoint_r, 0, sizeof(*endpoint_r));
	if (slice_eq(kind, SLICE("unix")))
		rc = parse_unix(rest, endpoint_r);
	else if (slice_eq(kind, SLICE("inet")))
		rc = parse_inet(rest, AF_INET, endpoint_r);
	else if (slice_eq(kind, SLICE("inet6")))
		rc = parse_inet(rest, AF_INET6, endpoint_r);
	if (rc != 0)
		return err_set(err,
			       "%s: want unix:PATH, inet:ADDRESS:PORT or "
			       "inet6:ADDRESS:PORT",
			       text);
	return 0;
}

void wire_init(struct wire *w)
{
	*w = (struct wire){.fd = -1, .in_room = IN_ROOM};
	w->in = room(NULL, IN_ROOM);
}

void wire_free(struct wire *w)
{
	wire_close(w);
	free(w->in);
	free(w->out);
}

static size_t out_room(const struct wire *w, int family)
{
	int segment = 0;
	socklen_t n = sizeof(segment);
	size_t want;

	if (family == AF_UNIX ||
	    getsockopt(w->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, &n) != 0 ||
	    segment <= 0)
		return OUT_UNIX;
	want = (size_t)segment * 4;
	return want < OUT_UNIX ? OUT_UNIX : want > OUT_MAX ? OUT_MAX : want;
}

int wire_open(struct wire *w, const struct endpoint *endpoint)
{
	const struct sockaddr *addr = (const struct sockaddr *)&endpoint->addr;
	const struct timeval limit = {.tv_sec = REPLY_SECONDS};
	size_t want;

	w->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -1;
	if (setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) !=
		    0 ||
	    setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) !=
		    0 ||
	    connect(w->fd, addr, endpoint->addr_n) != 0) {
		wire_close(w);
		return -1;
	}
	want = out_room(w, addr->sa_family);
	if (want > w->out_room) {
		w->out = room(w->out, want);
		w->out_room = want;
	}
	w->out_n = w->in_from = w->in_to = 0;
	return 0;
}

void wire_close(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

int wire_flush(struct wire *w)
{
	size_t done = 0;

	while (done < w->out_n) {
		ssize_t n = send(w->fd, w->out + done, w->out_n - done,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	w->out_n = 0;
	return 0;
}

static int put(struct wire *w, struct slice s)
{
	while (s.n > 0) {
		size_t n = w->out_room - w->out_n;

		if (n > s.n)
			n = s.n;
		memcpy(w->out + w->out_n, s.p, n);
		w->out_n += n;
		s = slice_sub(s, n, s.n);
		if (w->out_n == w->out_room && wire_flush(w) != 0)
			return -1;
	}
	return 0;
}

int wire_send(struct wire *w, char code, const struct slice *parts,
	      size_t count)
{
	char head[5];
	size_t n = 1;

	for (size_t i = 0; i < count; i++)
		n += parts[i].n;
	wire_set_u32(head, (uint32_t)n);
	head[4] = code;
	if (put(w, (struct slice){head, sizeof(head)}) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (put(w, parts[i]) != 0)
			return -1;
	return 0;
}

/* Makes at least `n` bytes stand at in_from. */
static int fill(struct wire *w, size_t n)
{
	if (n > w->in_room)
		return -1;
	if (w->in_from + n > w->in_room) {
		memmove(w->in, w->in + w->in_from, w->in_to - w->in_from);
		w->in_to -= w->in_from;
		w->in_from = 0;
	}
	while (w->in_to - w->in_from < n) {
		ssize_t got =
			recv(w->fd, w->in + w->in_to, w->in_room - w->in_to, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		w->in_to += (size_t)got;
	}
	return 0;
}

int wire_read(struct wire *w, struct packet *packet_r)
{
	size_t n;

	if (w->in_from == w->in_to)
		w->in_from = w->in_to = 0;
	if (fill(w, 4) != 0)
		return -1;
	n = wire_u32(w->in + w->in_from);
	if (n < 1 || fill(w, 4 + n) != 0)
		return -1;
	packet_r->code = w->in[w->in_from + 4];
	packet_r->data = (struct slice){w->in + w->in_from + 5, n - 1};
	w->in_from += 4 + n;
	return 0;
}

uint32_t wire_u32(const char *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return ntohl(value);
}

void wire_set_u32(char *p, uint32_t value)
{
	value = htonl(value);
	memcpy(p, &value, sizeof(value));
}
