/*
 * Workers are started with exec, each with four file descriptors at the
 * numbers of worker.h and nothing else of the master's.
 */
#include "milter/daemon/generation.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/settings.h"
#include "milter/daemon/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 30000
/* Whoever lived this long is not in a loop of crashes. */
#define STEADY_MS 10000
#define READY_WITHIN_MS 30000
/* A worker ends itself at its bound; this much later it is made to. */
#define BOUND_GRACE_MS 5000

#define ARGS_MAX 520

static size_t worker_args(const struct barracks *barracks,
			  const struct generation *gen, const struct seat *seat,
			  const char **args, char numbers[2][32])
{
	size_t n = 0;

	snprintf(numbers[0], 32, "%u", seat->slot);
	snprintf(numbers[1], 32, "%" PRIu64, gen->number);
	args[n++] = "gatepost-worker";
	args[n++] = "--slot";
	args[n++] = numbers[0];
	args[n++] = "--generation";
	args[n++] = numbers[1];
	/* One of them tells about DNS; all would tell the same. */
	if (seat == gen->seats)
		args[n++] = "--watch-dns";
	if (barracks->log_to_stderr)
		args[n++] = "--foreground";
	for (size_t i = 0; barracks->sets[i] && n + 3 < ARGS_MAX; i++) {
		args[n++] = "--set";
		args[n++] = barracks->sets[i];
	}
	args[n] = NULL;
	return n;
}

/* In the child. Goes by way of high numbers, so that none is overwritten. */
static void place_fds(const int fds[WORKER_FD_COUNT])
{
	int high[WORKER_FD_COUNT];

	for (int i = 0; i < WORKER_FD_COUNT; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < WORKER_FD_COUNT; i++)
		if (high[i] < 0 || dup2(high[i], WORKER_FD_LISTEN + i) < 0)
			_exit(EXIT_OSERR);
}

static void become_worker(const char *program, const char **args,
			  const int fds[WORKER_FD_COUNT])
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(fds);
	execv(program, (char *const *)args);
	log_error("cannot start %s: %s", program, strerror(errno));
	_exit(EXIT_OSERR);
}

static bool take_slot(struct barracks *barracks, unsigned *slot_r)
{
	for (unsigned i = COUNTERS_MASTER + 1; i < COUNTERS_SLOTS; i++)
		if (!barracks->slot_taken[i]) {
			barracks->slot_taken[i] = true;
			*slot_r = i;
			return true;
		}
	return false;
}

