/*
 * A generation: one configuration and the workers that run with it. It is
 * born when the configuration is read, serves once all its workers are
 * ready, and is then only wound down, never changed. A worker that dies
 * while its generation serves is started again, later each time.
 */
#ifndef GATEPOST_DAEMON_GENERATION_H
#define GATEPOST_DAEMON_GENERATION_H

#include "common/conf/conf.h"
#include "milter/daemon/child.h"
#include "milter/daemon/counters.h"
#include "milter/daemon/listener.h"
#include "milter/daemon/records.h"

enum phase {
	PHASE_STARTING,
	PHASE_SERVING,
	PHASE_LINGERING,	/* no new sessions; the open ones go on */
	PHASE_STOPPING,		/* no new sessions; open messages end */
	PHASE_FAILED,		/* a worker ended before it was ready */
};

/* What all processes have in common. */
struct barracks {
	const char *worker, *recorder, *scanner; /* paths of the programs */
	const char *const *sets;	/* --set of the command line */
	bool log_to_stderr;
	struct counters counters;
	bool slot_taken[COUNTERS_SLOTS];
	struct records_pair records, scans;
};

/* The place of one worker; who sits there changes when it dies. */
struct seat {
	const struct listener *listener;
	struct child child;
	unsigned slot;
};

struct generation {
	struct generation *next;
	uint64_t number;
	struct conf *conf;
	int conf_fd;		/* the file's bytes, for workers */
	enum phase phase;
	int64_t phase_ms;	/* when the phase began */
	int exit_code;		/* of the worker that failed at start */
	struct seat *seats;
	size_t count;
};

/* What a process is started with, in memory of the caller's. */
struct barracks_args {
	char slot[32], generation[32], sockets[32];
	const char *args[540];	/* NULL-ended */
};
/* The options that every role is started with. */
void barracks_args(const struct barracks *barracks, const char *name,
		   unsigned slot, uint64_t generation,
		   struct barracks_args *args_r);
void barracks_add_arg(struct barracks_args *args, const char *arg);
bool barracks_take_slot(struct barracks *barracks, unsigned *slot_r);

/*
 * Takes over conf and conf_fd. `listeners` are borrowed; each gets
 * worker.processes seats. The first worker is started at once, the others
 * when it is ready, so that a fault shows once.
 */
struct generation *generation_new(struct barracks *barracks,
				  struct conf *conf, int conf_fd,
				  struct listener *const *listeners,
				  size_t listener_count, struct err *err);
/* Its processes must be gone. */
void generation_free(struct barracks *barracks, struct generation **gen);

/* A byte or the end of a control socket. Returns whether it was ours. */
bool generation_hear(struct barracks *barracks, struct generation *gen,
		     int control);
/* A process ended. Returns whether it was ours. */
bool generation_bury(struct barracks *barracks, struct generation *gen,
		     pid_t pid, int status);
/* Starts who is due, ends who is late; returns when to be called again. */
int64_t generation_look(struct barracks *barracks, struct generation *gen);
/* Whether one of its workers serves that socket. */
bool generation_uses(const struct generation *gen,
		     const struct listener *listener);
/* Whether all workers are ready (STARTING) or none is left (other phases). */
bool generation_is_complete(const struct generation *gen);
bool generation_is_empty(const struct generation *gen);

/* Winds down; phase is LINGERING, STOPPING or FAILED. */
void generation_end(struct generation *gen, enum phase phase);
/* Ends every process at once. */
void generation_kill(struct generation *gen);

#endif
