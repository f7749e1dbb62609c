/*
 * Notices that are to be sent, each a file of its own in one folder, so that
 * they outlive the process. Files are added in steps: those of a step that
 * the caller did not come to write down are dropped at the next start. One
 * process at a time, one thread.
 */
#ifndef GATEPOST_DAEMON_NOTICE_QUEUE_H
#define GATEPOST_DAEMON_NOTICE_QUEUE_H

#include "common/base/arena.h"
#include "common/base/err.h"

#define NOTICE_QUEUE_MAX 1000	/* of each kind */

enum notice_kind { NOTICE_MAIL, NOTICE_POST };
#define NOTICE_KINDS 2

struct notice_queue;

/* Makes the folder if need be; drops files of steps after `step`. */
struct notice_queue *notice_queue_open(const char *folder, uint64_t step,
				       struct err *err);
void notice_queue_close(struct notice_queue **queue);

/* Whether one more may be added. */
bool notice_queue_has_room(const struct notice_queue *queue,
			   enum notice_kind kind);
struct notice_queued {
	uint64_t step;
	enum notice_kind kind;
	struct slice to;	/* its recipient; empty for posts */
	struct slice bytes;
	int64_t made_ms;	/* wall clock */
};
/* On disk for good only after a sync. */
int notice_queue_add(struct notice_queue *queue,
		     const struct notice_queued *queued, struct err *err);
int notice_queue_sync(struct notice_queue *queue, struct err *err);

enum notice_sent {
	NOTICE_SENT,
	NOTICE_LATER,	/* try again, after a pause that grows */
	NOTICE_DROP,	/* it will never be sent */
};
typedef enum notice_sent notice_send(void *with, enum notice_kind kind,
				     struct slice to, struct slice bytes,
				     struct err *err);
/* What a round has done; `why` is the last reason. */
struct notice_round {
	unsigned sent, later, dropped;
	struct err why;
};
/*
 * Tries those whose time has come. When three of a kind in a row could not be
 * sent, all of that kind wait, 15 minutes at most. now_ms is the wall clock; `stop`, asked between two, ends it.
 */
void notice_queue_run(struct notice_queue *queue, int64_t now_ms,
		      notice_send *send, bool (*stop)(void *with), void *with,
		      struct notice_round *round_r);

/* How many, and since when the oldest waits (0: none). */
size_t notice_queue_count(const struct notice_queue *queue,
			  int64_t *oldest_ms_r);

#endif
