/*
 * poll(), and two buffers: bytes to send, and the reader of answers. Sending and reading go on at the same time, so that a
 * batch of any size cannot end in both sides waiting to be read.
 */
#include "milter/store/redis_conn.h"

#include "common/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX (64u << 20) /* bytes of answers at a time */
#define CHUNK 65536
#define OUT_FIRST 16384

struct redis_conn {
	struct redis_socket socket;
	struct redis_reader *reader;
	char *out;
	size_t out_n, out_room, out_sent;
	size_t missing;	 /* answers to come */
	const struct redis_answer **answers;
	size_t answer_count, answer_room, taken;
	struct err err;
};

static _Noreturn void out_of_memory(void)
{
	fputs("gatepost: out of memory\n", stderr);
	abort();
}

struct redis_conn *redis_conn_new(void)
{
	struct redis_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		out_of_memory();
	redis_socket_init(&conn->socket);
	conn->reader = redis_reader_new(ANSWERS_MAX);
	if (!conn->reader)
		out_of_memory();
	return conn;
}

static void close_socket(struct redis_conn *conn)
{
	redis_socket_close(&conn->socket);
	conn->missing = 0;
	conn->out_n = conn->out_sent = 0;
}

void redis_conn_close(struct redis_conn *conn)
{
	close_socket(conn);
	conn->answer_count = conn->taken = 0;
	conn->err.text[0] = '\0';
}

void redis_conn_free(struct redis_conn **conn)
{
	if (!*conn)
		return;
	close_socket(*conn);
	redis_reader_free(&(*conn)->reader);
	free((*conn)->out);
	free((*conn)->answers);
	free(*conn);
	*conn = NULL;
}

static bool is_open(const struct redis_conn *conn)
{
	return conn->socket.fd >= 0;
}

void redis_conn_open(struct redis_conn *conn,
		     const struct redis_addresses *addresses,
		     struct redis_tls *tls, const char *host)
{
	redis_conn_close(conn);
	/* The old one may hold a piece of an answer. */
	redis_reader_free(&conn->reader);
	conn->reader = redis_reader_new(ANSWERS_MAX);
	if (!conn->reader)
		out_of_memory();
	redis_socket_open(&conn->socket, addresses, tls, host, &conn->err);
}

bool redis_conn_is_usable(struct redis_conn *conn)
{
	if (!is_open(conn))
		return false;
	if (conn->socket.connecting || conn->missing > 0 ||
	    redis_socket_is_quiet(&conn->socket))
		return true;
	/* Closed; or it speaks unasked, which it does before it closes. */
	close_socket(conn);
	err_set(&conn->err, "the server closed the connection");
	return false;
}

/* ---- commands ---- */

static char *room(struct redis_conn *conn, size_t bytes)
{
	if (conn->out_room - conn->out_n < bytes) {
		size_t wanted = conn->out_room ? conn->out_room : OUT_FIRST;

		while (wanted - conn->out_n < bytes)
			wanted *= 2;
		conn->out = realloc(conn->out, wanted);
		if (!conn->out)
			out_of_memory();
		conn->out_room = wanted;
	}
	return conn->out + conn->out_n;
}

/* `mark`, the number, and the end of a line. */
static void add_head(struct redis_conn *conn, char mark, size_t number)
{
	char digits[24], *p = room(conn, sizeof(digits) + 3);
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	*p++ = mark;
	conn->out_n += n + 3;
	while (n > 0)
		*p++ = digits[--n];
	*p++ = '\r';
	*p = '\n';
}

void redis_conn_begin(struct redis_conn *conn, size_t words)
{
	add_head(conn, '*', words);
	conn->missing++;
}

void redis_conn_word(struct redis_conn *conn, struct slice word)
{
	char *p;

	add_head(conn, '$', word.n);
	p = room(conn, word.n + 2);
	if (word.n > 0)
		memcpy(p, word.p, word.n);
	memcpy(p + word.n, "\r\n", 2);
	conn->out_n += word.n + 2;
}

static void add_number(struct redis_conn *conn, bool minus, uint64_t number)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	if (minus)
		digits[--at] = '-';
	redis_conn_word(conn,
			(struct slice){digits + at, sizeof(digits) - at});
}

