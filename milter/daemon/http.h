/*
 * The HTTP server of the recorder: a table of pages, GET and HEAD only. The
 * one user of libmicrohttpd. Each connection has a thread of its own, their
 * number and their time are bounded, so a page may wait a little.
 */
#ifndef GATEPOST_DAEMON_HTTP_H
#define GATEPOST_DAEMON_HTTP_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct http;

struct http_request {
	struct slice path;
	struct slice accept;	/* the field Accept; empty if there is none */
};

/* Everything in it lives in the arena, or for ever. */
struct http_reply {
	struct arena *arena;
	unsigned status;	/* 200 unless the page says otherwise */
	const char *type;	/* of the content */
	struct slice body;
};

struct http_page {
	const char *path;
	/* Runs on a thread of the server. */
	void (*answer)(void *with, const struct http_request *request,
		       struct http_reply *reply);
};

/*
 * Serves the pages (ended by a NULL path) on sockets that listen already;
 * they are not closed. `with` is handed to the pages.
 */
struct http *http_start(const int *sockets, size_t count,
			const struct http_page *pages, void *with,
			struct err *err);
/* How long a connection may last in all, 30 s at first; for tests. */
void http_set_visit_ms(struct http *http, int64_t ms);
/* Ends connections under way; pages have returned when it does. */
void http_stop(struct http **http);

#endif
