/*
 * Plays many workers to one gatepost-recorder: packed records at a steady
 * rate over the sockets that gatepostd would make, without waiting. Says how
 * many the socket had no room for, how many were written down, how long
 * that took, and what the recorder cost.
 *
 * usage: recordload -r RECORDS/S -t SECONDS -p PROGRAM FOLDER
 */
#include "common/base/clock.h"
#include "common/verdict/wire.h"
#include "milter/daemon/child.h"
#include "milter/daemon/records.h"
#include "milter/daemon/role.h"
#include "tests/bench/historymix.h"
#include "tests/bench/procs.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOT 1
#define OWN_SLOT 2
#define START_MS 10000
#define WRITE_MS 60000
#define TICK_NS 1000000 /* one burst a millisecond */

struct load {
	const char *program, *folder;
	double rate, seconds;
	struct counters counters;
	struct counter_slot *own;
	struct records_pair pair;
	struct child child;
};

static int fail(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

/* As the master passes it on; -1 and errno. */
static int configuration(const char *folder)
{
	int fd = memfd_create("gatepost.conf", 0);

	if (fd < 0 || dprintf(fd, "state_dir = \"%s\"\nrun_dir = \"%s\"\n"
				  "user = \"nobody\"\n",
			      folder, folder) < 0)
		return -1;
	return fd;
}

static int start(struct load *load)
{
	const char *const args[] = {"gatepost-recorder", "--slot", "1",
				    "--generation", "1", "--foreground",
				    "--sockets", "0", NULL};
	int conf_fd = configuration(load->folder);
	const int fds[] = {-1, conf_fd, load->counters.fd, load->pair.receive};
	const struct child_plan plan = {load->program, args, fds, ROLE_FDS, 0};
	struct pollfd control = {.events = POLLIN};

	child_init(&load->child);
	if (conf_fd < 0 || child_start(&load->child, &plan) < 0)
		return -1;
	close(conf_fd);
	control.fd = load->child.control;
	if (poll(&control, 1, START_MS) <= 0 || !child_hear(&load->child) ||
	    !load->child.ready)
		return -1;
	return 0;
}

/* What is due by now is sent in one go, then it sleeps a millisecond. */
static void play(struct load *load)
{
	static const struct timespec pause = {.tv_nsec = TICK_NS};
	struct arena *arena = arena_new(64 * 1024);
	int64_t began_us = clock_mono_us();
	uint64_t sent = 0, all = (uint64_t)(load->rate * load->seconds);

	while (sent < all) {
		double passed = (double)(clock_mono_us() - began_us) / 1e6;
		uint64_t due = (uint64_t)(passed * load->rate);

		for (; sent < due && sent < all; sent++) {
			struct record record;

			historymix_make(arena, sent, clock_wall_us() / 1000,
					&record);
			records_send(load->pair.send, load->own, arena,
				     &record);
			arena_reset(arena);
		}
		nanosleep(&pause, NULL);
	}
	arena_free(&arena);
}

static uint64_t count(const struct load *load, enum counter which)
{
	return counters_sum(&load->counters, which);
}

static void await_written(const struct load *load)
{
	static const struct timespec pause = {.tv_nsec = 10000000};
	int64_t until_ms = clock_mono_ms() + WRITE_MS;

	while (count(load, COUNTER_RECORDS_STORED) +
			       count(load, COUNTER_RECORDS_LOST) <
		       count(load, COUNTER_RECORDS_SENT) &&
	       clock_mono_ms() < until_ms)
		nanosleep(&pause, NULL);
}

static void report(const struct load *load, double play_s, double all_s)
{
	static struct procs procs;
	long rss_kb = 0;
	double stored = (double)count(load, COUNTER_RECORDS_STORED);

	procs_read(&load->child.pid, 1, &procs);
	for (size_t i = 0; i < procs.count; i++)
		if (procs.proc[i].rss_kb > rss_kb)
			rss_kb = procs.proc[i].rss_kb;
	printf("sent %llu in %.1f s, dropped %llu, lost %llu, written %.0f "
	       "after %.1f s\n",
	       (unsigned long long)count(load, COUNTER_RECORDS_SENT), play_s,
	       (unsigned long long)count(load, COUNTER_RECORDS_DROPPED),
	       (unsigned long long)count(load, COUNTER_RECORDS_LOST), stored,
	       all_s);
	printf("recorder: %.1f us of CPU a record, %.1f MB resident\n",
	       stored > 0 ? procs_cpu_ms(&procs) * 1000 / stored : 0, (double)rss_kb / 1024);
}

static int run(struct load *load)
{
	int64_t began_us;
	double play_s;
	struct err err;

	if (counters_make(&load->counters, &err) < 0 ||
	    records_open(&load->pair, &err) < 0) {
		fprintf(stderr, "recordload: %s\n", err.text);
		return EXIT_FAILURE;
	}
	load->own = counters_enter(&load->counters, OWN_SLOT, ROLE_WORKER,
				   getpid());
	if (start(load) < 0)
		return fail("recordload: the recorder does not start");
	began_us = clock_mono_us();
	play(load);
	play_s = (double)(clock_mono_us() - began_us) / 1e6;
	await_written(load);
	report(load, play_s, (double)(clock_mono_us() - began_us) / 1e6);
	child_tell(&load->child, ROLE_STOP);
	waitpid(load->child.pid, NULL, 0);
	child_bury(&load->child);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct load load = {.rate = 5000, .seconds = 10};
	int c;

	while ((c = getopt(argc, argv, "r:t:p:")) != -1) {
		if (c == 'r')
			load.rate = strtod(optarg, NULL);
		else if (c == 't')
			load.seconds = strtod(optarg, NULL);
		else if (c == 'p')
			load.program = optarg;
	}
	if (optind != argc - 1 || !load.program) {
		fprintf(stderr, "usage: recordload -r RECORDS/S -t SECONDS "
				"-p PROGRAM FOLDER\n");
		return EXIT_FAILURE;
	}
	load.folder = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	return run(&load);
}
