/*
 * A connection to one Redis server, over TCP or a unix socket. Commands are
 * appended, and answers taken in the same order; in between
 * redis_conns_wait() moves bytes both ways for several connections at once,
 * until an absolute deadline. Nothing here waits otherwise.
 *
 * A connection that fails is closed at once, since what it would still say
 * could not be told apart; the answers that came before can be taken. One
 * thread uses a connection.
 */
#ifndef GATEPOST_STORE_REDIS_CONN_H
#define GATEPOST_STORE_REDIS_CONN_H

#include "milter/store/redis_answer.h"
#include "milter/store/redis_socket.h"

struct redis_conn;

struct redis_conn *redis_conn_new(void);
void redis_conn_free(struct redis_conn **conn);

/*
 * Begins to connect, over what was; commands may be appended at once. A
 * failure shows when it is waited for. `tls` may be NULL; with it, `host`
 * must be in the certificate, and outlive the connection.
 */
void redis_conn_open(struct redis_conn *conn,
		     const struct redis_addresses *addresses,
		     struct redis_tls *tls, const char *host);
/* Forgets commands and answers too. */
void redis_conn_close(struct redis_conn *conn);
/*
 * Whether it can be used, as far as is known. Asks the kernel, so that a
 * connection that the server has closed is noticed before it is used.
 */
bool redis_conn_is_usable(struct redis_conn *conn);

/* Appends a command: its number of words, then each of them. */
void redis_conn_begin(struct redis_conn *conn, size_t words);
void redis_conn_word(struct redis_conn *conn, struct slice word);
void redis_conn_number(struct redis_conn *conn, int64_t number);
void redis_conn_unsigned(struct redis_conn *conn, uint64_t number);
/* A whole command of words of ours, ended by NULL. */
void redis_conn_command(struct redis_conn *conn, const char *const words[]);

/*
 * Sends and reads until each connection has all its answers or has failed.
 * Those that have neither at the deadline fail. Up to REDIS_CONNS_MAX.
 */
#define REDIS_CONNS_MAX 256
void redis_conns_wait(struct redis_conn *const *conns, size_t count,
		      int64_t deadline_ms);
/*
 * The same, but returns as soon as anything was read, a connection failed
 * or the time has come, and then fails nothing. False: nothing is missing.
 */
bool redis_conns_step(struct redis_conn *const *conns, size_t count,
		      int64_t until_ms);

/* Answers that are still to come. */
size_t redis_conn_missing(const struct redis_conn *conn);
/*
 * The next answer; NULL if it has not come, or the connection failed before
 * it did. Lives until redis_conn_forget() or redis_conn_open().
 */
const struct redis_answer *redis_conn_take(struct redis_conn *conn);
/* Drops the answers; only when none is missing. */
void redis_conn_forget(struct redis_conn *conn);
/* Why it failed, in words; "" if it has not. */
const char *redis_conn_error(const struct redis_conn *conn);

#endif
