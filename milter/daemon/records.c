/* SOCK_SEQPACKET keeps records whole and in order, and refuses, not drops. */
#include "milter/daemon/records.h"
#include "common/verdict/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Some seconds of a busy host; the kernel may grant less. */
#define SOCKET_BYTES (8 << 20)

int records_open(struct records_pair *pair_r, struct err *err)
{
	const int bytes = SOCKET_BYTES;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return err_set(err, "cannot open the way of the records: %s",
			       strerror(errno));
	/* The first needs a right that a container may not have. */
	if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
		       sizeof(bytes)) != 0)
		(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes,
				 sizeof(bytes));
	*pair_r = (struct records_pair){.send = fds[0], .receive = fds[1]};
	return 0;
}

void records_send(int fd, struct counter_slot *slot, struct arena *arena,
		  const struct record *record)
{
	struct buf packed = BUF(arena);

	record_pack(&packed, record);
	if (send(fd, packed.p, packed.n, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)packed.n)
		counter_add(slot, COUNTER_RECORDS_SENT, 1);
	else
		counter_add(slot, COUNTER_RECORDS_DROPPED, 1);
}

int records_receive(int fd, char *buffer, struct slice *packed_r)
{
	ssize_t n;

	do
		n = recv(fd, buffer, RECORD_PACKED_MAX, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*packed_r = (struct slice){buffer, (size_t)n};
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}
