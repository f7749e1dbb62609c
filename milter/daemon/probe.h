/*
 * A message of our own: spoken to a worker in the milter protocol, version
 * 6, as Postfix would, to see whether it is judged, and how fast. Workers
 * know it by the name of the daemon it claims to come from, and count and
 * keep it nowhere; whoever may speak to that socket could use the name, and
 * would only hide his own message from the history.
 */
#ifndef GATEPOST_DAEMON_PROBE_H
#define GATEPOST_DAEMON_PROBE_H

#include "common/base/err.h"

#include <stdint.h>

#define PROBE_DAEMON_NAME "gatepost-probe"
/* How long a worker waits for answers about it: who asks wants to know soon. */
#define PROBE_JUDGE_MS 3000

struct probe {
	const char *listen;	/* where workers are: as `listen` writes it */
	const char *domain;	/* whose mail it claims to be: our own name */
	const char *nonce;	/* letters and digits; in HELO and Message-ID */
	int64_t deadline_ms;	/* monotonic */
};

/*
 * Speaks until the verdict has come; *us_r is how long the end of the
 * message took. -1 and err in words when there was none in time.
 */
int probe_run(const struct probe *probe, int64_t *us_r, struct err *err);

#endif
