/*
 * A client of clamd: one message, one connection. Over a unix socket the
 * message goes as a file descriptor (FILDES), over TCP in chunks (INSTREAM).
 */
#ifndef GATEPOST_NET_CLAMD_H
#define GATEPOST_NET_CLAMD_H

#include "common/base/err.h"
#include "milter/net/scan_report.h"

struct clamd;		/* where it is; any thread may use it */
struct clamd_scan;	/* one message */

/*
 * `where`: "unix:PATH" or "tcp:HOST:PORT" ("tcp:[::1]:3310"). A host name
 * is resolved here, and by clamd_tick() again after a connection failed.
 * NULL: err says what is wrong with it.
 */
struct clamd *clamd_new(struct slice where, struct err *err);
void clamd_free(struct clamd **clamd);
/* About once a second, by one thread, which may wait a little. */
void clamd_tick(struct clamd *clamd, int64_t now_ms);

/*
 * Connects and sends what it can; never waits. `fd`: the message, from its
 * begin, which must outlive the scan. Lives in the arena until clamd_end().
 */
struct clamd_scan *clamd_begin(struct clamd *clamd, struct arena *arena,
			       int fd, uint64_t size);
/*
 * Goes on until the reply is there or `until_ms` (monotonic) has come, and
 * fills the report; a reply it does not know is SCAN_ERROR with the reply
 * in words. May be called with a time that has passed, to look only: false
 * then means that it is not done. At `last` it always fills the report.
 */
bool clamd_wait(struct clamd_scan *scan, int64_t until_ms, bool last,
		struct scan_report *report_r);
void clamd_end(struct clamd_scan **scan);

/* What a reply says, without its last NUL; for clamd.c and its fuzzer. */
void clamd_read_reply(struct arena *arena, struct slice reply,
		      struct scan_report *report_r);

#endif
