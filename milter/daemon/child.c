/*
 * Between fork and exec only calls that are safe there. File descriptors go
 * by way of high numbers, so that none is overwritten before it is placed.
 */
#include "milter/daemon/child.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 30000
#define STEADY_MS 10000

void child_init(struct child *child)
{
	*child = (struct child){.control = -1, .pause_ms = PAUSE_FIRST_MS};
}

static void place_fds(const struct child_plan *plan, int control)
{
	int high[CHILD_FDS_MAX];

	for (size_t i = 0; i < plan->fd_count; i++)
		high[i] = fcntl(i == plan->control_at ? control : plan->fds[i],
				F_DUPFD_CLOEXEC, ROLE_FD_FIRST + CHILD_FDS_MAX);
	for (size_t i = 0; i < plan->fd_count; i++)
		if (high[i] < 0 || dup2(high[i], ROLE_FD_FIRST + (int)i) < 0)
			_exit(EXIT_OSERR);
}

static void become(const struct child_plan *plan, int control)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(plan, control);
	execv(plan->program, (char *const *)plan->args);
	log_error("cannot start %s: %s", plan->program, strerror(errno));
	_exit(EXIT_OSERR);
}

int child_start(struct child *child, const struct child_plan *plan)
{
	int control[2];

	if (plan->fd_count > CHILD_FDS_MAX) {
		errno = EMFILE;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
		return -1;
	child->pid = fork();
	if (child->pid == 0)
		become(plan, control[1]);
	close(control[1]);
	if (child->pid < 0) {
		child->pid = 0;
		close(control[0]);
		return -1;
	}
	child->control = control[0];
	child->ready = false;
	child->started_ms = clock_mono_ms();
	return 0;
}

void child_postpone(struct child *child)
{
	child->start_at_ms = clock_mono_ms() + child->pause_ms;
	child->pause_ms *= 2;
	if (child->pause_ms > PAUSE_MAX_MS)
		child->pause_ms = PAUSE_MAX_MS;
}

void child_forgive(struct child *child)
{
	if (clock_mono_ms() - child->started_ms >= STEADY_MS)
		child->pause_ms = PAUSE_FIRST_MS;
}

static void close_control(struct child *child)
{
	if (child->control >= 0)
		close(child->control);
	child->control = -1;
}

void child_bury(struct child *child)
{
	close_control(child);
	child->pid = 0;
	child->ready = false;
}

bool child_hear(struct child *child)
{
	char word = 0;

	if (recv(child->control, &word, 1, MSG_DONTWAIT) != 1) {
		close_control(child);
		return false;
	}
	child->ready = word == ROLE_SAYS_READY;
	return true;
}

void child_tell(const struct child *child, char word)
{
	if (child->control >= 0)
		(void)!send(child->control, &word, 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void child_kill(const struct child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

void child_describe(int status, char text_r[CHILD_TEXT])
{
	if (WIFSIGNALED(status))
		snprintf(text_r, CHILD_TEXT, "was ended by signal %d",
			 WTERMSIG(status));
	else
		snprintf(text_r, CHILD_TEXT, "ended with code %d",
			 WEXITSTATUS(status));
}
