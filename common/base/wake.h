/*
 * A place to sleep until another thread says that something changed. It
 * carries no state but a count: what changed stands under a lock of the
 * caller's. The time to sleep is relative, taken by the kernel's monotonic
 * clock, so it is right whatever is done to the clocks the process reads.
 */
#ifndef GATEPOST_BASE_WAKE_H
#define GATEPOST_BASE_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
	atomic_uint count;
};

/* What to hand to wake_wait(); read it while holding the caller's lock. */
unsigned wake_count(struct wake *wake);
/*
 * Sleeps until wake_all() has been called since `seen` was read, or for
 * `ms`. Returns false only when the time has passed; may return early.
 */
bool wake_wait(struct wake *wake, unsigned seen, int64_t ms);
/* Wakes every sleeper; call it with the caller's lock held. */
void wake_all(struct wake *wake);

#endif
