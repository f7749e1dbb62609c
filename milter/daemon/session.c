/* A message is begun at connect, so that DNS is asked while SMTP goes on. */
#include "milter/daemon/session.h"

#include <netinet/in.h>
#include <stdlib.h>

struct session *session_new(const struct engine *engine)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->engine = engine;
	session->conn.arena = arena_new(1024);
	session->helo_arena = arena_new(512);
	return session;
}

void session_free(struct session **session)
{
	if (!*session)
		return;
	mail_free(&(*session)->mail);
	arena_free(&(*session)->helo_arena);
	arena_free(&(*session)->conn.arena);
	free(*session);
	*session = NULL;
}

static bool read_address(const struct sockaddr *address, struct ip *ip_r)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address && address->sa_family == AF_INET)
		return ip_from_bytes(&v4->sin_addr, 4, ip_r);
	if (address && address->sa_family == AF_INET6)
		return ip_from_bytes(&v6->sin6_addr, 16, ip_r);
	return false;
}

static bool is_verified(struct slice host, struct slice resolved)
{
	return !slice_eq_nocase(host, SLICE("unknown")) &&
	       !slice_starts_nocase(host, SLICE("[")) &&
	       (slice_empty(resolved) || slice_eq(resolved, SLICE("OK")));
}

void session_set_client(struct session *session, const struct sockaddr *address,
			struct slice host, struct slice resolved)
{
	struct conn *conn = &session->conn;

	if (!read_address(address, &conn->client)) {
		conn->trusted = true;
		return;
	}
	conn->client_text = ip_text(conn->arena, &conn->client);
	if (is_verified(host, resolved))
		conn->ptr_name = arena_dup(conn->arena, host);
	conn->trusted = engine_trusts(session->engine, &conn->client);
}

void session_set_helo(struct session *session, struct slice name)
{
	if (!slice_empty(session->conn.helo)) {
		session_end_mail(session);
		arena_reset(session->helo_arena);
	}
	session->conn.helo = arena_dup(session->helo_arena, name);
}

void session_keep(struct session *session, struct slice *slot,
		  struct slice text)
{
	if (!slice_eq(*slot, text))
		*slot = arena_dup(session->conn.arena, text);
}

struct mail *session_mail(struct session *session)
{
	if (session->mail)
		return session->mail;
	session->mail = mail_new(session->engine, &session->conn);
	engine_stage(session->mail, STAGE_CONNECT);
	if (!slice_empty(session->conn.helo))
		engine_stage(session->mail, STAGE_HELO);
	return session->mail;
}

void session_end_mail(struct session *session)
{
	session->in_transaction = false;
	session->over = NULL;
	mail_free(&session->mail);
}

struct slice session_path(struct slice argument)
{
	struct slice path = slice_trim(argument);

	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		return slice_sub(path, 1, path.n - 1);
	return path;
}
