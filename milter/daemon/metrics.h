/*
 * The counters as text for monitoring: the format that Prometheus has long
 * read (text 0.0.4) and OpenMetrics 1.0.0, for who asks for it. Every
 * family is there from the start, with zeros, so that rates are right from
 * the first event.
 */
#ifndef GATEPOST_DAEMON_METRICS_H
#define GATEPOST_DAEMON_METRICS_H

#include "milter/daemon/counters.h"

enum metrics_format { METRICS_TEXT, METRICS_OPEN };

/*
 * What a client gets by its field Accept: OpenMetrics only where it asks
 * for it by name, and wants it more than plain text.
 */
enum metrics_format metrics_choose(struct slice accept);
/* The media type, for Content-Type. */
const char *metrics_type(enum metrics_format format);
void metrics_write(struct buf *out, const struct counters *counters,
		   enum metrics_format format);

#endif
