/*
 * storeload: asks a store for greylist decisions from many threads, and
 * several processes, at once, each thread its next one as soon as the last
 * is answered, and says how many a second, how long each took and what CPU
 * time they cost (storemix.h: which decisions). Each process has a store of
 * its own, as each worker of Gatepost has.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/bench/procs.h"
#include "tests/bench/storemix.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 1024
#define PROCESSES_MAX 16
#define SETS_MAX 32

/* What a process has found, in memory that it shares with the first one. */
struct share {
	struct mix_result sum;
	double all_cpu_us;    /* of the whole process */
	double asking_cpu_us; /* of the threads that ask */
	bool done;
};

struct load {
	const char *sets[SETS_MAX + 1];
	size_t set_count;
	const char *state_dir;
	unsigned threads, processes;
	size_t origins;
	double warm_up, seconds;
	pid_t server;
	int64_t begin_us, end_us; /* what is between them counts */
	struct share *shares;
};

struct asker {
	const struct load *load;
	struct store *store;
	struct mix mix;
	struct mix_result result;
	double cpu_us;
	pthread_t thread;
};

static double cpu_us(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void *ask(void *arg)
{
	struct asker *asker = arg;
	const struct load *load = asker->load;

	while (clock_mono_us() < load->begin_us)
		mix_step(&asker->mix, asker->store, NULL);
	asker->cpu_us = cpu_us(RUSAGE_THREAD);
	while (clock_mono_us() < load->end_us)
		mix_step(&asker->mix, asker->store, &asker->result);
	asker->cpu_us = cpu_us(RUSAGE_THREAD) - asker->cpu_us;
	return NULL;
}

static void sleep_until(int64_t us)
{
	const struct timespec t = {us / 1000000, us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

static struct store *open_store(const struct load *load)
{
	static const struct settings_group *const groups[] = {
		&store_settings, &state_settings, NULL};
	struct err err;
	struct store_options options = {
		.conf = conf_load(groups, NULL, load->sets, &err),
		.state_dir = load->state_dir,
	};
	struct store *store = options.conf ? store_new(&options, &err) : NULL;

	if (!store) {
		fprintf(stderr, "storeload: %s\n", err.text);
		exit(1);
	}
	/* The configuration lives as long as the process. */
	return store;
}

static void start_askers(const struct load *load, struct store *store,
			 unsigned number, struct asker *askers)
{
	const uint64_t run = (uint64_t)load->begin_us;

	for (unsigned i = 0; i < load->threads; i++) {
		struct asker *asker = &askers[i];

		asker->load = load;
		asker->store = store;
		asker->mix.run = run;
		asker->mix.thread = number * load->threads + i;
		asker->mix.origins = load->origins;
		if (pthread_create(&asker->thread, NULL, ask, asker) != 0) {
			perror("storeload: pthread_create");
			exit(1);
		}
	}
}

/* One process: what it found goes to its share. */
static void run_process(const struct load *load, unsigned number)
{
	struct share *share = &load->shares[number];
	struct store *store = open_store(load);
	struct asker *askers = calloc(load->threads, sizeof(*askers));
	double before;

	if (!askers)
		abort();
	start_askers(load, store, number, askers);
	sleep_until(load->begin_us);
	before = cpu_us(RUSAGE_SELF);
	sleep_until(load->end_us);
	share->all_cpu_us = cpu_us(RUSAGE_SELF) - before;
	for (unsigned i = 0; i < load->threads; i++) {
		pthread_join(askers[i].thread, NULL);
		mix_merge(&share->sum, &askers[i].result);
		share->asking_cpu_us += askers[i].cpu_us;
	}
	store_free(&store);
	free(askers);
	share->done = true;
}

static double server_cpu_us(const struct load *load)
{
	static struct procs procs;

	procs_read(&load->server, load->server ? 1 : 0, &procs);
	return procs_cpu_ms(&procs) * 1000;
}

/* Forks before any thread exists; false when a process has failed. */
static bool run(struct load *load, double *server_us_r)
{
	bool ok = true;

	load->begin_us =
		clock_mono_us() + 100000 + (int64_t)(load->warm_up * 1e6);
	load->end_us = load->begin_us + (int64_t)(load->seconds * 1e6);
	for (unsigned i = 0; i < load->processes; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("storeload: fork");
			exit(1);
		}
		if (pid == 0) {
			run_process(load, i);
			exit(0);
		}
	}
	sleep_until(load->begin_us);
	*server_us_r = server_cpu_us(load);
	sleep_until(load->end_us);
	*server_us_r = server_cpu_us(load) - *server_us_r;
	while (wait(NULL) > 0 || errno == EINTR)
		;
	for (unsigned i = 0; i < load->processes; i++)
		ok = ok && load->shares[i].done;
	return ok;
}

static void print_report(const struct load *load, double server_us)
{
	static struct share sum;
	double n;

	for (unsigned i = 0; i < load->processes; i++) {
		mix_merge(&sum.sum, &load->shares[i].sum);
		sum.all_cpu_us += load->shares[i].all_cpu_us;
		sum.asking_cpu_us += load->shares[i].asking_cpu_us;
	}
	n = sum.sum.took.count ? (double)sum.sum.took.count : 1;
	printf("threads %u\nprocesses %u\norigins %zu\n", load->threads,
	       load->processes, load->origins);
	printf("decisions %llu\n", (unsigned long long)sum.sum.took.count);
	printf("decisions_per_second %.1f\n", n / load->seconds);
	printf("cpu_us_per_decision %.2f\n", sum.all_cpu_us / n);
	printf("store_thread_us_per_decision %.2f\n",
	       (sum.all_cpu_us - sum.asking_cpu_us) / n);
	printf("server_us_per_decision %.2f\n", server_us / n);
	printf("ms_p50 %.3f\nms_p99 %.3f\nms_max %.3f\n",
	       histogram_ms(&sum.sum.took, 500),
	       histogram_ms(&sum.sum.took, 990),
	       histogram_ms(&sum.sum.took, 1000));
	for (size_t i = 0; i < MIX_KINDS; i++)
		printf("kind %s %llu\n", mix_kind_word((enum mix_kind)i),
		       (unsigned long long)sum.sum.kind[i]);
	for (size_t i = 0; i < STATUS_COUNT; i++)
		printf("status %zu %llu\n", i,
		       (unsigned long long)sum.sum.status[i]);
	printf("wrong %llu\n", (unsigned long long)sum.sum.wrong);
}

static const char usage[] =
	"usage: storeload --set store=URL [--set KEY=VALUE]... [options]\n"
	"  -d FOLDER    state_dir, for a relative path (default .)\n"
	"  -t THREADS   that ask at once, in each process (default 1)\n"
	"  -n PROCESSES each with a store of its own (default 1)\n"
	"  -o ORIGINS   of each try: 1 or 2 (default 2)\n"
	"  -w SECONDS   warm up before measuring (default 0.5)\n"
	"  -s SECONDS   measure for so long (default 2)\n"
	"  -p PID       the server's CPU time too\n";

static int take_option(struct load *load, int option)
{
	switch (option) {
	case 'S':
		if (load->set_count == SETS_MAX)
			return -1;
		load->sets[load->set_count++] = optarg;
		return 0;
	case 'd':
		load->state_dir = optarg;
		return 0;
	case 't':
		load->threads = (unsigned)strtoul(optarg, NULL, 10);
		return load->threads - 1 < THREADS_MAX ? 0 : -1;
	case 'n':
		load->processes = (unsigned)strtoul(optarg, NULL, 10);
		return load->processes - 1 < PROCESSES_MAX ? 0 : -1;
	case 'o':
		load->origins = strtoul(optarg, NULL, 10);
		return load->origins - 1 < 2 ? 0 : -1;
	case 'w':
		load->warm_up = strtod(optarg, NULL);
		return 0;
	case 's':
		load->seconds = strtod(optarg, NULL);
		return load->seconds > 0 ? 0 : -1;
	case 'p':
		load->server = (pid_t)strtol(optarg, NULL, 10);
		return 0;
	default:
		return -1;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"set", required_argument, NULL, 'S'}, {0}};
	static struct load load = {.state_dir = ".",
				   .threads = 1,
				   .processes = 1,
				   .origins = 2,
				   .warm_up = 0.5,
				   .seconds = 2};
	double server_us = 0;
	int option;

	while ((option = getopt_long(argc, argv, "d:t:n:o:w:s:p:", options,
				     NULL)) != -1)
		if (take_option(&load, option) != 0) {
			fputs(usage, stderr);
			return 2;
		}
	log_open("storeload", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
		 LOG_LEVEL_WARN);
	load.shares =
		mmap(NULL, PROCESSES_MAX * sizeof(*load.shares),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load.shares == MAP_FAILED) {
		perror("storeload: mmap");
		return 1;
	}
	if (!run(&load, &server_us))
		return 1;
	print_report(&load, server_us);
	return 0;
}