static int seat_start(struct barracks *barracks, const struct generation *gen,
		      struct seat *seat)
{
	const char *args[ARGS_MAX];
	char numbers[2][32];
	int control[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
		return -1;
	worker_args(barracks, gen, seat, args, numbers);
	seat->pid = fork();
	if (seat->pid == 0)
		become_worker(barracks->program, args,
			      (int[]){seat->listener->fd, control[1],
				      gen->conf_fd, barracks->counters.fd});
	close(control[1]);
	if (seat->pid < 0) {
		seat->pid = 0;
		close(control[0]);
		return -1;
	}
	seat->control = control[0];
	seat->ready = false;
	seat->started_ms = clock_mono_ms();
	return 0;
}

static void plan_start(struct seat *seat)
{
	seat->start_at_ms = clock_mono_ms() + seat->pause_ms;
	seat->pause_ms *= 2;
	if (seat->pause_ms > PAUSE_MAX_MS)
		seat->pause_ms = PAUSE_MAX_MS;
}

static void seat_try_start(struct barracks *barracks,
			   const struct generation *gen, struct seat *seat)
{
	if (seat_start(barracks, gen, seat) == 0)
		return;
	log_error("cannot start a worker: %s", strerror(errno));
	plan_start(seat);
}

static size_t workers_per_listener(const struct conf *conf)
{
	const struct worker_conf *worker = conf_group(conf, &worker_settings);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (worker->processes > 0)
		return (size_t)worker->processes;
	return cpus < 1 ? 1 : cpus > 64 ? 64 : (size_t)cpus;
}

struct generation *generation_new(struct barracks *barracks, struct conf *conf,
				  int conf_fd,
				  struct listener *const *listeners,
				  size_t listener_count, struct err *err)
{
	size_t each = workers_per_listener(conf);
	struct generation *gen = calloc(1, sizeof(*gen));
	struct seat *seats = calloc(each * listener_count, sizeof(*seats));

	if (!gen || !seats) {
		free(gen);
		free(seats);
		err_set(err, "out of memory");
		return NULL;
	}
	*gen = (struct generation){.number = conf_generation(conf),
				   .conf = conf,
				   .conf_fd = conf_fd,
				   .phase_ms = clock_mono_ms(),
				   .seats = seats,
				   .exit_code = EXIT_SOFTWARE};
	for (size_t i = 0; i < each * listener_count; i++) {
		seats[i].listener = listeners[i % listener_count];
		seats[i].control = -1;
		seats[i].pause_ms = PAUSE_FIRST_MS;
		seats[i].start_at_ms = i == 0 ? 0 : INT64_MAX;
		if (!take_slot(barracks, &seats[i].slot)) {
			err_set(err, "worker.processes: too many workers");
			generation_free(barracks, &gen);
			return NULL;
		}
		gen->count++;
	}
	return gen;
}

void generation_free(struct barracks *barracks, struct generation **gen)
{
	for (size_t i = 0; i < (*gen)->count; i++)
		barracks->slot_taken[(*gen)->seats[i].slot] = false;
	conf_free(&(*gen)->conf);
	close((*gen)->conf_fd);
	free((*gen)->seats);
	free(*gen);
	*gen = NULL;
}

bool generation_is_complete(const struct generation *gen)
{
	for (size_t i = 0; i < gen->count; i++)
		if (!gen->seats[i].ready)
			return false;
	return true;
}

bool generation_is_empty(const struct generation *gen)
{
	for (size_t i = 0; i < gen->count; i++)
		if (gen->seats[i].pid > 0)
			return false;
	return true;
}

static void set_phase(struct generation *gen, enum phase phase)
{
	gen->phase = phase;
	gen->phase_ms = clock_mono_ms();
}

/* The first worker has shown that the configuration works: all others. */
static void start_others(struct barracks *barracks, struct generation *gen)
{
	for (size_t i = 1; i < gen->count; i++)
		if (gen->seats[i].pid == 0)
			seat_try_start(barracks, gen, &gen->seats[i]);
}

bool generation_hear(struct barracks *barracks, struct generation *gen,
		     int control)
{
	char word = 0;

	for (size_t i = 0; i < gen->count; i++) {
		struct seat *seat = &gen->seats[i];

		if (seat->control != control)
			continue;
		/* Closed: the process ends, and will be buried. */
		if (recv(control, &word, 1, MSG_DONTWAIT) != 1) {
			close(seat->control);
			seat->control = -1;
			return true;
		}
		seat->ready = word == WORKER_SAYS_READY;
		if (i == 0 && seat->ready && gen->phase == PHASE_STARTING)
			start_others(barracks, gen);
		return true;
	}
	return false;
}

static void describe(int status, char *text, size_t room)
{
	if (WIFSIGNALED(status))
		snprintf(text, room, "was ended by signal %d",
			 WTERMSIG(status));
	else
		snprintf(text, room, "ended with code %d", WEXITSTATUS(status));
}

static void seat_died(struct barracks *barracks, struct generation *gen,
		      struct seat *seat, int status)
{
	struct counter_slot *slot = &barracks->counters.slots[seat->slot];
	char how[64];

