/*
 * The pages that need nothing but the counters, for http_start(). `with`
 * points to a struct pages.
 */
#ifndef GATEPOST_DAEMON_PAGES_H
#define GATEPOST_DAEMON_PAGES_H

#include "milter/daemon/counters.h"
#include "milter/daemon/http.h"

struct pages {
	const struct counters *counters;
};

/* /metrics, in the format that the client asks for. */
void page_metrics(void *with, const struct http_request *request,
		  struct http_reply *reply);
/* /status, for `gatepost status`. */
void page_status(void *with, const struct http_request *request,
		 struct http_reply *reply);

#endif
