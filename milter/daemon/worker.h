/*
 * What the master hands to a worker, and what they tell each other: single
 * bytes on a socket of their own. Either end that sees it closed knows that
 * the other is gone.
 */
#ifndef GATEPOST_DAEMON_WORKER_H
#define GATEPOST_DAEMON_WORKER_H

/* Open file descriptors of a worker at its start. */
enum worker_fd {
	WORKER_FD_LISTEN = 3,	/* the listening socket it serves */
	WORKER_FD_CONTROL,	/* SOCK_SEQPACKET to the master */
	WORKER_FD_CONF,		/* the configuration as the master read it */
	WORKER_FD_COUNTERS,
};
#define WORKER_FD_COUNT 4

/* From the worker. */
#define WORKER_SAYS_READY 'r'
/* To the worker: no new sessions; end when all sessions have ended. */
#define WORKER_LINGER 'l'
/* To the worker: no new sessions; end when no message is under way. */
#define WORKER_STOP 's'

/* Exit codes, from sysexits.h. */
#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_SOFTWARE 70
#define EXIT_OSERR 71
#define EXIT_CONFIG 78

#endif
