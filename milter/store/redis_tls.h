/*
 * TLS to Redis: the server's certificate must be signed by an authority we
 * trust and bear the name or address that we connect to. Calls never wait;
 * the handshake takes place within the first ones.
 */
#ifndef GATEPOST_STORE_REDIS_TLS_H
#define GATEPOST_STORE_REDIS_TLS_H

#include "common/base/err.h"
#include "milter/store/store.h"

#include <sys/types.h>

/* What all connections share: authorities, and our own certificate. */
struct redis_tls;
/* Of one connection. */
struct redis_tls_link;

/* Reads the files that the settings name; NULL and err. */
struct redis_tls *redis_tls_new(const struct state_conf *state,
				struct err *err);
void redis_tls_free(struct redis_tls **tls);

/* Over a socket that is connecting or connected, and stays the caller's. */
struct redis_tls_link *redis_tls_link_new(struct redis_tls *tls, int fd,
					  const char *host);
void redis_tls_link_free(struct redis_tls_link **link);

/*
 * As send() and recv(): bytes; 0 at the end; -1 and errno, EAGAIN if they
 * are to be called again, or EPROTO if redis_tls_link_error() says why not.
 */
ssize_t redis_tls_send(struct redis_tls_link *link, const char *bytes,
		       size_t n);
ssize_t redis_tls_recv(struct redis_tls_link *link, char *bytes, size_t n);
/* Whether either waits until the socket can be written to. */
bool redis_tls_wants_out(const struct redis_tls_link *link);
/* Whether the handshake is over. */
bool redis_tls_is_ready(const struct redis_tls_link *link);
const char *redis_tls_link_error(const struct redis_tls_link *link);

#endif
