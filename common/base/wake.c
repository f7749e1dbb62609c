/*
 * A futex, because the timed waits of pthread take an absolute time: under
 * libfaketime, with which tests move the clock, pthread_cond_clockwait()
 * never returns and pthread_cond_timedwait() can return at once.
 */
#include "common/base/wake.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

unsigned wake_count(struct wake *wake)
{
	return atomic_load(&wake->count);
}

bool wake_wait(struct wake *wake, unsigned seen, int64_t ms)
{
	struct timespec left;

	if (ms <= 0)
		return false;
	left = (struct timespec){.tv_sec = ms / 1000,
				 .tv_nsec = ms % 1000 * 1000000};
	return syscall(SYS_futex, &wake->count, FUTEX_WAIT_PRIVATE, seen, &left,
		       NULL, 0) == 0 ||
	       errno != ETIMEDOUT;
}

void wake_all(struct wake *wake)
{
	atomic_fetch_add(&wake->count, 1);
	syscall(SYS_futex, &wake->count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL,
		NULL, 0);
}
