/*
 * The client's side of the milter protocol: packets of a length, a letter
 * and data. Steps that the filter has declined are left out, replies it has
 * declined are not waited for.
 */
#include "milter/daemon/probe.h"
#include "common/base/clock.h"
#include "common/base/slice.h"
#include "milter/daemon/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Steps the filter may decline, and replies it may leave out. */
enum {
	NO_CONNECT = 0x1,
	NO_HELO = 0x2,
	NO_MAIL = 0x4,
	NO_RCPT = 0x8,
	NO_BODY = 0x10,
	NO_HEADERS = 0x20,
	NO_EOH = 0x40,
	QUIET_HEADER = 0x80,
	NO_DATA = 0x200,
	QUIET_CONNECT = 0x1000,
	QUIET_HELO = 0x2000,
	QUIET_MAIL = 0x4000,
	QUIET_RCPT = 0x8000,
	QUIET_DATA = 0x10000,
	QUIET_EOH = 0x40000,
	QUIET_BODY = 0x80000,
};
#define OFFERED_ACTIONS 0x1ffu
#define OFFERED_STEPS 0x1fffffu
#define VERSION 6
#define PACKET_MAX 65536
/* TEST-NET-1 (RFC 5737): nobody's address. */
#define CLIENT "192.0.2.1"

struct talk {
	const struct probe *probe;
	int fd;
	uint32_t steps; /* as the filter wants them */
	struct err *err;
};

static int wait_for(struct talk *t, short events)
{
	struct pollfd fd = {.fd = t->fd, .events = events};
	int64_t left_ms = t->probe->deadline_ms - clock_mono_ms();

	if (left_ms > 0 && poll(&fd, 1, (int)left_ms) > 0)
		return 0;
	return err_set(t->err, "no answer in time");
}

