/* The scanner's half of milter/net/scan_wire.h. */
#include "tests/support/scan_stand.h"
#include "milter/net/scan_wire.h"
#include "tests/support/cmocka.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void report(const struct scan_stand *stand, int reply)
{
	struct arena *arena = arena_new(0);
	struct buf bytes = BUF(arena);

	buf_add_char(&bytes, SCAN_SAYS_REPORT);
	buf_add(&bytes, scan_report_pack(arena, &stand->report));
	if (bytes.p)
		(void)!send(reply, bytes.p, bytes.n, MSG_NOSIGNAL);
	arena_free(&arena);
}

static void receive(struct scan_stand *stand, int fds_r[2])
{
	struct scan_request request;
	struct iovec bytes = {&request, sizeof(request)};
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};

	if (recvmsg(stand->queue[1], &message, 0) != sizeof(request) ||
	    request.version != SCAN_REQUEST_VERSION || !CMSG_FIRSTHDR(&message))
		return;
	memcpy(fds_r, CMSG_DATA(CMSG_FIRSTHDR(&message)), 2 * sizeof(int));
	stand->size = (size_t)request.size;
	(void)!pread(fds_r[0], stand->message, sizeof(stand->message) - 1, 0);
	close(fds_r[0]);
}

static void *scanner(void *with)
{
	struct scan_stand *stand = with;
	bool begins = stand->deed != DEED_DIE && stand->deed != DEED_HANG;
	int fds[2] = {-1, -1};

	receive(stand, fds);
	if (begins)
		(void)!send(fds[1], "b", 1, MSG_NOSIGNAL);
	if (stand->deed == DEED_REPORT)
		report(stand, fds[1]);
	else if (stand->deed == DEED_GARBAGE)
		(void)!send(fds[1], "r!!!!", 5, MSG_NOSIGNAL);
	if (stand->deed == DEED_HANG || stand->deed == DEED_BEGIN_HANG)
		stand->reply = fds[1];
	else
		close(fds[1]);
	return NULL;
}

void scan_stand_open(struct scan_stand *stand)
{
	*stand = (struct scan_stand){.reply = -1};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, stand->queue),
			 0);
}

void scan_stand_start(struct scan_stand *stand)
{
	assert_int_equal(pthread_create(&stand->thread, NULL, scanner, stand),
			 0);
}

void scan_stand_join(struct scan_stand *stand)
{
	pthread_join(stand->thread, NULL);
}

void scan_stand_close(struct scan_stand *stand)
{
	if (stand->reply >= 0)
		close(stand->reply);
	close(stand->queue[0]);
	close(stand->queue[1]);
}
