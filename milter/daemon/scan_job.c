/* A message that could change while it is read is refused. */
#include "milter/daemon/scan_job.h"
#include "common/base/clock.h"
#include "milter/net/scan_wire.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define FDS 2

/* A cmsghdr must be aligned. */
union fd_space {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS * sizeof(int))];
};

/* Whatever came is closed, unless it is just what should have come. */
static bool take_fds(struct msghdr *message, int fds_r[FDS])
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
	     c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && count < FDS; i++, count++)
			memcpy(&fds_r[count],
			       CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	if (count == FDS)
		return true;
	for (size_t i = 0; i < count; i++)
		close(fds_r[i]);
	return false;
}

static bool receive(int queue, struct scan_request *request_r, int fds_r[FDS])
{
	union fd_space space;
	struct iovec bytes = {request_r, sizeof(*request_r)};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &space,
		.msg_controllen = sizeof(space),
	};
	ssize_t n = recvmsg(queue, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 || !take_fds(&message, fds_r))
		return false;
	if (n == sizeof(*request_r) && !(message.msg_flags & MSG_TRUNC) &&
	    request_r->version == SCAN_REQUEST_VERSION)
		return true;
	close(fds_r[0]);
	close(fds_r[1]);
	return false;
}

static void map(struct scan_job *job, int fd, uint64_t size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat info;
	void *bytes;

	if (seals < 0 || (seals & SEALS) != SEALS) {
		job->refused = "the message is not sealed";
		return;
	}
	if (fstat(fd, &info) != 0 || (uint64_t)info.st_size != size) {
		job->refused = "the message has another size than it says";
		return;
	}
	if (size == 0)
		return;
	bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		job->refused = "the message cannot be mapped";
	else
		job->message = (struct slice){bytes, (size_t)size};
}

bool scan_job_take(int queue, struct scan_job *job_r)
{
	static const char begun = SCAN_SAYS_BEGUN;
	struct scan_request request = {0};
	int fds[FDS];

	if (!receive(queue, &request, fds))
		return false;
	*job_r = (struct scan_job){
		.reply = fds[1],
		.waited_us = clock_mono_us() - request.asked_us,
	};
	if (send(fds[1], &begun, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	map(job_r, fds[0], request.size);
	close(fds[0]);
	return true;
}

void scan_job_end(struct scan_job *job, struct counter_slot *slot,
		  struct arena *arena, const struct scan_report *report)
{
	struct buf out = BUF(arena);
	int bytes = SCAN_REPORT_MAX + 4096;

	counter_add_at(slot, COUNTER_SCANS, report->result, 1);
	if (report->result == SCAN_UNSCANNED)
		counter_add_at(slot, COUNTER_SCAN_TROUBLES, report->trouble, 1);
	histogram_add(slot, HISTOGRAM_SCAN, 0, report->us);
	histogram_add(slot, HISTOGRAM_SCAN_QUEUE, 0, job->waited_us);
	buf_add_char(&out, SCAN_SAYS_REPORT);
	buf_add(&out, scan_report_pack(arena, report));
	(void)setsockopt(job->reply, SOL_SOCKET, SO_SNDBUF, &bytes,
			 sizeof(bytes));
	(void)!send(job->reply, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(job->reply);
	if (job->message.n > 0)
		munmap((void *)(uintptr_t)job->message.p, job->message.n);
}
