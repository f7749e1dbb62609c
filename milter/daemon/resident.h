/* How much memory a process has, for status and metrics. */
#ifndef GATEPOST_DAEMON_RESIDENT_H
#define GATEPOST_DAEMON_RESIDENT_H

#include <stdint.h>
#include <sys/types.h>

/* Resident bytes, those of shared libraries included; 0: it has gone. */
uint64_t resident_bytes(pid_t pid);

#endif
