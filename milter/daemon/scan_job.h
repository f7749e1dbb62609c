/* A request as a scanner takes it from the queue, and its answer. */
#ifndef GATEPOST_DAEMON_SCAN_JOB_H
#define GATEPOST_DAEMON_SCAN_JOB_H

#include "milter/daemon/counters.h"
#include "milter/net/scan_report.h"

struct scan_job {
	int reply;
	int64_t waited_us;	/* until it was taken */
	struct slice message;	/* mapped; empty where it may not be read */
	const char *refused;	/* why it may not, or NULL */
};

/*
 * Takes one request without waiting, and tells the worker that it is begun.
 * False: there is none, or nobody waits for its answer.
 */
bool scan_job_take(int queue, struct scan_job *job_r);
/* Answers, counts, and lets go of it. */
void scan_job_end(struct scan_job *job, struct counter_slot *slot,
		  struct arena *arena, const struct scan_report *report);

#endif
