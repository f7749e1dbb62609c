/*
 * Stops the wall clock of a test program, for its own code and for foreign
 * libraries alike. The monotonic clock goes on as it does.
 */
#ifndef GATEPOST_TESTS_WALL_CLOCK_H
#define GATEPOST_TESTS_WALL_CLOCK_H

#include <stdint.h>

/* Stops at that time (seconds since the epoch); 0: it runs, and is true. */
void wall_clock_set(int64_t now);

#endif
