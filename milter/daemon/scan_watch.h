/*
 * The folder of the signatures: whether it has changed, by its files' data,
 * and whether it rests, so that nothing is loaded that is half written.
 */
#ifndef GATEPOST_DAEMON_SCAN_WATCH_H
#define GATEPOST_DAEMON_SCAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct scan_watch {
	const char *folder;	/* NULL: there is none, and nothing changes */
	int64_t every_ms;	/* how often it is looked at while it rests */
	int64_t restless_ms;	/* how long it may change without a rest */
	/* Filled by what follows. */
	uint64_t seen;		/* its state; 0: there are no signatures */
	bool restless;		/* it has not rested for restless_ms */
	int64_t look_ms;	/* when it is looked at next */
	int64_t seen_ms;	/* since when it is as it was seen */
	int64_t changing_ms;	/* since when it has not rested; 0: it does */
};

/*
 * A number that is another one once any database file comes, goes or
 * changes; 0: there is none, or no folder.
 */
uint64_t scan_watch_state(const char *folder);
/*
 * Looks if it is time to. Whether the folder has another state than
 * `loaded` and rests, or has gone without rest for too long, or nothing was
 * loaded yet (0), which does not wait.
 */
bool scan_watch_has_news(struct scan_watch *watch, uint64_t loaded,
			 int64_t now_ms);

#endif
