/*
 * A process of gatepostd: started with exec, with the file descriptors it
 * is given at fixed numbers and nothing else of the master's; watched by a
 * control socket; started again, later each time, when it dies.
 */
#ifndef GATEPOST_DAEMON_CHILD_H
#define GATEPOST_DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;		/* 0: there is none */
	int control;		/* -1: there is none */
	bool ready;		/* it has said so */
	int64_t started_ms;
	int64_t start_at_ms;	/* when there is none: when to start one */
	int64_t pause_ms;	/* the next pause before a start */
};

/* How it is started; all of it is borrowed. */
struct child_plan {
	const char *program;
	const char *const *args;	/* NULL-ended, the name first */
	const int *fds;		/* those at ROLE_FD_FIRST and on */
	size_t fd_count;
	size_t control_at;	/* which of `fds` the control socket takes */
};
#define CHILD_FDS_MAX 48

/* Nobody yet, to be started at once. */
void child_init(struct child *child);
/* -1 and errno: it could not be started. */
int child_start(struct child *child, const struct child_plan *plan);
/* Sets when to start another one, and the pause after that. */
void child_postpone(struct child *child);
/* It has ended: nobody sits here any more. */
void child_bury(struct child *child);
/* Forgets the pauses if it lived long enough not to be in a loop. */
void child_forgive(struct child *child);
/*
 * Reads a byte from its control socket. False when the socket was closed:
 * the process is ending, and will be buried.
 */
bool child_hear(struct child *child);
/* Sends a byte to it; harmless when there is none. */
void child_tell(const struct child *child, char word);
void child_kill(const struct child *child);

#define CHILD_TEXT 64
/* "was ended by signal 9", "ended with code 78". */
void child_describe(int status, char text_r[CHILD_TEXT]);

#endif