void redis_conn_number(struct redis_conn *conn, int64_t number)
{
	add_number(conn, number < 0,
		   number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void redis_conn_unsigned(struct redis_conn *conn, uint64_t number)
{
	add_number(conn, false, number);
}

void redis_conn_command(struct redis_conn *conn, const char *const words[])
{
	size_t n = 0;

	while (words[n])
		n++;
	redis_conn_begin(conn, n);
	for (size_t i = 0; i < n; i++)
		redis_conn_word(conn, slice_cstr(words[i]));
}

/* ---- sending and reading ---- */

static void fail(struct redis_conn *conn, const char *what)
{
	close_socket(conn);
	err_set(&conn->err, "%s", what);
}

static void fail_errno(struct redis_conn *conn, int error)
{
	struct err err;

	redis_socket_explain(&conn->socket, error, &err);
	fail(conn, err.text);
}

static void keep_answer(struct redis_conn *conn,
			const struct redis_answer *answer)
{
	if (conn->answer_count == conn->answer_room) {
		conn->answer_room = conn->answer_room * 2 + 64;
		conn->answers = realloc(conn->answers,
					conn->answer_room * sizeof(void *));
		if (!conn->answers)
			out_of_memory();
	}
	conn->answers[conn->answer_count++] = answer;
	conn->missing--;
}

/* Returns false when the connection has failed. */
static bool parse(struct redis_conn *conn, struct slice bytes)
{
	const struct redis_answer *answer;
	struct err err;
	int got = redis_reader_feed(conn->reader, bytes, &err);

	while (got == 0 || got == 1) {
		got = redis_reader_next(conn->reader, &answer, &err);
		if (got == 0)
			return true;
		if (got == 1 && conn->missing == 0) {
			fail(conn, "the server spoke unasked");
			return false;
		}
		if (got == 1)
			keep_answer(conn, answer);
	}
	fail(conn, err.text);
	return false;
}

static void read_some(struct redis_conn *conn)
{
	char chunk[CHUNK];

	while (is_open(conn)) {
		ssize_t n = redis_socket_recv(&conn->socket, chunk,
					      sizeof(chunk));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			fail_errno(conn, errno);
		else if (n == 0)
			fail(conn, "the server closed the connection");
		else if (!parse(conn, (struct slice){chunk, (size_t)n}))
			return;
		/* A full answer in TLS may be in several pieces. */
		if (conn->missing == 0)
			return;
	}
}

static void send_some(struct redis_conn *conn)
{
	while (conn->out_sent < conn->out_n) {
		ssize_t n = redis_socket_send(&conn->socket,
					      conn->out + conn->out_sent,
					      conn->out_n - conn->out_sent);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			int error = errno;

			/* What it said before it closed tells more. */
			if (error != EPROTO)
				read_some(conn);
			if (is_open(conn))
				fail_errno(conn, error);
			return;
		}
		conn->out_sent += (size_t)n;
	}
	conn->out_n = conn->out_sent = 0;
}

static bool is_busy(const struct redis_conn *conn)
{
	return is_open(conn) && (conn->missing > 0 || conn->socket.connecting);
}

static bool has_to_send(const struct redis_conn *conn)
{
	return conn->out_sent < conn->out_n;
}

static void finish_connecting(struct redis_conn *conn)
{
	struct err err;

	if (redis_socket_connected(&conn->socket, &err) < 0)
		fail(conn, err.text);
	else if (!conn->socket.connecting)
		send_some(conn);
}

/* Returns whether something happened that a caller may want to know. */
static bool handle(struct redis_conn *conn, short events)
{
	size_t before = conn->answer_count;

	if (events == 0)
		return false;
	if (conn->socket.connecting) {
		finish_connecting(conn);
		return !is_open(conn);
	}
	/*
	 * Reading first: an error from the server says more than EPIPE, and
	 * with TLS it is what sending may wait for.
	 */
	read_some(conn);
	if (is_open(conn) && has_to_send(conn))
		send_some(conn);
	return !is_open(conn) || conn->answer_count > before;
}

/* The busy ones, for poll(); sends what it can at once. */
static size_t gather(struct redis_conn *const *conns, size_t count,
		     struct pollfd *polls, size_t *which)
{
	size_t n = 0;

	for (size_t i = 0; i < count && i < REDIS_CONNS_MAX; i++) {
		struct redis_conn *conn = conns[i];

		if (!is_busy(conn))
			continue;
		if (!conn->socket.connecting && has_to_send(conn))
			send_some(conn);
		if (!is_busy(conn))
			continue;
		which[n] = i;
		polls[n++] = (struct pollfd){
			conn->socket.fd,
			redis_socket_wants(&conn->socket, has_to_send(conn)),
			0};
	}
	return n;
}

bool redis_conns_step(struct redis_conn *const *conns, size_t count,
		      int64_t until_ms)
{
	struct pollfd polls[REDIS_CONNS_MAX];
	size_t which[REDIS_CONNS_MAX], n;
	bool news = false;

	for (;;) {
		int64_t left = until_ms - clock_mono_ms();

		n = gather(conns, count, polls, which);
		if (n == 0)
			return false;
		left = left < 0 ? 0 : left > 60000 ? 60000 : left;
		if (poll(polls, n, (int)left) <= 0)
			n = 0;
		for (size_t i = 0; i < n; i++) {
			if (handle(conns[which[i]], polls[i].revents))
				news = true;
		}
		/* At the deadline, what has come by then still counts. */
		if (news || left == 0)
			return true;
	}
}

static void fail_late(struct redis_conn *conn)
{
	if (is_busy(conn))
		fail(conn, redis_socket_lateness(&conn->socket));
}

void redis_conns_wait(struct redis_conn *const *conns, size_t count,
		      int64_t deadline_ms)
{
	while (redis_conns_step(conns, count, deadline_ms)) {
		if (clock_mono_ms() < deadline_ms)
			continue;
		for (size_t i = 0; i < count; i++)
			fail_late(conns[i]);
		return;
	}
}

size_t redis_conn_missing(const struct redis_conn *conn)
{
	return conn->missing;
}

const struct redis_answer *redis_conn_take(struct redis_conn *conn)
{
	if (conn->taken >= conn->answer_count)
		return NULL;
	return conn->answers[conn->taken++];
}

void redis_conn_forget(struct redis_conn *conn)
{
	if (conn->missing > 0)
		return;
	conn->answer_count = conn->taken = 0;
	redis_reader_forget(conn->reader);
}

const char *redis_conn_error(const struct redis_conn *conn)
{
	return conn->err.text;
}
