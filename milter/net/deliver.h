/*
 * Mail and calls that go out: a message released or a notice, by SMTP, and
 * a webhook, by HTTP. The one user of libcurl. Each call waits until it is
 * done or its time is over; nothing of the mail path calls it.
 */
#ifndef GATEPOST_NET_DELIVER_H
#define GATEPOST_NET_DELIVER_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum deliver_result {
	DELIVER_DONE,		/* the server has taken it (2xx) */
	DELIVER_LATER,		/* no connection, 4xx, or out of time */
	DELIVER_REFUSED,	/* 5xx: it will be no better next time */
};

struct deliver_mail {
	const char *server;	/* "inet:HOST:PORT", "inet6:ADDR:PORT", as
				 * release.smtp and notices.smtp say */
	const char *helo;	/* our name; NULL: the host's */
	struct slice sender;	/* envelope, without <>; empty for <> */
	const struct slice *rcpts;
	size_t rcpt_count;
	/* The message, byte for byte as it is to arrive: from `text`, or, if
	 * fd is not -1, `size` bytes at `offset` of that file. */
	struct slice text;
	int fd;
	int64_t offset;
	uint64_t size;
	int64_t timeout_ms;	/* for all of it */
};

/* Once per process, before threads; -1: err says why not. */
int deliver_init(struct err *err);

/*
 * All recipients or none: one that is refused ends it before any bytes are
 * sent. err (unless DONE): what happened and the server's reply, one line.
 */
enum deliver_result deliver_mail(const struct deliver_mail *mail,
				 struct err *err);

struct deliver_post {
	const char *url;
	const char *content_type;
	/* Further fields, "Name: value"; NULL-ended; may be NULL. */
	const char *const *headers;
	struct slice body;
	int64_t timeout_ms;
};
/* POSTs it: 2xx is DONE, 4xx but 408 and 429 REFUSED, all else LATER. */
enum deliver_result deliver_post(const struct deliver_post *post,
				 struct err *err);

#endif
