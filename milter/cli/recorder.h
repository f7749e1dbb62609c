/*
 * What the running daemon says of itself: pages of the recorder, over its
 * unix socket below run_dir, by HTTP/1.0 (RFC 1945), which needs no more
 * than one request and an answer up to the end of the connection.
 */
#ifndef GATEPOST_CLI_RECORDER_H
#define GATEPOST_CLI_RECORDER_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/conf.h"
#include "common/verdict/json.h"

/* Longer answers are refused. */
#define RECORDER_REPLY_MAX (4 * 1024 * 1024)

/* What is asked for, and until when (monotonic) at most. */
struct recorder_page {
	const char *socket; /* its path */
	const char *page;   /* "/status" */
	int64_t deadline_ms;
};
/* Its body, in the arena. -1: no answer, or no success; err says why. */
int recorder_get(struct arena *arena, const struct recorder_page *page,
		 struct slice *body_r, struct err *err);
/* Splits an answer that came whole; *body_r is a part of it. */
int recorder_read_reply(struct slice reply, unsigned *status_r,
			struct slice *body_r, struct err *err);

/*
 * What the daemon of that configuration says of itself: /status, read; its
 * text in *text_r. NULL: err says why not, and where it was asked.
 */
const struct json_value *recorder_status(struct arena *arena,
					 const struct conf *conf,
					 struct slice *text_r, struct err *err);

#endif
