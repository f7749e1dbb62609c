/*
 * clamd may reply before it has read everything, as when a message is too
 * large, and closes then, which resets the connection. So after sending
 * failed the reply is read all the same: it stands before the reset.
 */
#include "milter/net/clamd_talk.h"
#include "common/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK_MAX (64 * 1024)
#define COMMAND_MAX 16
#define SENDS_MAX 32 /* of one step */
#define DIAL_AGAIN_MS 10

void clamd_talk_begin(struct clamd_talk *talk, struct arena *arena,
		      const struct clamd_addresses *addresses, size_t first,
		      struct slice command)
{
	*talk = (struct clamd_talk){.addresses = *addresses,
				    .fd = -1,
				    .message = -1,
				    .last_out = true};
	if (addresses->count == 0) {
		talk->error = EADDRNOTAVAIL;
		talk->stage = CLAMD_ENDED;
		return;
	}
	talk->at = first % addresses->count;
	talk->out_room = COMMAND_MAX;
	talk->out = arena_alloc(arena, talk->out_room);
	talk->out_n = command.n + 1;
	memcpy(talk->out, command.p, command.n);
}

void clamd_talk_set_message(struct clamd_talk *talk, struct arena *arena,
			    enum clamd_payload payload, int fd, uint64_t size)
{
	if (talk->stage == CLAMD_ENDED)
		return;
	talk->payload = payload;
	talk->message = fd;
	talk->size = size;
	talk->last_out = false;
	if (payload == CLAMD_IN_CHUNKS) {
		char *room = arena_alloc(arena, sizeof(uint32_t) + CHUNK_MAX);

		memcpy(room, talk->out, talk->out_n);
		talk->out = room;
		talk->out_room = sizeof(uint32_t) + CHUNK_MAX;
	}
}

static void close_socket(struct clamd_talk *talk)
{
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
}

static void end(struct clamd_talk *talk)
{
	close_socket(talk);
	talk->stage = CLAMD_ENDED;
}

void clamd_talk_end(struct clamd_talk *talk)
{
	end(talk);
}

/* What passes when others have closed something; all else means: not there. */
static bool is_crowded(int error)
{
	return error == EAGAIN || error == EMFILE || error == ENFILE ||
	       error == ENOBUFS || error == ENOMEM;
}

/* This address does not take it: the next one, if there is one. */
static void dial_failed(struct clamd_talk *talk, int error)
{
	close_socket(talk);
	talk->error = error;
	talk->stage = CLAMD_DIALLING;
	if (is_crowded(error))
		return;
	talk->at = (talk->at + 1) % talk->addresses.count;
	if (++talk->tried >= talk->addresses.count)
		end(talk);
}

static void set_connected(struct clamd_talk *talk)
{
	talk->connected = true;
	talk->error = 0;
	talk->stage = CLAMD_TALKING;
}

/* A unix socket says EAGAIN when its queue is full: nothing wakes us then. */
static void dial(struct clamd_talk *talk)
{
	const struct sockaddr *to =
		(const struct sockaddr *)&talk->addresses.address[talk->at];
	int one = 1;

	talk->fd = socket(to->sa_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (talk->fd < 0) {
		dial_failed(talk, errno);
		return;
	}
	if (to->sa_family != AF_UNIX)
		setsockopt(talk->fd, IPPROTO_TCP, TCP_NODELAY, &one,
			   sizeof(one));
	if (connect(talk->fd, to, talk->addresses.length[talk->at]) == 0)
		set_connected(talk);
	else if (errno == EINPROGRESS)
		talk->stage = CLAMD_CONNECTING;
	else
		dial_failed(talk, errno);
}

static void look_whether_connected(struct clamd_talk *talk)
{
	struct pollfd poll_for = {.fd = talk->fd, .events = POLLOUT};
	int error = 0;
	socklen_t n = sizeof(error);

	if (poll(&poll_for, 1, 0) <= 0)
		return;
	if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error)
		dial_failed(talk, error);
	else
		set_connected(talk);
}

/* The next chunk of the message, or the empty one that ends it. */
static int fill_chunk(struct clamd_talk *talk)
{
	uint64_t left = talk->size - talk->offset;
	size_t n = left < CHUNK_MAX ? (size_t)left : CHUNK_MAX;
	uint32_t length;

	if (n > 0) {
		ssize_t got = pread(talk->message, talk->out + sizeof(length),
				    n, (off_t)talk->offset);

		if (got <= 0) {
			talk->unreadable = true;
			talk->error = got < 0 ? errno : ENODATA;
			return -1;
		}
		n = (size_t)got;
	}
	length = htonl((uint32_t)n);
	memcpy(talk->out, &length, sizeof(length));
	talk->out_n = sizeof(length) + n;
	talk->out_at = 0;
	talk->offset += n;
	talk->last_out = n == 0;
	return 0;
}

