/*
 * Times as an administrator writes them, for --since and --until:
 *
 *   2h, 90m, 1d12h, 2w			before now; units s m h d w
 *   now, today, yesterday
 *   14:05, 14:05:30			today
 *   2026-11-27				that day
 *   2026-11-27T14:05[:30[.5]]		local time; with Z or +01:00 that zone's
 *   @1795795200			seconds since the epoch
 *
 * A day means its beginning to --since and its end to --until. Local is what
 * the variable TZ says.
 */
#ifndef GATEPOST_CLI_SINCE_H
#define GATEPOST_CLI_SINCE_H

#include "common/base/arena.h"
#include "common/base/err.h"

/* Milliseconds since the epoch. -1: it is no time; err says what is one. */
int since_parse(struct slice text, int64_t now_ms, bool until, int64_t *ms_r,
		struct err *err);

/* The local day that holds a time begins then; `days` later or earlier. */
int64_t since_day(int64_t ms, int days);
/* "2026-11-27 14:05:30", local. */
struct slice since_text(struct arena *arena, int64_t ms);
/* The same with the zone: "2026-11-27 14:05:30 +0100". */
struct slice since_text_zone(struct arena *arena, int64_t ms);
/* "45 s", "5 min 12 s", "3 h 20 min", "2 days 4 h": how long that is. */
struct slice since_span(struct arena *arena, int64_t ms);

#endif
