/* What `gatepost status` shows, as one JSON object on one line. */
#ifndef GATEPOST_DAEMON_STATUS_H
#define GATEPOST_DAEMON_STATUS_H

#include "milter/daemon/counters.h"

/* In the arena. */
struct slice status_json(struct arena *arena, const struct counters *counters);

#endif