	describe(status, how, sizeof(how));
	if (gen->phase == PHASE_STARTING && !seat->ready) {
		gen->exit_code = WIFEXITED(status) && WEXITSTATUS(status)
					 ? WEXITSTATUS(status)
					 : EXIT_SOFTWARE;
		if (WIFSIGNALED(status))
			log_error("a new worker %s", how);
		set_phase(gen, PHASE_FAILED);
		return;
	}
	counter_add_at(slot, COUNTER_CRASHES, ROLE_WORKER, 1);
	if (clock_mono_ms() - seat->started_ms >= STEADY_MS)
		seat->pause_ms = PAUSE_FIRST_MS;
	log_error("worker %d %s; its messages are deferred by the mail "
		  "server; a new one starts in %" PRId64 " ms",
		  (int)seat->pid, how, seat->pause_ms);
	plan_start(seat);
}

static void warn_of_end(pid_t pid, int status)
{
	char how[64];

	describe(status, how, sizeof(how));
	log_warn("worker %d %s while winding down", (int)pid, how);
}

bool generation_bury(struct barracks *barracks, struct generation *gen,
		     pid_t pid, int status)
{
	for (size_t i = 0; i < gen->count; i++) {
		struct seat *seat = &gen->seats[i];

		if (seat->pid != pid)
			continue;
		counters_forget_gauges(&barracks->counters.slots[seat->slot]);
		if (gen->phase == PHASE_STARTING || gen->phase == PHASE_SERVING)
			seat_died(barracks, gen, seat, status);
		else if (status != 0 && gen->phase != PHASE_FAILED)
			warn_of_end(pid, status);
		if (seat->control >= 0)
			close(seat->control);
		seat->control = -1;
		seat->pid = 0;
		seat->ready = false;
		return true;
	}
	return false;
}

/* How long the phase may last before processes are ended by force. */
static int64_t bound_ms(const struct generation *gen)
{
	const struct worker_conf *worker =
		conf_group(gen->conf, &worker_settings);

	switch (gen->phase) {
	case PHASE_LINGERING:
		return worker->linger.ms + BOUND_GRACE_MS;
	case PHASE_STOPPING:
		return worker->drain.ms + BOUND_GRACE_MS;
	case PHASE_FAILED:
		return 0;
	default:
		return INT64_MAX;
	}
}

static int64_t look_at_seat(struct barracks *barracks, struct generation *gen,
			    struct seat *seat, int64_t now_ms)
{
	bool runs = gen->phase == PHASE_STARTING || gen->phase == PHASE_SERVING;

	if (runs && seat->pid == 0 && seat->start_at_ms <= now_ms)
		seat_try_start(barracks, gen, seat);
	if (runs && seat->pid == 0)
		return seat->start_at_ms;
	if (seat->pid == 0 || seat->ready || !runs)
		return INT64_MAX;
	if (now_ms - seat->started_ms < READY_WITHIN_MS)
		return seat->started_ms + READY_WITHIN_MS;
	log_error("worker %d does not become ready; ending it", (int)seat->pid);
	kill(seat->pid, SIGKILL);
	/* Its death is heard of soon. */
	return now_ms + 1000;
}

int64_t generation_look(struct barracks *barracks, struct generation *gen)
{
	int64_t now_ms = clock_mono_ms(), next_ms = INT64_MAX;
	int64_t bound = bound_ms(gen);

	for (size_t i = 0; i < gen->count; i++) {
		int64_t at_ms =
			look_at_seat(barracks, gen, &gen->seats[i], now_ms);

		next_ms = at_ms < next_ms ? at_ms : next_ms;
	}
	if (bound == INT64_MAX || generation_is_empty(gen))
		return next_ms;
	if (now_ms - gen->phase_ms < bound)
		return gen->phase_ms + bound;
	generation_kill(gen);
	return now_ms + 1000;
}

void generation_end(struct generation *gen, enum phase phase)
{
	char word = phase == PHASE_LINGERING ? WORKER_LINGER : WORKER_STOP;

	set_phase(gen, phase);
	for (size_t i = 0; i < gen->count; i++)
		if (gen->seats[i].control >= 0)
			(void)!send(gen->seats[i].control, &word, 1,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void generation_kill(struct generation *gen)
{
	for (size_t i = 0; i < gen->count; i++)
		if (gen->seats[i].pid > 0)
			kill(gen->seats[i].pid, SIGKILL);
}
