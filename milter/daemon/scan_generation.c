/*
 * Runs in the supervisor (start, end, bury) and in the process it forks
 * (all else). That one has no thread, so it may fork children at any time.
 */
#include "milter/daemon/scan_generation.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/child.h"
#include "milter/daemon/scan_child.h"
#include "milter/daemon/scan_tmp.h"
#include "milter/daemon/scan_watch.h"
#include "milter/daemon/settings.h"
#include "milter/scan/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 100
/* The worker gives up at scanner.time; this much later nobody waits. */
#define GRACE_MS 1000
#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 5000
#define STEADY_MS 10000

struct place {
	pid_t pid;
	int64_t started_ms, start_at_ms, pause_ms;
	char tmp[PATH_MAX];
};

/* In the process of the generation. */
struct keeper {
	const struct process *process;
	const struct scanner_conf *conf;
	struct scan_board *board;
	struct clamav *clamav;
	int control, until[2];
	char folder[PATH_MAX - 64];
	struct place places[SCAN_CHILDREN_MAX];
	size_t count;
	bool ending;
};

static size_t children_wanted(const struct scanner_conf *conf)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->processes > 0)
		return (size_t)conf->processes;
	return cpus < 1 ? 1 : cpus > SCAN_CHILDREN_MAX ? SCAN_CHILDREN_MAX
						       : (size_t)cpus;
}

static void become_child(const struct keeper *k, size_t i)
{
	const struct scan_child child = {
		.process = k->process,
		.about = &k->board->about,
		.clamav = k->clamav,
		.line = &k->board->lines[i],
		.tmp = k->places[i].tmp,
		.until = k->until[0],
	};

	close(k->until[1]);
	close(k->control);
	close(ROLE_FD_CONTROL);
	scan_child_run(&child);
}

static void postpone(struct place *place)
{
	place->pid = 0;
	place->start_at_ms = clock_mono_ms() + place->pause_ms;
	place->pause_ms *= 2;
	if (place->pause_ms > PAUSE_MAX_MS)
		place->pause_ms = PAUSE_MAX_MS;
}

static void start_child(struct keeper *k, size_t i)
{
	struct place *place = &k->places[i];
	struct err err;

	atomic_store(&k->board->lines[i].busy_since_ms, 0);
	if (scan_tmp_make(place->tmp, &err) < 0) {
		log_error("no scanner: %s", err.text);
		postpone(place);
		return;
	}
	place->started_ms = clock_mono_ms();
	place->pid = fork();
	if (place->pid == 0)
		become_child(k, i);
	if (place->pid < 0) {
		log_error("cannot start a scanner: %s", strerror(errno));
		postpone(place);
	}
}

static void child_died(struct keeper *k, size_t i, int status)
{
	struct place *place = &k->places[i];
	bool at_work = atomic_load(&k->board->lines[i].busy_since_ms) != 0;
	char how[CHILD_TEXT];

	scan_tmp_empty(place->tmp);
	if (k->ending && status == 0) {
		place->pid = 0;
		return;
	}
	if (clock_mono_ms() - place->started_ms > STEADY_MS)
		place->pause_ms = PAUSE_FIRST_MS;
	child_describe(status, how);
	log_error("scanner %d %s%s; another one starts in %lld ms",
		  (int)place->pid, how,
		  at_work ? " over a message, which is now unscanned" : "",
		  (long long)place->pause_ms);
	counter_add_at(k->process->slot, COUNTER_CRASHES, ROLE_SCANNER, 1);
	postpone(place);
}

static void bury_children(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < k->count; i++)
			if (k->places[i].pid == pid)
				child_died(k, i, status);
}

static void bound_child(const struct keeper *k, size_t i, int64_t now_ms)
{
	const struct place *place = &k->places[i];
	int64_t since_ms = atomic_load(&k->board->lines[i].busy_since_ms);

	if (place->pid <= 0 || since_ms == 0)
		return;
	if (now_ms - since_ms > k->conf->time.ms + GRACE_MS) {
		log_error("scanner %d is over scanner.time; ending it",
			  (int)place->pid);
		kill(place->pid, SIGKILL);
	} else if (scan_tmp_bytes(place->tmp) > (uint64_t)k->conf->tmp.n) {
		log_error("scanner %d writes more than scanner.tmp; ending it",
			  (int)place->pid);
		kill(place->pid, SIGKILL);
	}
}

static unsigned count_children(const struct keeper *k)
{
	unsigned count = 0;

	for (size_t i = 0; i < k->count; i++)
		count += k->places[i].pid > 0;
	return count;
}

static void look_at_children(struct keeper *k)
{
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < k->count; i++) {
		bound_child(k, i, now_ms);
		if (k->places[i].pid == 0 && !k->ending &&
		    k->places[i].start_at_ms <= now_ms)
			start_child(k, i);
	}
	atomic_store(&k->board->children, count_children(k));
}

