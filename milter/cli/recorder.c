/* A request written by hand, and the answer read within a deadline. */
#include "milter/cli/recorder.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "milter/daemon/settings.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIELDS_MAX 100
#define ANSWER_MS 2000

static int wait_for(int fd, short what, int64_t deadline_ms, struct err *err)
{
	struct pollfd poll_fd = {.fd = fd, .events = what};
	int rc;

	do {
		int64_t left = deadline_ms - clock_mono_ms();

		rc = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (rc < 0 && errno == EINTR);
	if (rc > 0)
		return 0;
	return rc < 0 ? err_set(err, "%s", strerror(errno))
		      : err_set(err, "it did not answer in time");
}

static int connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(address.sun_path))
		return err_set(err, "the path is too long for a socket");
	memcpy(address.sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, "%s", strerror(errno));
	/* A unix socket connects at once, or its queue is full (EAGAIN). */
	if (connect(fd, (const void *)&address, sizeof(address)) == 0)
		return fd;
	err_set(err, "%s",
		errno == ENOENT || errno == ECONNREFUSED
			? "gatepostd does not run here, or has no recorder"
			: strerror(errno));
	close(fd);
	return -1;
}

static int send_all(int fd, struct slice text, int64_t deadline_ms,
		    struct err *err)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n >= 0)
			text = slice_sub(text, (size_t)n, text.n);
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(err, "%s", strerror(errno));
		else if (wait_for(fd, POLLOUT, deadline_ms, err) < 0)
			return -1;
	}
	return 0;
}

static int receive_all(int fd, struct buf *reply, int64_t deadline_ms,
		       struct err *err)
{
	char piece[8192];

	for (;;) {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);

		if (n == 0)
			return 0;
		if (n > 0)
			buf_add(reply, (struct slice){piece, (size_t)n});
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(err, "%s", strerror(errno));
		if (reply->n > RECORDER_REPLY_MAX)
			return err_set(err, "its answer is too long");
		/* Before each piece: a slow writer must not hold us up. */
		if (wait_for(fd, POLLIN, deadline_ms, err) < 0)
			return -1;
	}
}

/* "HTTP/1.1 200 OK" */
static bool read_status(struct slice line, unsigned *status_r)
{
	struct slice code = slice_sub(line, 9, 12);
	uint64_t status;

	if (!slice_starts_nocase(line, SLICE("HTTP/1.")) || line.n < 12 ||
	    line.p[8] != ' ' || !slice_to_u64(code, &status))
		return false;
	*status_r = (unsigned)status;
	return status >= 100;
}

/* Up to the line end, which is taken off; false at the end of the text. */
static bool next_line(struct slice *rest, struct slice *line_r)
{
	size_t at = slice_find(*rest, 0, '\n');

	if (at == rest->n)
		return false;
	*line_r = slice_sub(*rest, 0, at);
	if (line_r->n > 0 && line_r->p[line_r->n - 1] == '\r')
		line_r->n--;
	*rest = slice_sub(*rest, at + 1, rest->n);
	return true;
}

int recorder_read_reply(struct slice reply, unsigned *status_r,
			struct slice *body_r, struct err *err)
{
	struct slice rest = reply, line = SLICE_NONE,
		     length = SLICE("Content-Length:");
	uint64_t size = UINT64_MAX;

	if (!next_line(&rest, &line) || !read_status(line, status_r))
		return err_set(err, "its answer is no HTTP");
	for (int i = 0; i < FIELDS_MAX; i++) {
		if (!next_line(&rest, &line))
			return err_set(err, "its answer was cut off");
		if (line.n == 0)
			break;
		if (slice_starts_nocase(line, length) &&
		    !slice_to_u64(slice_trim(slice_sub(line, length.n, line.n)),
				  &size))
			return err_set(err, "its answer is no HTTP");
	}
	if (line.n > 0)
		return err_set(err, "its answer is no HTTP");
	if (size != UINT64_MAX && rest.n < size)
		return err_set(err, "its answer was cut off");
	*body_r = size != UINT64_MAX ? slice_sub(rest, 0, (size_t)size) : rest;
	return 0;
}

static int ask(int fd, const char *page, int64_t deadline_ms, struct buf *reply,
	       struct err *err)
{
	struct slice request = arena_printf(reply->arena,
					    "GET %s HTTP/1.0\r\n"
					    "Host: localhost\r\n"
					    "Accept: application/json\r\n\r\n",
					    page);

	if (send_all(fd, request, deadline_ms, err) < 0)
		return -1;
	return receive_all(fd, reply, deadline_ms, err);
}

int recorder_get(struct arena *arena, const struct recorder_page *page,
		 struct slice *body_r, struct err *err)
{
	struct buf reply = BUF(arena);
	unsigned status = 0;
	int fd = connect_to(page->socket, err), rc;

	if (fd < 0)
		return -1;
	rc = ask(fd, page->page, page->deadline_ms, &reply, err);
	close(fd);
	if (rc < 0 ||
	    recorder_read_reply(buf_slice(&reply), &status, body_r, err) < 0)
		return -1;
	if (status != 200)
		return err_set(err, "it answered with status %u", status);
	return 0;
}

const struct json_value *recorder_status(struct arena *arena,
					 const struct conf *conf,
					 struct slice *text_r, struct err *err)
{
	const struct daemon_conf *daemon = conf_group(conf, &daemon_settings);
	const struct json_value *status = NULL;
	char path[PATH_MAX];
	const struct recorder_page page = {path, "/status",
					   clock_mono_ms() + ANSWER_MS};
	struct err why = {""};

	snprintf(path, sizeof(path), "%.*s/recorder.sock",
		 SLICE_FMT(daemon->run_dir.s));
	if (recorder_get(arena, &page, text_r, &why) == 0)
		status = json_read(arena, *text_r, &why);
	if (!status)
		err_set(err, "%.200s does not answer: %.250s", path, why.text);
	return status;
}
