/*
 * One milter session: the connection and the message under way. Knows
 * nothing of libmilter; its callbacks fill it. Everything it is given is
 * copied into arenas of its own.
 */
#ifndef GATEPOST_DAEMON_SESSION_H
#define GATEPOST_DAEMON_SESSION_H

#include "milter/engine/engine.h"

struct sockaddr;

struct session {
	struct conn conn;
	const struct engine *engine;
	struct arena *helo_arena;	/* a client may send many HELOs */
	struct mail *mail;		/* NULL until something is known */
	const char *over;		/* the limit this message has passed */
	bool in_transaction;		/* between MAIL and the end */
	bool own_space;			/* inserted values need a space */
	bool refused;			/* there are too many sessions */
};

/* NULL when memory is short. */
struct session *session_new(const struct engine *engine);
void session_free(struct session **session);

/*
 * Who connects. No address, or one that is neither IPv4 nor IPv6: local
 * submission, which is trusted. `host` counts only where the MTA has
 * verified it: Postfix says "unknown" and Sendmail "[192.0.2.1]" otherwise,
 * and Sendmail says in `resolved` what its look-up came to ("OK" or not;
 * empty if the MTA does not say).
 */
void session_set_client(struct session *session,
			const struct sockaddr *address, struct slice host,
			struct slice resolved);
/* A further HELO forgets the message that was begun under the first. */
void session_set_helo(struct session *session, struct slice name);
/* Copies text into *slot, a field of session->conn, if it has changed. */
void session_keep(struct session *session, struct slice *slot,
		  struct slice text);

/* The message under way, made and brought to the present stage if need be. */
struct mail *session_mail(struct session *session);
void session_end_mail(struct session *session);

/* An envelope path without its angle brackets. */
struct slice session_path(struct slice argument);

#endif
