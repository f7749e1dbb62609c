/*
 * The way of the records from workers to the recorder: one pair of sockets
 * that the master makes and keeps, so that what was sent outlives a recorder
 * that dies. All workers share one end, recorders the other; a record is
 * one message of the socket, so they never mix. Sending never waits: what
 * finds no room is dropped and counted.
 */
#ifndef GATEPOST_DAEMON_RECORDS_H
#define GATEPOST_DAEMON_RECORDS_H

#include "common/base/err.h"
#include "common/verdict/record.h"
#include "milter/daemon/counters.h"

struct records_pair {
	int send, receive;
};

/* Both ends, close-on-exec. */
int records_open(struct records_pair *pair_r, struct err *err);

/* Packs it in `arena` and sends it, or counts it as dropped. */
void records_send(int fd, struct counter_slot *slot, struct arena *arena,
		  const struct record *record);

/*
 * Takes one packed record into `buffer`, which has RECORD_PACKED_MAX bytes,
 * without waiting. 1: it is in *packed_r; 0: there is none now; -1: nobody
 * can send any more.
 */
int records_receive(int fd, char *buffer, struct slice *packed_r);

#endif
