/* A child of a scanner: takes one message at a time, until it is told. */
#ifndef GATEPOST_DAEMON_SCAN_CHILD_H
#define GATEPOST_DAEMON_SCAN_CHILD_H

#include "milter/checks/antivirus_conf.h"
#include "milter/daemon/role.h"
#include "milter/daemon/scan_board.h"

struct scan_child {
	const struct process *process;
	const struct clamav_about *about;
	struct clamav *clamav;	/* NULL: only parts are told */
	struct scan_line *line;
	const char *tmp;	/* its folder, which is there */
	int until;		/* when its other end is closed, it ends */
};

_Noreturn void scan_child_run(const struct scan_child *child);

#endif
