/*
 * The gate: decides from where libmilter accepts sessions. libmilter knows
 * one file descriptor and can only be told to stop for good, which leaves
 * sessions that are ready unserved. So it is given the number of a private
 * socket at first; opening the gate puts the shared listening socket behind
 * that number, closing it puts a private one there again. The shared socket
 * itself is never shut down: other processes go on accepting from it.
 */
#ifndef GATEPOST_DAEMON_GATE_H
#define GATEPOST_DAEMON_GATE_H

#include "common/base/err.h"

#include <pthread.h>

struct gate {
	int fd;			/* the number libmilter knows */
	pthread_t listener;	/* the thread that polls it */
};

/*
 * A private listening socket; nobody else knows its name. Takes over
 * SIGUSR2. `listener` is to be set once that thread runs.
 */
int gate_new(struct gate *gate_r, struct err *err);
/*
 * A connection to the private socket, on which libmilter has answered a
 * negotiation: proof that it runs. Waits up to timeout_ms. Returns the file
 * descriptor, or -1 and err.
 */
int gate_connect(const struct gate *gate, int timeout_ms, struct err *err);
/* From here on sessions come from shared_fd, which is closed. */
int gate_open(struct gate *gate, int shared_fd, struct err *err);
/* From here on no session is accepted. */
int gate_close(struct gate *gate, struct err *err);

#endif
