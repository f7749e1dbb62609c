/*
 * What processes use, read from /proc: CPU time, memory, threads. A tree is
 * a process and all its descendants; CPU time includes that of children
 * which have ended and were waited for.
 */
#ifndef GATEPOST_TESTS_BENCH_PROCS_H
#define GATEPOST_TESTS_BENCH_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#define PROCS_MAX 256

struct proc {
	pid_t pid, parent;
	char name[32];
	double cpu_ms;		/* user and system, waited-for children too */
	long threads;
	long rss_kb;
	long pss_kb;		/* 0 unless procs_read_pss() could read it */
};

struct procs {
	struct proc proc[PROCS_MAX];
	size_t count;
};

/* The trees below the `n` given processes, those included. */
void procs_read(const pid_t *roots, size_t n, struct procs *procs_r);
/* Fills pss_kb; takes the kernel a moment per process. */
void procs_read_pss(struct procs *procs);
double procs_cpu_ms(const struct procs *procs);

#endif
