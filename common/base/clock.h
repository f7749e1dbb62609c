/*
 * Time. Deadlines are absolute milliseconds of the monotonic clock; dates
 * (signature expiry, log lines) come from the system's wall clock only, so
 * that a test can move it.
 */
#ifndef GATEPOST_BASE_CLOCK_H
#define GATEPOST_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds and microseconds of the monotonic clock. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Milliseconds since the host started, those it slept included. */
int64_t clock_boot_ms(void);
/* Seconds since the epoch (wall clock). */
int64_t clock_wall(void);
/* Microseconds since the epoch (wall clock). */
int64_t clock_wall_us(void);
/* A monotonic millisecond as the timespec that timed waits take. */
struct timespec clock_mono_timespec(int64_t ms);

#endif
