/*
 * milterload: plays a labelled message set to a milter, or to a chain of
 * them, from many connections at once, as Postfix would, and says how fast,
 * with how much CPU and memory of the filter's processes, and with which
 * results. Each connection is a thread with blocking sockets, as each smtpd
 * is a process; the next visit goes to whoever is free.
 */
#include "common/base/clock.h"
#include "tests/bench/procs.h"
#include "tests/bench/session.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CONNECTIONS_MAX 1024
#define ROOTS_MAX 16

struct load {
	/* What was asked for. */
	struct endpoint chain[CHAIN_MAX];
	size_t chain_count;
	const char *folder, *results_path;
	unsigned connections, fresh;
	double warm_up, seconds;
	bool once;
	pid_t roots[ROOTS_MAX];
	size_t root_count;
	/* Shared by the threads. */
	struct mailset set;
	atomic_size_t next_visit;
	atomic_bool measuring, stop;
	FILE *results;
};

struct player {
	struct load *load;
	struct session session;
	struct tally tally;
	pthread_t thread;
};

/* What is read when measuring begins and when it ends. */
struct reading {
	int64_t us;
	struct procs procs;
	double own_cpu_ms;
};

static void note(void *context, const struct message *m,
		 const struct outcome *o)
{
	struct player *player = context;
	struct load *load = player->load;

	if (atomic_load_explicit(&load->measuring, memory_order_relaxed))
		tally_add(&player->tally, m, o);
	if (load->results)
		fprintf(load->results, "%s %s %s\n", m->file,
			load->set.classes[m->class], result_word(o->result));
}

static void *play(void *arg)
{
	struct player *player = arg;
	struct load *load = player->load;

	while (!atomic_load_explicit(&load->stop, memory_order_relaxed)) {
		size_t n = atomic_fetch_add(&load->next_visit, 1);

		if (load->once && n >= load->set.visit_count)
			break;
		session_visit(&player->session,
			      &load->set.visits[n % load->set.visit_count]);
	}
	return NULL;
}

static void take_reading(const struct load *load, struct reading *r)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	r->own_cpu_ms =
		(double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1000.0 +
		(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1000.0;
	procs_read(load->roots, load->root_count, &r->procs);
	r->us = clock_mono_us();
}

static void start_players(struct load *load, struct player *players)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (unsigned i = 0; i < load->connections; i++) {
		struct player *player = &players[i];

		player->load = load;
		session_init(&player->session, i, load->chain,
			     load->chain_count);
		player->session.fresh = load->fresh;
		player->session.done = note;
		player->session.context = player;
		if (pthread_create(&player->thread, &attr, play, player) != 0) {
			perror("milterload: pthread_create");
			exit(1);
		}
	}
	pthread_attr_destroy(&attr);
}

static void end_players(const struct load *load, struct player *players,
			struct tally *sum)
{
	for (unsigned i = 0; i < load->connections; i++) {
		pthread_join(players[i].thread, NULL);
		tally_merge(sum, &players[i].tally);
		tally_free(&players[i].tally);
		session_free(&players[i].session);
	}
}

