/*
 * What a child of a scanner may still do while it reads what strangers
 * sent: use memory, within a bound; files in its temporary folder; and the
 * sockets it has. No socket, no program, no other process.
 */
#ifndef GATEPOST_DAEMON_JAIL_SCANNER_H
#define GATEPOST_DAEMON_JAIL_SCANNER_H

#include "common/base/err.h"

#include <stdint.h>

struct jail_scanner {
	const char *tmp;	/* the one folder it may touch */
	uint64_t memory;	/* beside what is mapped now */
	uint64_t file_bytes;	/* of one file it writes */
};

int jail_scanner_enter(const struct jail_scanner *bounds, struct err *err);
/*
 * From now on the process may use so much more CPU time, rounded up to a
 * whole second; then the kernel ends it, should nobody else have done so.
 * It can be called again and again, in the jail.
 */
void jail_scanner_bound_cpu(int64_t ms);

#endif
