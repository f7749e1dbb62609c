/*
 * A request stays in the queue when the worker gives up; the scanner that
 * takes it finds the reply socket closed and drops it.
 */
#include "milter/net/scan.h"
#include "common/base/clock.h"
#include "milter/net/scan_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One request to the scanners' queue. */
struct request {
	int queue;
	int reply;		/* our end; -1: it has ended */
	int theirs;		/* their end, until it is sent; else -1 */
	bool begun;
	int64_t asked_us;	/* since when it waits to be taken */
	int64_t until_ms;	/* to be taken, then to be done */
	int64_t time_ms;
	const struct scan_report *report;
};

struct scan {
	struct arena *arena;
	int fd;
	uint64_t size;
	struct request request;
	struct clamd_scan *clamd;
	int64_t clamd_until_ms;
	const struct scan_report *clamd_report;
};

static const struct scan_report *unscanned(struct arena *arena,
					   enum scan_trouble trouble,
					   const char *reason)
{
	struct scan_report *report = ARENA_NEW(arena, struct scan_report);

	report->result = SCAN_UNSCANNED;
	report->trouble = trouble;
	report->reason = slice_cstr(reason);
	return report;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Puts it into the queue if there is room; false: not yet. */
static bool send_request(struct scan *scan)
{
	struct request *r = &scan->request;
	const struct scan_request words = {SCAN_REQUEST_VERSION, 0, scan->size,
					   r->asked_us};
	struct iovec bytes = {(void *)(uintptr_t)&words, sizeof(words)};
	int fds[2] = {scan->fd, r->theirs};
	union {
		char room[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.room,
				 .msg_controllen = sizeof(control.room)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(rights), fds, sizeof(fds));
	if (sendmsg(r->queue, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	close_end(&r->theirs);
	return true;
}

static void begin_request(struct scan *scan, const struct scan_options *options)
{
	struct request *r = &scan->request;
	int pair[2];

	r->queue = options->queue;
	r->time_ms = options->time_ms;
	r->asked_us = clock_mono_us();
	r->until_ms = r->asked_us / 1000 + options->queue_ms;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, pair) < 0) {
		r->report = unscanned(scan->arena, SCAN_ERROR,
				      "too many open files to ask a scanner");
		return;
	}
	r->reply = pair[0];
	r->theirs = pair[1];
	(void)send_request(scan);
}

struct scan *scan_begin(const struct scan_options *options,
			struct arena *arena, int fd, uint64_t size)
{
	struct scan *scan;

	if (options->queue < 0 && !options->clamd)
		return NULL;
	scan = ARENA_NEW(arena, struct scan);
	scan->arena = arena;
	scan->fd = fd;
	scan->size = size;
	scan->request.queue = -1;
	scan->request.reply = scan->request.theirs = -1;
	scan->clamd_until_ms =
		clock_mono_ms() + options->queue_ms + options->time_ms;
	if (options->queue >= 0)
		begin_request(scan, options);
	if (options->clamd)
		scan->clamd = clamd_begin(options->clamd, arena, fd, size);
	return scan;
}

static const struct scan_report *read_report(struct scan *scan, ssize_t size)
{
	struct scan_report *report = ARENA_NEW(scan->arena, struct scan_report);
	char *bytes = arena_array(scan->arena, (size_t)size, 1);
	ssize_t n = recv(scan->request.reply, bytes, (size_t)size,
			 MSG_DONTWAIT);

	if (n == size && bytes[0] == SCAN_SAYS_REPORT &&
	    scan_report_unpack(scan->arena,
			       (struct slice){bytes + 1, (size_t)n - 1},
			       report))
		return report;
	return unscanned(scan->arena, SCAN_ERROR,
			 "the scanner's report cannot be read");
}

/* Something has come on the reply socket. */
static void hear(struct scan *scan)
{
	struct request *r = &scan->request;
	char word;
	/* The length of what has come, none of which is taken. */
	ssize_t size = recv(r->reply, &word, 1,
			    MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0 && r->begun) {
		r->report = unscanned(scan->arena, SCAN_CRASHED,
				      "the scanner ended over this message");
	} else if (size <= 0) {
		r->report = unscanned(scan->arena, SCAN_DOWN,
				      "the scanner ended before it began");
	} else if (size == 1 && word == SCAN_SAYS_BEGUN) {
		(void)recv(r->reply, &word, 1, MSG_DONTWAIT);
		r->begun = true;
		r->until_ms = clock_mono_ms() + r->time_ms;
	} else if (size > SCAN_REPORT_MAX + 1) {
		r->report = unscanned(scan->arena, SCAN_ERROR,
				      "the scanner's report is too large");
	} else {
		r->report = read_report(scan, size);
	}
}

static void give_up(struct scan *scan)
{
	struct request *r = &scan->request;

	if (r->begun)
		r->report = unscanned(scan->arena, SCAN_TIMEOUT,
				      "the scan took longer than scanner.time");
	else
		r->report = unscanned(scan->arena, SCAN_BUSY,
				      "no scanner was free before "
				      "scanner.queue had passed");
}

/* While the queue is full it is looked at again this often. */
#define FULL_MS 20

static void wait_request(struct scan *scan, int64_t until_ms)
{
	struct request *r = &scan->request;

	while (!r->report) {
		struct pollfd fd = {.fd = r->reply, .events = POLLIN};
		int64_t now_ms = clock_mono_ms(), last_ms = r->until_ms, ms;

		if (until_ms < last_ms)
			last_ms = until_ms;
		ms = last_ms > now_ms ? last_ms - now_ms : 0;
		if (r->theirs >= 0 && !send_request(scan) && ms > FULL_MS)
			ms = FULL_MS;
		if (poll(&fd, 1, (int)ms) > 0)
			hear(scan);
		else if (clock_mono_ms() >= last_ms)
			give_up(scan);
	}
	close_end(&r->reply);
	close_end(&r->theirs);
}

/* Viruses by the one, parts by the other. */
static const struct scan_report *join(struct arena *arena,
				      const struct scan_report *viruses,
				      const struct scan_report *parts)
{
	struct scan_report *both = ARENA_NEW(arena, struct scan_report);

	*both = *viruses;
	both->parts = parts->parts;
	both->part_count = parts->part_count;
	both->parts_complete = parts->parts_complete;
	both->parts_known = parts->parts_known;
	if (viruses->result == SCAN_CLEAN && parts->result == SCAN_UNSCANNED) {
		both->result = SCAN_UNSCANNED;
		both->trouble = parts->trouble;
		both->reason = parts->reason;
	}
	return both;
}

const struct scan_report *scan_wait(struct scan *scan, int64_t until_ms)
{
	struct scan_report *report;

	if (scan->clamd && !scan->clamd_report) {
		report = ARENA_NEW(scan->arena, struct scan_report);
		(void)clamd_wait(scan->clamd,
				 until_ms < scan->clamd_until_ms
					 ? until_ms
					 : scan->clamd_until_ms,
				 true, report);
		scan->clamd_report = report;
	}
	if (scan->request.queue >= 0)
		wait_request(scan, until_ms);
	if (!scan->clamd)
		return scan->request.report;
	if (!scan->request.report)
		return scan->clamd_report;
	return join(scan->arena, scan->clamd_report, scan->request.report);
}

void scan_end(struct scan **scan)
{
	if (!*scan)
		return;
	if ((*scan)->clamd)
		clamd_end(&(*scan)->clamd);
	close_end(&(*scan)->request.reply);
	close_end(&(*scan)->request.theirs);
	*scan = NULL;
}
