/*
 * Records as a mail server would make them, of some thousand senders, hosts
 * and recipients, some of which are much busier than others. The same number
 * makes the same record.
 */
#ifndef GATEPOST_BENCH_HISTORYMIX_H
#define GATEPOST_BENCH_HISTORYMIX_H

#include "common/verdict/record.h"

/* The record lives in the arena. */
void historymix_make(struct arena *arena, uint64_t number, int64_t time_ms,
		     struct record *record_r);

#endif
