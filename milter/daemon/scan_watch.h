/* Whether the folder of the signatures has changed, by its files' data. */
#ifndef GATEPOST_DAEMON_SCAN_WATCH_H
#define GATEPOST_DAEMON_SCAN_WATCH_H

#include <stdint.h>

/*
 * A number that is another one once any database file comes, goes or
 * changes; 0: there is none, or no folder.
 */
uint64_t scan_watch_state(const char *folder);

#endif
