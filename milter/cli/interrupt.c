/* Signals that are waited for. */
#include "milter/cli/interrupt.h"

#include <signal.h>
#include <time.h>

static sigset_t held(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	return signals;
}

void interrupt_hold(void)
{
	const sigset_t signals = held();

	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* Another signal, such as a window that changes, ends the pause early. */
bool interrupt_wait(int ms)
{
	const sigset_t signals = held();
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	return sigtimedwait(&signals, NULL, &pause) > 0;
}
