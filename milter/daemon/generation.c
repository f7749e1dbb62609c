/*
 * Workers are started with exec, each with the file descriptors of role.h
 * and nothing else of the master's.
 */
#include "milter/daemon/generation.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/role.h"
#include "milter/daemon/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_WITHIN_MS 30000
/* A worker ends itself at its bound; this much later it is made to. */
#define BOUND_GRACE_MS 5000

#define ARGS_MAX (sizeof(((struct barracks_args *)0)->args) / sizeof(char *))

void barracks_add_arg(struct barracks_args *args, const char *arg)
{
	size_t n = 0;

	while (args->args[n])
		n++;
	if (n + 1 < ARGS_MAX)
		args->args[n] = arg;
}

void barracks_args(const struct barracks *barracks, const char *name,
		   unsigned slot, uint64_t generation,
		   struct barracks_args *args_r)
{
	memset(args_r->args, 0, sizeof(args_r->args));
	snprintf(args_r->slot, sizeof(args_r->slot), "%u", slot);
	snprintf(args_r->generation, sizeof(args_r->generation), "%" PRIu64,
		 generation);
	barracks_add_arg(args_r, name);
	barracks_add_arg(args_r, "--slot");
	barracks_add_arg(args_r, args_r->slot);
	barracks_add_arg(args_r, "--generation");
	barracks_add_arg(args_r, args_r->generation);
	if (barracks->log_to_stderr)
		barracks_add_arg(args_r, "--foreground");
	for (size_t i = 0; barracks->sets[i]; i++) {
		barracks_add_arg(args_r, "--set");
		barracks_add_arg(args_r, barracks->sets[i]);
	}
}

bool barracks_take_slot(struct barracks *barracks, unsigned *slot_r)
{
	for (unsigned i = COUNTERS_MASTER + 1; i < COUNTERS_SLOTS; i++)
		if (!barracks->slot_taken[i]) {
			barracks->slot_taken[i] = true;
			*slot_r = i;
			return true;
		}
	return false;
}

static void seat_try_start(struct barracks *barracks,
			   const struct generation *gen, struct seat *seat)
{
	const int fds[] = {-1, gen->conf_fd, barracks->counters.fd,
			   barracks->records.send, barracks->scans.send,
			   seat->listener->fd};
	struct barracks_args args;
	const struct child_plan plan = {barracks->worker, args.args, fds,
					sizeof(fds) / sizeof(fds[0]), 0};

	barracks_args(barracks, "gatepost-worker", seat->slot, gen->number,
		      &args);
	/* One of them tells about DNS; all would tell the same. */
	if (seat == gen->seats)
		barracks_add_arg(&args, "--watch-dns");
	if (child_start(&seat->child, &plan) == 0)
		return;
	log_error("cannot start a worker: %s", strerror(errno));
	child_postpone(&seat->child);
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
		child_init(&seats[i].child);
		seats[i].child.start_at_ms = i == 0 ? 0 : INT64_MAX;
		if (!barracks_take_slot(barracks, &seats[i].slot)) {
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
		if (!gen->seats[i].child.ready)
			return false;
	return true;
}

bool generation_is_empty(const struct generation *gen)
{
	for (size_t i = 0; i < gen->count; i++)
		if (gen->seats[i].child.pid > 0)
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
		if (gen->seats[i].child.pid == 0)
			seat_try_start(barracks, gen, &gen->seats[i]);
}

bool generation_uses(const struct generation *gen,
		     const struct listener *listener)
{
	for (size_t i = 0; i < gen->count; i++)
		if (gen->seats[i].listener == listener)
			return true;
	return false;
}

bool generation_hear(struct barracks *barracks, struct generation *gen,
		     int control)
{
	for (size_t i = 0; i < gen->count; i++) {
		struct child *child = &gen->seats[i].child;

		if (child->control != control)
			continue;
		if (child_hear(child) && i == 0 && child->ready &&
		    gen->phase == PHASE_STARTING)
			start_others(barracks, gen);
		return true;
	}
	return false;
}

static void seat_died(struct barracks *barracks, struct generation *gen,
		      struct seat *seat, int status)
{
	struct counter_slot *slot = &barracks->counters.slots[seat->slot];
	char how[CHILD_TEXT];

	child_describe(status, how);
	if (gen->phase == PHASE_STARTING && !seat->child.ready) {
		gen->exit_code = WIFEXITED(status) && WEXITSTATUS(status)
					 ? WEXITSTATUS(status)
					 : EXIT_SOFTWARE;
		if (WIFSIGNALED(status))
			log_error("a new worker %s", how);
		set_phase(gen, PHASE_FAILED);
		return;
	}
	counter_add_at(slot, COUNTER_CRASHES, ROLE_WORKER, 1);
	child_forgive(&seat->child);
	log_error("worker %d %s; its messages are deferred by the mail "
		  "server; a new one starts in %" PRId64 " ms",
		  (int)seat->child.pid, how, seat->child.pause_ms);
	child_postpone(&seat->child);
}

static void warn_of_end(pid_t pid, int status)
{
	char how[CHILD_TEXT];

	child_describe(status, how);
	log_warn("worker %d %s while winding down", (int)pid, how);
}

bool generation_bury(struct barracks *barracks, struct generation *gen,
		     pid_t pid, int status)
{
	for (size_t i = 0; i < gen->count; i++) {
		struct seat *seat = &gen->seats[i];

		if (seat->child.pid != pid)
			continue;
		counters_forget_gauges(&barracks->counters.slots[seat->slot]);
		if (gen->phase == PHASE_STARTING || gen->phase == PHASE_SERVING)
			seat_died(barracks, gen, seat, status);
		else if (status != 0 && gen->phase != PHASE_FAILED)
			warn_of_end(pid, status);
		child_bury(&seat->child);
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
	struct child *child = &seat->child;

	if (runs && child->pid == 0 && child->start_at_ms <= now_ms)
		seat_try_start(barracks, gen, seat);
	if (runs && child->pid == 0)
		return child->start_at_ms;
	if (child->pid == 0 || child->ready || !runs)
		return INT64_MAX;
	if (now_ms - child->started_ms < READY_WITHIN_MS)
		return child->started_ms + READY_WITHIN_MS;
	log_error("worker %d does not become ready; ending it",
		  (int)child->pid);
	child_kill(child);
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
	char word = phase == PHASE_LINGERING ? ROLE_LINGER : ROLE_STOP;

	set_phase(gen, phase);
	for (size_t i = 0; i < gen->count; i++)
		child_tell(&gen->seats[i].child, word);
}

void generation_kill(struct generation *gen)
{
	for (size_t i = 0; i < gen->count; i++)
		child_kill(&gen->seats[i].child);
}
