/* The head of the mapping, for counters.c and names.c only. */
#ifndef GATEPOST_DAEMON_COUNTERS_HEAD_H
#define GATEPOST_DAEMON_COUNTERS_HEAD_H

#include "milter/daemon/names.h"

#define SYMBOL_BYTES 64
#define LIST_BYTES 256
#define CHECK_BYTES 32

struct counters_head {
	int64_t started_ms, started_mono_ms;
	atomic_uint slots_used;	/* those below were taken once */
	/* Written before the count that tells of them. */
	atomic_uint counts[NAMES_KINDS];
	char symbols[NAMED_SYMBOLS][SYMBOL_BYTES];
	char lists[NAMED_LISTS][LIST_BYTES];
	char checks[NAMED_CHECKS][CHECK_BYTES];
};

#endif
