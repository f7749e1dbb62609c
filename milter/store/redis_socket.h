/*
 * A socket that never blocks, to the first of a server's addresses that
 * takes it, with TLS or without.
 */
#ifndef GATEPOST_STORE_REDIS_SOCKET_H
#define GATEPOST_STORE_REDIS_SOCKET_H

#include "milter/store/redis_tls.h"

#include <sys/socket.h>

#define REDIS_ADDRESSES_MAX 4

/* Where a server may be found; tried in turn. */
struct redis_addresses {
	struct sockaddr_storage address[REDIS_ADDRESSES_MAX];
	socklen_t length[REDIS_ADDRESSES_MAX];
	size_t count;
};

struct redis_socket {
	int fd;			/* -1: closed */
	bool connecting;	/* not known yet whether it is there */
	struct redis_addresses addresses;
	size_t at, tried;	/* which of them; how many */
	struct redis_tls *tls;	/* NULL: none */
	const char *host;	/* for TLS; outlives the connection */
	struct redis_tls_link *link;
};

void redis_socket_init(struct redis_socket *s);
/* Begins to connect, over what was. -1: none takes it; closed. */
int redis_socket_open(struct redis_socket *s,
		      const struct redis_addresses *addresses,
		      struct redis_tls *tls, const char *host,
		      struct err *err);
/* poll() says that connecting has come to something. -1: to nothing. */
int redis_socket_connected(struct redis_socket *s, struct err *err);
void redis_socket_close(struct redis_socket *s);

/* As send() and recv(), without SIGPIPE; -1 and errno. */
ssize_t redis_socket_send(struct redis_socket *s, const char *bytes, size_t n);
ssize_t redis_socket_recv(struct redis_socket *s, char *bytes, size_t n);
/* What to poll() for, if `sends` bytes are left to send. */
short redis_socket_wants(const struct redis_socket *s, bool sends);
/* Whether the server has neither closed it nor said anything. */
bool redis_socket_is_quiet(const struct redis_socket *s);
/* What it waits for in vain. */
const char *redis_socket_lateness(const struct redis_socket *s);
/* Why send or recv failed with that errno. */
int redis_socket_explain(const struct redis_socket *s, int error,
			 struct err *err);

#endif
