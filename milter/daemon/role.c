/* The beginning and the end of a process that gatepostd has started. */
#include "config.h"

#include "milter/daemon/role.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/settings.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONF_PATH "/proc/self/fd/4"
_Static_assert(ROLE_FD_CONF == 4, "CONF_PATH names it");

int role_options(struct process *process, int argc, char **argv)
{
	static const struct option known[] = {
		{"set", required_argument, NULL, 's'},
		{"slot", required_argument, NULL, 'n'},
		{"generation", required_argument, NULL, 'g'},
		{"sockets", required_argument, NULL, 'l'},
		{"foreground", no_argument, NULL, 'f'},
		{"watch-dns", no_argument, NULL, 'w'},
		{0},
	};
	size_t sets = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's' && sets < ROLE_SETS_MAX - 1)
			process->sets[sets++] = optarg;
		else if (c == 'n')
			process->slot_number =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'g')
			process->generation = strtoull(optarg, NULL, 10);
		else if (c == 'l')
			process->sockets = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'f')
			process->log_to_stderr = true;
		else if (c == 'w')
			process->watch_dns = true;
		else
			return -1;
	}
	return process->slot_number < COUNTERS_SLOTS && process->generation > 0
		       ? 0
		       : -1;
}

static void ignore_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1,
				      SIGPIPE};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

int role_load(struct process *process, struct err *err)
{
	ignore_signals();
	process->conf =
		conf_load(settings_all(), CONF_PATH, process->sets, err);
	if (!process->conf)
		return -1;
	conf_set_generation(process->conf, process->generation);
	settings_open_log(process->conf, process->program,
			  process->log_to_stderr);
	if (counters_attach(&process->counters, ROLE_FD_COUNTERS, err) < 0)
		return -1;
	process->slot = counters_enter(&process->counters, process->slot_number,
				       process->role, getpid());
	return 0;
}

int role_drop(const struct process *process, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(process->conf, &daemon_settings);
	struct jail_user user;

	if (jail_find_user(daemon->user.s.p, &user, err) < 0)
		return -1;
	return jail_drop(&user, err);
}

void role_say_ready(const struct process *process)
{
	static const char ready = ROLE_SAYS_READY;

	counter_add_at(process->slot, COUNTER_STARTS, process->role, 1);
	(void)!send(ROLE_FD_CONTROL, &ready, 1, MSG_NOSIGNAL);
}

char role_hear(int64_t until_ms)
{
	struct pollfd control = {.fd = ROLE_FD_CONTROL, .events = POLLIN};
	int64_t wait_ms = until_ms - clock_mono_ms();
	char word;

	if (poll(&control, 1, wait_ms > 0 ? (int)wait_ms : 0) <= 0)
		return 0;
	/* Closed: the master is gone. */
	if (recv(ROLE_FD_CONTROL, &word, 1, MSG_DONTWAIT) != 1)
		return ROLE_STOP;
	return word;
}

/*
 * There only in builds with AddressSanitizer, whose own look for leaks
 * would come with exit().
 */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void role_leave(void)
{
	if (__lsan_do_recoverable_leak_check &&
	    __lsan_do_recoverable_leak_check())
		_exit(EXIT_SOFTWARE);
	/* Threads of libraries still run: no atexit handlers, no frees. */
	_exit(EXIT_SUCCESS);
}
