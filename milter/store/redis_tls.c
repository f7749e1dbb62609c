/*
 * OpenSSL over a socket of ours: hiredis's own TLS comes with a later
 * version than distributions have, and would bring its sockets with it.
 */
#include "milter/store/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_tls {
	SSL_CTX *context;
};

struct redis_tls_link {
	SSL *ssl;
	bool send_wants_out, recv_wants_out;
	struct err err;
};

/* What OpenSSL says, in the thread's queue. */
static const char *reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		text = strerror(ERR_GET_REASON(error));
	return text ? text : "no reason given";
}

static int load_authorities(SSL_CTX *context, struct slice path,
			    struct err *err)
{
	if (path.n == 0) {
		if (SSL_CTX_set_default_verify_paths(context) == 1)
			return 0;
		return err_set(err, "store: cannot read the system's "
				    "certificate authorities: %s",
			       reason());
	}
	if (SSL_CTX_load_verify_file(context, path.p) == 1)
		return 0;
	return err_set(err,
		       "state.tls_ca: cannot read certificates from %s: %s",
		       path.p, reason());
}

/* Ours, for servers that want to know who comes (tls-auth-clients). */
static int load_own(SSL_CTX *context, const struct state_conf *state,
		    struct err *err)
{
	const char *cert = state->tls_cert.s.p, *key = state->tls_key.s.p;

	if ((state->tls_cert.s.n == 0) != (state->tls_key.s.n == 0))
		return err_set(err, "state.tls_cert and state.tls_key: set "
				    "both or neither");
	if (state->tls_cert.s.n == 0)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return err_set(err,
			       "state.tls_cert: cannot read a certificate "
			       "from %s: %s",
			       cert, reason());
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return err_set(err,
			       "state.tls_key: cannot read the key of the "
			       "certificate from %s: %s",
			       key, reason());
	return 0;
}

struct redis_tls *redis_tls_new(const struct state_conf *state,
				struct err *err)
{
	struct redis_tls *tls = calloc(1, sizeof(*tls));

	ERR_clear_error();
	if (tls)
		tls->context = SSL_CTX_new(TLS_client_method());
	if (!tls || !tls->context) {
		free(tls);
		err_set(err, "store: cannot set up TLS: %s", reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls->context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE |
				 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
	/* Redis closes without saying so; lengths are in its protocol. */
	SSL_CTX_set_options(tls->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (load_authorities(tls->context, state->tls_ca.s, err) < 0 ||
	    load_own(tls->context, state, err) < 0)
		redis_tls_free(&tls);
	return tls;
}

void redis_tls_free(struct redis_tls **tls)
{
	if (!*tls)
		return;
	SSL_CTX_free((*tls)->context);
	free(*tls);
	*tls = NULL;
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 ||
	       inet_pton(AF_INET6, host, bytes) == 1;
}

/* Whom the certificate must name. */
static bool expect(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct redis_tls_link *redis_tls_link_new(struct redis_tls *tls, int fd,
					  const char *host)
{
	struct redis_tls_link *link = calloc(1, sizeof(*link));

	if (link)
		link->ssl = SSL_new(tls->context);
	if (!link || !link->ssl || SSL_set_fd(link->ssl, fd) != 1 ||
	    !expect(link->ssl, host)) {
		fputs("gatepost: out of memory\n", stderr);
		abort();
	}
	SSL_set_connect_state(link->ssl);
	return link;
}

void redis_tls_link_free(struct redis_tls_link **link)
{
	if (!*link)
		return;
	SSL_free((*link)->ssl);
	free(*link);
	*link = NULL;
}

static void explain(struct redis_tls_link *link)
{
	long verdict = SSL_get_verify_result(link->ssl);

	if (verdict != X509_V_OK)
		err_set(&link->err,
			"the server's certificate is not good: %s; is its "
			"authority in state.tls_ca, and the host of `store` "
			"in the certificate?",
			X509_verify_cert_error_string(verdict));
	else
		err_set(&link->err,
			"TLS: %s; does the server speak TLS at that port?",
			reason());
}

/* What a result of zero or less means; *wants_out_r: what it waits for. */
static ssize_t conclude(struct redis_tls_link *link, int got, bool *wants_out_r)
{
	*wants_out_r = false;
	switch (SSL_get_error(link->ssl, got)) {
	case SSL_ERROR_WANT_WRITE:
		*wants_out_r = true;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (errno == 0)
			errno = ECONNRESET;
		return -1;
	default:
		explain(link);
		errno = EPROTO;
		return -1;
	}
}

ssize_t redis_tls_send(struct redis_tls_link *link, const char *bytes,
		       size_t n)
{
	int sent;

	ERR_clear_error();
	errno = 0;
	sent = SSL_write(link->ssl, bytes, n > INT_MAX ? INT_MAX : (int)n);
	link->send_wants_out = false;
	return sent > 0 ? sent : conclude(link, sent, &link->send_wants_out);
}

ssize_t redis_tls_recv(struct redis_tls_link *link, char *bytes, size_t n)
{
	int got;

	ERR_clear_error();
	errno = 0;
	got = SSL_read(link->ssl, bytes, n > INT_MAX ? INT_MAX : (int)n);
	link->recv_wants_out = false;
	return got > 0 ? got : conclude(link, got, &link->recv_wants_out);
}

bool redis_tls_wants_out(const struct redis_tls_link *link)
{
	return link->send_wants_out || link->recv_wants_out;
}

bool redis_tls_is_ready(const struct redis_tls_link *link)
{
	return SSL_is_init_finished(link->ssl);
}

const char *redis_tls_link_error(const struct redis_tls_link *link)
{
	return link->err.text;
}
