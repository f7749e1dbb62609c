/*
 * What the processes that gatepostd starts have in common: the file
 * descriptors they find, the bytes they and the master tell each other, and
 * how they begin and end. Either end of the control socket that sees it
 * closed knows that the other is gone.
 */
#ifndef GATEPOST_DAEMON_ROLE_H
#define GATEPOST_DAEMON_ROLE_H

#include "common/conf/conf.h"
#include "milter/daemon/counters.h"

enum role_fd {
	ROLE_FD_FIRST = 3,
	ROLE_FD_CONTROL = ROLE_FD_FIRST, /* SOCK_SEQPACKET to the master */
	ROLE_FD_CONF,		/* the configuration as the master read it */
	ROLE_FD_COUNTERS,
	ROLE_FD_RECORDS,	/* packed records: workers send, the recorder
				 * receives (records.h) */
	ROLE_FD_SCANS,		/* messages to scan: workers send, scanners
				 * receive (milter/net/scan_wire.h) */
	ROLE_FD_LISTEN,		/* listening sockets, from here on */
};
/* Those before the listening sockets. */
#define ROLE_FDS (ROLE_FD_LISTEN - ROLE_FD_FIRST)

/* To the master. */
#define ROLE_SAYS_READY 'r'
/* To a worker: no new sessions; end when all sessions have ended. */
#define ROLE_LINGER 'l'
/* No new work; end when what is under way has ended. */
#define ROLE_STOP 's'

/* Exit codes, from sysexits.h. */
#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_SOFTWARE 70
#define EXIT_OSERR 71
#define EXIT_CONFIG 78

#define ROLE_SETS_MAX 256

struct process {
	const char *program;
	enum role role;
	const char *sets[ROLE_SETS_MAX];	/* --set; NULL-ended */
	unsigned slot_number;
	uint64_t generation;
	bool log_to_stderr;
	bool watch_dns;		/* it tells about DNS; one of a generation */
	unsigned sockets;	/* how many listen */
	struct conf *conf;
	struct counters counters;
	struct counter_slot *slot;
};

/* Reads the options; -1 when they are not the master's. */
int role_options(struct process *process, int argc, char **argv);
/*
 * Reads the configuration, opens the log, maps the counters; from then on
 * signals that are the master's to understand do nothing.
 */
int role_load(struct process *process, struct err *err);
/* Becomes the configured user for good. */
int role_drop(const struct process *process, struct err *err);
/* Tells the master that all is well. */
void role_say_ready(const struct process *process);
/*
 * Waits for a word of the master's until then (monotonic). 0: there was
 * none. ROLE_STOP also when the master is gone.
 */
char role_hear(int64_t until_ms);
/* Ends at once: threads of libraries may still run. */
_Noreturn void role_leave(void);

#endif