static int send_all(struct talk *t, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t sent;

		if (wait_for(t, POLLOUT) < 0)
			return -1;
		sent = send(t->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return err_set(t->err, "the connection was lost: %s",
				       strerror(errno));
		if (sent > 0) {
			bytes += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int receive_all(struct talk *t, char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t got;

		if (wait_for(t, POLLIN) < 0)
			return -1;
		got = recv(t->fd, bytes, n, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return err_set(t->err, "the connection was closed");
		if (got > 0) {
			bytes += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

static void put_u32(char *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const char *bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

static int send_packet(struct talk *t, char command, struct slice data)
{
	char head[5];

	put_u32(head, (uint32_t)data.n + 1);
	head[4] = command;
	if (send_all(t, head, sizeof(head)) < 0)
		return -1;
	return send_all(t, data.p, data.n);
}

/* The letter of the next packet, or -1; the first bytes of its data. */
static int receive_packet(struct talk *t, char *data, size_t room, size_t *n_r)
{
	char head[5], waste[512];
	size_t n, keep, rest;

	if (receive_all(t, head, sizeof(head)) < 0)
		return -1;
	n = get_u32(head);
	if (n == 0 || n > PACKET_MAX)
		return err_set(t->err, "the answer is not the milter protocol");
	keep = n - 1 < room ? n - 1 : room;
	if (receive_all(t, data, keep) < 0)
		return -1;
	for (rest = n - 1 - keep; rest > 0;) {
		size_t part = rest < sizeof(waste) ? rest : sizeof(waste);

		if (receive_all(t, waste, part) < 0)
			return -1;
		rest -= part;
	}
	*n_r = keep;
	return (unsigned char)head[4];
}

static int negotiate(struct talk *t)
{
	char offer[12], answer[12];
	int command;
	size_t n = 0;

	put_u32(offer, VERSION);
	put_u32(offer + 4, OFFERED_ACTIONS);
	put_u32(offer + 8, OFFERED_STEPS);
	if (send_packet(t, 'O', (struct slice){offer, sizeof(offer)}) < 0)
		return -1;
	command = receive_packet(t, answer, sizeof(answer), &n);
	if (command < 0)
		return -1;
	if (command != 'O' || n != sizeof(answer))
		return err_set(t->err, "the answer is not the milter protocol");
	t->steps = get_u32(answer + 8);
	return 0;
}

/*
 * One step: left out if the filter has declined it. Its reply must let the
 * message go on.
 */
static int step(struct talk *t, char command, struct slice data, uint32_t no,
		uint32_t quiet)
{
	char first[1];
	size_t n;
	int reply;

	if (t->steps & no)
		return 0;
	if (send_packet(t, command, data) < 0)
		return -1;
	if (t->steps & quiet)
		return 0;
	reply = receive_packet(t, first, sizeof(first), &n);
	if (reply < 0)
		return -1;
	if (reply != 'c')
		return err_set(t->err, "refused before the message had ended "
				       "(there may be too many sessions)");
	return 0;
}

/* Formatted; "\001" stands for a NUL. */
static struct slice __attribute__((format(printf, 3, 4)))
fields(char *bytes, size_t room, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(bytes, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		n = (int)room - 1;
	for (int i = 0; i < n; i++)
		if (bytes[i] == 1)
			bytes[i] = 0;
	return (struct slice){bytes, (size_t)n};
}

static int send_envelope(struct talk *t)
{
	const struct probe *p = t->probe;
	char b[1024];

	if (send_packet(t, 'D',
			fields(b, sizeof(b), "C{daemon_name}\001%s\001",
			       PROBE_DAEMON_NAME)) < 0 ||
	    step(t, 'C',
		 fields(b, sizeof(b),
			"[%s]\001"
			"4"
			"\001\031"
			"%s\001",
			CLIENT, CLIENT),
		 NO_CONNECT, QUIET_CONNECT) < 0 ||
	    step(t, 'H', fields(b, sizeof(b), "%s.%s\001", p->nonce, p->domain),
		 NO_HELO, QUIET_HELO) < 0)
		return -1;
	if (step(t, 'M', fields(b, sizeof(b), "<postmaster@%s>\001", p->domain),
		 NO_MAIL, QUIET_MAIL) < 0 ||
	    step(t, 'R', fields(b, sizeof(b), "<postmaster@%s>\001", p->domain),
		 NO_RCPT, QUIET_RCPT) < 0)
		return -1;
	return step(t, 'T', SLICE(""), NO_DATA, QUIET_DATA);
}

static int send_message(struct talk *t)
{
	const struct probe *p = t->probe;
	char b[1024];

	if (step(t, 'L',
		 fields(b, sizeof(b), "From\001 postmaster@%s\001", p->domain),
		 NO_HEADERS, QUIET_HEADER) < 0 ||
	    step(t, 'L', fields(b, sizeof(b), "Subject\001 Is all well?\001"),
		 NO_HEADERS, QUIET_HEADER) < 0 ||
	    step(t, 'L',
		 fields(b, sizeof(b), "Message-ID\001 <%s@%s>\001", p->nonce,
			p->domain),
		 NO_HEADERS, QUIET_HEADER) < 0)
		return -1;
	if (step(t, 'N', SLICE(""), NO_EOH, QUIET_EOH) < 0)
		return -1;
	return step(t, 'B', SLICE("Nothing to see here.\r\n"), NO_BODY,
		    QUIET_BODY);
}

/* Edits come before the verdict; which verdict it is does not matter. */
static int await_verdict(struct talk *t)
{
	for (;;) {
		char first[1];
		size_t n;
		int reply = receive_packet(t, first, sizeof(first), &n);

		switch (reply) {
		case -1:
			return -1;
		case 'c':
		case 'a':
		case 'r':
		case 't':
		case 'd':
		case 'y':
			return 0;
		default:
			break;
		}
	}
}

static int talk(struct talk *t, int64_t *us_r)
{
	int64_t began;

	if (negotiate(t) < 0 || send_envelope(t) < 0 || send_message(t) < 0)
		return -1;
	began = clock_mono_us();
	if (send_packet(t, 'E', SLICE("")) < 0 || await_verdict(t) < 0)
		return -1;
	*us_r = clock_mono_us() - began;
	(void)send_packet(t, 'Q', SLICE(""));
	return 0;
}

int probe_run(const struct probe *probe, int64_t *us_r, struct err *err)
{
	struct talk t = {.probe = probe, .err = err};
	int result;

	t.fd = listener_connect(probe->listen, err);
	if (t.fd < 0)
		return -1;
	result = talk(&t, us_r);
	close(t.fd);
	return result;
}
