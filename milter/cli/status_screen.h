/* The state of Gatepost on one screen. Pure. */
#ifndef GATEPOST_CLI_STATUS_SCREEN_H
#define GATEPOST_CLI_STATUS_SCREEN_H

#include "common/verdict/json.h"
#include "milter/cli/sums.h"

#include <stdio.h>

/* What there is to show; each part may be missing. */
struct status_view {
	int64_t now_ms;			/* wall clock */
	const struct json_value *live;	/* /status of the recorder; or NULL */
	const char *why_not_live;	/* in words, when it is NULL */
	bool has_history;
	const char *why_no_history;
	struct history_size size;
	struct sums minute, hour, day;
};

void status_screen(FILE *out, const struct status_view *view);

#endif
