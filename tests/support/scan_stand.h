/*
 * A thread that stands in for a scanner, at the other end of the real
 * sockets: it takes one request and does as it is told.
 */
#ifndef GATEPOST_TESTS_SCAN_STAND_H
#define GATEPOST_TESTS_SCAN_STAND_H

#include "common/base/arena.h"
#include "milter/net/scan_report.h"

#include <pthread.h>

enum deed {
	DEED_REPORT,	/* begins and reports */
	DEED_BEGIN_DIE,	/* begins and closes */
	DEED_DIE,	/* closes at once */
	DEED_BEGIN_HANG,
	DEED_HANG,	/* takes it and says nothing */
	DEED_GARBAGE,	/* begins and reports nonsense */
};

struct scan_stand {
	int queue[2];			/* ours, the scanner's */
	enum deed deed;
	struct scan_report report;	/* DEED_REPORT: what it says */
	pthread_t thread;
	int reply;			/* left open by the scanner */
	char message[4096];		/* the begin of what it was given */
	size_t size;			/* as the request says */
};

void scan_stand_open(struct scan_stand *stand);
/* Waits for one request on a thread; scan_stand_join() ends it. */
void scan_stand_start(struct scan_stand *stand);
void scan_stand_join(struct scan_stand *stand);
void scan_stand_close(struct scan_stand *stand);

#endif