static void hear_supervisor(struct keeper *k)
{
	struct pollfd control = {.fd = k->control, .events = POLLIN};

	if (k->ending) {
		usleep(LOOK_MS * 100);
		return;
	}
	if (poll(&control, 1, LOOK_MS) <= 0)
		return;
	/* Any word, or none any more. */
	k->ending = true;
	close(k->until[1]);
}

static int load(struct keeper *k, enum scan_load how, struct err *err)
{
	const struct antivirus_conf *antivirus =
		conf_group(k->process->conf, &antivirus_settings);
	const struct clamav_options options = {
		.database = antivirus->database.s.p,
		.tmp = k->folder,
		.scan_size = (uint64_t)k->conf->scan_size.n,
		.file_size = (uint64_t)k->conf->file_size.n,
		.files = k->conf->files,
		.recursion = k->conf->recursion,
		.time_ms = k->conf->engine_time.ms,
		.macros = antivirus->macros,
		.encrypted = antivirus->encrypted,
		.phishing = antivirus->phishing,
		.pua = antivirus->pua,
	};
	uint64_t state = scan_watch_state(options.database);

	k->clamav = clamav_load(&options, &k->board->about, err);
	k->board->changed = how == SCAN_LOAD_UNCHANGED &&
			    state != scan_watch_state(options.database);
	if (k->clamav && k->board->changed)
		return err_set(err, "the files changed while they were loaded");
	return k->clamav ? 0 : -1;
}

static int prepare(struct keeper *k, enum scan_load how, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(k->process->conf, &daemon_settings);

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	snprintf(k->folder, sizeof(k->folder), "%.*s/scan.%d",
		 SLICE_FMT(daemon->run_dir.s), (int)getpid());
	if (scan_tmp_make(k->folder, err) < 0)
		return -1;
	if (pipe2(k->until, O_CLOEXEC) != 0)
		return err_set(err, "no pipe: %s", strerror(errno));
	if (how != SCAN_LOAD_NOTHING && load(k, how, err) < 0)
		return -1;
	mime_start();
	k->count = children_wanted(k->conf);
	for (size_t i = 0; i < k->count; i++) {
		k->places[i].pause_ms = PAUSE_FIRST_MS;
		snprintf(k->places[i].tmp, sizeof(k->places[i].tmp), "%s/%zu",
			 k->folder, i);
	}
	return 0;
}

static _Noreturn void run(const struct process *process,
			  struct scan_board *board, int control,
			  enum scan_load how)
{
	static const char ready = ROLE_SAYS_READY;
	static struct keeper k;
	struct err err;

	k = (struct keeper){.process = process,
			    .conf = conf_group(process->conf,
					       &scanner_settings),
			    .board = board,
			    .control = control};
	if (prepare(&k, how, &err) < 0) {
		snprintf(board->trouble, sizeof(board->trouble), "%s",
			 err.text);
		scan_tmp_remove(k.folder);
		_exit(EXIT_CONFIG);
	}
	/* What the board says is read before a child could change it. */
	(void)!send(control, &ready, 1, MSG_NOSIGNAL);
	look_at_children(&k);
	while (!k.ending || count_children(&k) > 0) {
		hear_supervisor(&k);
		bury_children(&k);
		look_at_children(&k);
	}
	clamav_free(&k.clamav);
	scan_tmp_remove(k.folder);
	_exit(EXIT_SUCCESS);
}

int scan_generation_start(struct scan_generation *gen,
			  const struct process *process, enum scan_load load,
			  struct err *err)
{
	void *board = mmap(NULL, sizeof(struct scan_board),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	int control[2];

	*gen = (struct scan_generation){.control = -1};
	if (board == MAP_FAILED)
		return err_set(err, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) !=
	    0) {
		munmap(board, sizeof(struct scan_board));
		return err_set(err, "no socket: %s", strerror(errno));
	}
	gen->board = board;
	gen->control = control[0];
	gen->pid = fork();
	if (gen->pid == 0) {
		close(control[0]);
		run(process, board, control[1], load);
	}
	close(control[1]);
	if (gen->pid > 0)
		return 0;
	gen->pid = 0;
	scan_generation_bury(gen);
	return err_set(err, "cannot fork: %s", strerror(errno));
}

void scan_generation_end(struct scan_generation *gen)
{
	static const char word = ROLE_STOP;

	if (gen->pid > 0 && !gen->ending)
		(void)!send(gen->control, &word, 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	gen->ending = true;
}

void scan_generation_bury(struct scan_generation *gen)
{
	if (gen->control >= 0)
		close(gen->control);
	if (gen->board)
		munmap(gen->board, sizeof(struct scan_board));
	*gen = (struct scan_generation){.control = -1};
}
