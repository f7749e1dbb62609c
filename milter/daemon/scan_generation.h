/*
 * One database, compiled in a process of its own, and the children that
 * share it. Crashing over a bad database ends that process alone.
 */
#ifndef GATEPOST_DAEMON_SCAN_GENERATION_H
#define GATEPOST_DAEMON_SCAN_GENERATION_H

#include "milter/daemon/role.h"
#include "milter/daemon/scan_board.h"

struct scan_generation {
	pid_t pid;		/* 0: there is none */
	int control;		/* closed or ROLE_STOP: it is to end */
	struct scan_board *board;
	bool ready, ending;
};

/* What it loads. */
enum scan_load {
	SCAN_LOAD_NOTHING,	/* messages are only taken apart */
	SCAN_LOAD_ANYTHING,
	/* It ends if the files change while it loads them: it may have parts
	 * of both. */
	SCAN_LOAD_UNCHANGED,
};
/* -1: it could not be started. */
int scan_generation_start(struct scan_generation *gen,
			  const struct process *process, enum scan_load load,
			  struct err *err);
/* Its children finish what they have, and it ends. */
void scan_generation_end(struct scan_generation *gen);
/* It has ended; forgets it. */
void scan_generation_bury(struct scan_generation *gen);

#endif
