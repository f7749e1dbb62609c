/* Stands in front of the C library's clocks; the kernel gives the time. */
#include "tests/support/wall_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t stopped; /* 0: the clock runs */

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int clock_gettime(clockid_t id, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, id, now);

	if (rc == 0 && id == CLOCK_REALTIME && stopped)
		*now = (struct timespec){.tv_sec = stopped};
	return rc;
}

EXPORTED time_t time(time_t *now)
{
	struct timespec spec;

	clock_gettime(CLOCK_REALTIME, &spec);
	if (now)
		*now = spec.tv_sec;
	return spec.tv_sec;
}

void wall_clock_set(int64_t now)
{
	stopped = now;
}