static void wait_seconds(double seconds)
{
	struct timespec t = {.tv_sec = (time_t)seconds};

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static void print_report(const struct load *load, const struct reading *from,
			 const struct reading *to, struct tally *sum)
{
	const double seconds = (double)(to->us - from->us) / 1e6;
	const double n = sum->count ? (double)sum->count : 1;
	const double cpu =
		procs_cpu_ms(&to->procs) - procs_cpu_ms(&from->procs);

	printf("connections %u\n", load->connections);
	printf("seconds %.3f\n", seconds);
	printf("messages %zu\n", sum->count);
	printf("messages_per_second %.1f\n", (double)sum->count / seconds);
	printf("cpu_ms_per_message %.4f\n", cpu / n);
	printf("client_cpu_ms_per_message %.4f\n",
	       (to->own_cpu_ms - from->own_cpu_ms) / n);
	tally_print(sum, &load->set, stdout);
	for (size_t i = 0; i < to->procs.count; i++) {
		const struct proc *p = &to->procs.proc[i];

		printf("process %d name:%s rss_kb:%ld pss_kb:%ld threads:%ld\n",
		       (int)p->pid, p->name, p->rss_kb, p->pss_kb, p->threads);
	}
}

static void run(struct load *load)
{
	static struct reading from, to;
	struct tally sum = {0};
	struct player *players = calloc(load->connections, sizeof(*players));

	if (!players)
		abort();
	if (load->once) {
		take_reading(load, &from);
		atomic_store(&load->measuring, true);
	}
	start_players(load, players);
	if (!load->once) {
		wait_seconds(load->warm_up);
		take_reading(load, &from);
		atomic_store(&load->measuring, true);
		wait_seconds(load->seconds);
		atomic_store(&load->measuring, false);
		take_reading(load, &to);
		procs_read_pss(&to.procs);
		atomic_store(&load->stop, true);
	}
	end_players(load, players, &sum);
	if (load->once) {
		take_reading(load, &to);
		procs_read_pss(&to.procs);
	}
	print_report(load, &from, &to, &sum);
	tally_free(&sum);
	free(players);
}

static const char usage[] =
	"usage: milterload -s ENDPOINT [-s ENDPOINT]... -m FOLDER [options]\n"
	"  -s ENDPOINT  unix:PATH, inet:ADDRESS:PORT; several make a chain\n"
	"  -m FOLDER    the message set (tests/bench/messages.py makes one)\n"
	"  -c COUNT     connections at once (default 1)\n"
	"  -w SECONDS   warm up before measuring (default 1)\n"
	"  -t SECONDS   measure for so long (default 5)\n"
	"  -f PERCENT   so many messages are from senders never seen before\n"
	"  -1           play the set once instead, all of it measured\n"
	"  -p PID       measure this process and its descendants; repeatable\n"
	"  -r FILE      write one line per message: file, class, result\n";

static int bad_usage(const char *why)
{
	fprintf(stderr, "milterload: %s\n%s", why, usage);
	return 2;
}

static int take_option(struct load *load, int option, struct err *err)
{
	switch (option) {
	case 's':
		if (load->chain_count == CHAIN_MAX)
			return err_set(err, "more than %d filters", CHAIN_MAX);
		return endpoint_parse(optarg, &load->chain[load->chain_count++],
				      err);
	case 'm':
		load->folder = optarg;
		return 0;
	case 'c':
		load->connections = (unsigned)strtoul(optarg, NULL, 10);
		return 0;
	case 'w':
		load->warm_up = strtod(optarg, NULL);
		return 0;
	case 't':
		load->seconds = strtod(optarg, NULL);
		return 0;
	case 'f':
		load->fresh = (unsigned)strtoul(optarg, NULL, 10);
		return load->fresh <= 100 ? 0 : err_set(err, "-f: 0 to 100");
	case '1':
		load->once = true;
		return 0;
	case 'p':
		if (load->root_count == ROOTS_MAX)
			return err_set(err, "more than %d pids", ROOTS_MAX);
		load->roots[load->root_count++] =
			(pid_t)strtol(optarg, NULL, 10);
		return 0;
	case 'r':
		load->results_path = optarg;
		return 0;
	default:
		return err_set(err, "unknown option");
	}
}

int main(int argc, char **argv)
{
	static struct load load = {
		.connections = 1, .warm_up = 1, .seconds = 5};
	struct err err;
	int option;

	while ((option = getopt(argc, argv, "s:m:c:w:t:f:1p:r:")) != -1)
		if (take_option(&load, option, &err) != 0)
			return bad_usage(err.text);
	if (load.chain_count == 0 || !load.folder || optind != argc)
		return bad_usage("give a filter and a message set");
	if (load.connections == 0 || load.connections > CONNECTIONS_MAX)
		return bad_usage("connections: 1 to 1024");
	if (mailset_load(load.folder, &load.set, &err) != 0) {
		fprintf(stderr, "milterload: %s\n", err.text);
		return 1;
	}
	if (load.results_path) {
		load.results = fopen(load.results_path, "w");
		if (!load.results) {
			perror(load.results_path);
			return 1;
		}
	}
	run(&load);
	mailset_free(&load.set);
	return load.results && fclose(load.results) != 0;
}