/*
 * clamd reads a descriptor from its begin whatever its offset is, but moves
 * the offset, and an offset is shared. So it gets a description of its own,
 * which cannot be written to either; without /proc, the caller's.
 */
static ssize_t send_descriptor(struct clamd_talk *talk)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	char path[32], byte = 0;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	int own;
	ssize_t sent;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", talk->message);
	own = open(path, O_RDONLY | O_CLOEXEC);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), own >= 0 ? &own : &talk->message,
	       sizeof(int));
	sent = sendmsg(talk->fd, &message, MSG_NOSIGNAL);
	if (own >= 0) {
		int error = errno;

		close(own);
		errno = error;
	}
	return sent;
}

/* Sends once: 1 when it may go on at once, 0 when not now, -1 never. */
static int send_some(struct clamd_talk *talk)
{
	ssize_t sent;

	if (talk->out_at < talk->out_n) {
		sent = send(talk->fd, talk->out + talk->out_at,
			    talk->out_n - talk->out_at, MSG_NOSIGNAL);
		if (sent > 0)
			talk->out_at += (size_t)sent;
	} else if (talk->last_out) {
		talk->all_sent = true;
		return 0;
	} else if (talk->payload == CLAMD_IN_CHUNKS) {
		return fill_chunk(talk) == 0 ? 1 : -1;
	} else {
		sent = send_descriptor(talk);
		talk->last_out = sent > 0;
	}
	if (sent >= 0 || errno == EINTR)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

static void send_what_goes(struct clamd_talk *talk)
{
	int goes = 1;

	for (int i = 0; i < SENDS_MAX && goes > 0; i++)
		goes = send_some(talk);
	if (goes < 0)
		talk->deaf = true;
}

/* The reply ends with a NUL; an old clamd ends some with a newline. */
static void look_for_end(struct clamd_talk *talk, bool closed)
{
	struct slice reply = clamd_talk_reply(talk);
	size_t at = slice_find(reply, 0, '\0');

	if (at < reply.n) {
		talk->reply_n = at;
		talk->reply_whole = true;
	} else if (closed) {
		talk->reply_whole = reply.n > 0 && reply.p[reply.n - 1] == '\n';
	}
	if (closed || talk->reply_whole || reply.n == sizeof(talk->reply))
		end(talk);
}

static void receive(struct clamd_talk *talk)
{
	while (talk->stage == CLAMD_TALKING) {
		ssize_t got = recv(talk->fd, talk->reply + talk->reply_n,
				   sizeof(talk->reply) - talk->reply_n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0)
			talk->error = errno;
		else
			talk->reply_n += (size_t)got;
		look_for_end(talk, got <= 0);
	}
}

static void step(struct clamd_talk *talk)
{
	if (talk->stage == CLAMD_DIALLING)
		dial(talk);
	else if (talk->stage == CLAMD_CONNECTING)
		look_whether_connected(talk);
	if (talk->stage != CLAMD_TALKING)
		return;
	if (!talk->all_sent && !talk->deaf)
		send_what_goes(talk);
	if (talk->unreadable)
		end(talk);
	else
		receive(talk);
}

/* Sleeps until a step may bring it further. */
static void sleep_until(const struct clamd_talk *talk, int64_t ms)
{
	struct pollfd poll_for = {.fd = talk->fd, .events = POLLIN};

	if (talk->stage == CLAMD_DIALLING) {
		/* Unless an address failed just now: the next waits. */
		if (is_crowded(talk->error))
			poll(NULL, 0,
			     ms < DIAL_AGAIN_MS ? (int)ms : DIAL_AGAIN_MS);
		return;
	}
	if (talk->stage == CLAMD_CONNECTING)
		poll_for.events = POLLOUT;
	else if (!talk->all_sent && !talk->deaf)
		poll_for.events = POLLIN | POLLOUT;
	poll(&poll_for, 1, ms < 60000 ? (int)ms : 60000);
}

bool clamd_talk_wait(struct clamd_talk *talk, int64_t until_ms)
{
	for (;;) {
		int64_t left;

		if (talk->stage != CLAMD_ENDED)
			step(talk);
		if (talk->stage == CLAMD_ENDED)
			return true;
		left = until_ms - clock_mono_ms();
		if (left <= 0)
			return false;
		sleep_until(talk, left);
	}
}
