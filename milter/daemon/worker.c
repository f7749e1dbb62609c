/*
 * gatepost-worker: judges messages. Started by gatepostd with open file
 * descriptors (role.h), never by hand. Order at start: read what needs
 * privileges, give them up, enter the jail, start threads, serve. It keeps
 * the configuration it started with to its end.
 */
#include "config.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/checks/table.h"
#include "milter/daemon/account.h"
#include "milter/daemon/gate.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/milter.h"
#include "milter/daemon/role.h"
#include "milter/daemon/settings.h"
#include "milter/net/dns.h"
#include "milter/net/dns_watch.h"

#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 5
#define LIBRARY_START_MS 10000
#define HOUSEKEEPING_MS 1000
#define TRIM_MS 60000
#define DRAIN_LOOK_MS 50
/* libmilter sends an answer after the callback has returned. */
#define ANSWER_GRACE_MS 200
/* It accepts connections before we hear of the session. */
#define SESSION_GRACE_MS 1000
#define OPEN_FILES_MAX 65536

#ifdef WITH_SANITIZERS
#define THREAD_STACK (4096 * 1024)
#else
#define THREAD_STACK (256 * 1024)
#endif

struct worker {
	struct process process;
	struct policy *policy;
	struct dns *dns;
	struct store *store;
	struct vault *vault;
	struct scan_options scans;
	struct engine *engine;
	struct account *account;
	struct dns_stats dns_told; /* what the counters have already */
	struct store_stats store_told;
	struct dns_watch dns_watch;
	struct gate gate;
	struct milter_service service;
	int64_t next_trim_ms;
	bool draining; /* its lists are no longer what counts */
};

static const struct worker_conf *settings_of(const struct worker *worker)
{
	return conf_group(worker->process.conf, &worker_settings);
}

/* What needs privileges, before they are given up. */
static int load(struct worker *worker, struct err *err)
{
	char key_path[PATH_MAX];

	if (role_load(&worker->process, err) < 0)
		return -1;
	settings_key_path(worker->process.conf, key_path, sizeof(key_path));
	worker->policy = policy_new(worker->process.conf, key_path, err);
	return worker->policy ? role_drop(&worker->process, err) : -1;
}

/* Bounds what many waiting threads cost. */
static void bound_memory(void)
{
	pthread_attr_t attr;
	struct rlimit files;

	(void)mallopt(M_ARENA_MAX, 4);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max > OPEN_FILES_MAX ? OPEN_FILES_MAX
							 : files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Who scans; one process of a generation looks after clamd. */
static int start_scans(struct worker *worker, struct err *err)
{
	const struct conf *conf = worker->process.conf;
	const struct scanner_conf *scanner =
		conf_group(conf, &scanner_settings);
	enum antivirus_engine engine;
	struct slice where;

	if (antivirus_engine(conf, &engine, &where, err) < 0)
		return -1;
	worker->scans = (struct scan_options){
		.queue = antivirus_wants_scanner(conf) ? ROLE_FD_SCANS : -1,
		.queue_ms = scanner->queue.ms,
		.time_ms = scanner->time.ms,
	};
	if (engine == ANTIVIRUS_CLAMD) {
		worker->scans.clamd = clamd_new(where, err);
		if (!worker->scans.clamd)
			return -1;
	}
	if (worker->scans.queue >= 0 || worker->scans.clamd)
		engine_set_scans(worker->engine, &worker->scans);
	return 0;
}

static int start_engine(struct worker *worker, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(worker->process.conf, &daemon_settings);
	const struct store_options options = {
		.conf = worker->process.conf,
		.state_dir = daemon->state_dir.s.p,
	};

	worker->dns =
		dns_new(conf_group(worker->process.conf, &dns_settings), err);
	if (!worker->dns)
		return -1;
	worker->engine = engine_new(checks_table, worker->process.conf,
				    dns_resolver(worker->dns), err);
	if (!worker->engine)
		return -1;
	worker->store = store_new(&options, err);
	if (!worker->store)
		return -1;
	engine_set_store(worker->engine, worker->store);
	worker->vault =
		vault_open(worker->process.conf, daemon->state_dir.s, err);
	if (!worker->vault || start_scans(worker, err) < 0)
		return -1;
	engine_set_vault(worker->engine, worker->vault);
	worker->account =
		account_new(&worker->process.counters, worker->engine);
	return 0;
}

static bool is_tcp(int fd)
{
	int domain = AF_UNIX;
	socklen_t size = sizeof(domain);

	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	return domain != AF_UNIX;
}

static void *run_library(void *arg)
{
	(void)arg;
	milter_run();
	log_error("the milter library ended; this worker ends too");
	_exit(EXIT_SOFTWARE);
}

/*
 * libmilter waits for signals in a thread of its own and stops at SIGTERM.
 * It runs beside the main thread, which ignores them, so that they are
 * dropped and only the master's word counts.
 */
static int start_library(struct worker *worker, struct err *err)
{
	const struct worker_conf *settings = settings_of(worker);
	struct milter_service *service = &worker->service;
	int fds[TICK_SESSIONS];

	*service = (struct milter_service){
		.engine = worker->engine,
		.policy = worker->policy,
		.counters = worker->process.slot,
		.max_sessions = (unsigned)settings->max_sessions,
		.idle_s = (int)(settings->idle.ms / 1000),
		.over_tcp = is_tcp(ROLE_FD_LISTEN),
		.records = ROLE_FD_RECORDS,
	};
	if (milter_prepare(service, worker->gate.fd, err) < 0)
		return -1;
	if (pthread_create(&worker->gate.listener, NULL, run_library, NULL) !=
	    0)
		return err_set(err, "cannot start a thread");
	service->account = worker->account;
	for (int i = 0; i < TICK_SESSIONS; i++) {
		fds[i] = gate_connect(&worker->gate, LIBRARY_START_MS, err);
		if (fds[i] < 0)
			return -1;
	}
	service->tick = tick_new(fds, TICK_MS, err);
	if (!service->tick)
		return -1;
	atomic_store(&service->serving, true);
	return gate_open(&worker->gate, ROLE_FD_LISTEN, err);
}

static int start(struct worker *worker, struct err *err)
{
	if (load(worker, err) < 0 || gate_new(&worker->gate, err) < 0)
		return -1;
	bound_memory();
	if (jail_enter(true, err) < 0 ||
	    start_engine(worker, err) < 0)
		return -1;
	return start_library(worker, err);
}

/* Adds what DNS has done since the last time. */
static void tell_dns(struct worker *worker)
{
	struct counter_slot *slot = worker->service.counters;
	struct dns_stats *told = &worker->dns_told, now;

	dns_stats(worker->dns, &now);
	counter_add(slot, COUNTER_DNS_ASKED, now.asked - told->asked);
	counter_add(slot, COUNTER_DNS_CACHED, now.cached - told->cached);
	counter_add(slot, COUNTER_DNS_COALESCED,
		    now.coalesced - told->coalesced);
	counter_add(slot, COUNTER_DNS_FAILED, now.failed - told->failed);
	counter_add(slot, COUNTER_DNS_REFUSED, now.refused - told->refused);
	counter_set(slot, GAUGE_DNS_IN_FLIGHT, now.in_flight);
	*told = now;
}

static void tell_store(struct worker *worker)
{
	struct counter_slot *slot = worker->service.counters;
	struct store_stats *told = &worker->store_told, now;

	store_stats(worker->store, &now);
	counter_add(slot, COUNTER_STORE_ASKED, now.asked - told->asked);
	counter_add(slot, COUNTER_STORE_LATE, now.late - told->late);
	counter_add(slot, COUNTER_STORE_FAILED, now.failed - told->failed);
	counter_add(slot, COUNTER_STORE_SKIPPED, now.skipped - told->skipped);
	counter_add(slot, COUNTER_STORE_DOWNS, now.downs - told->downs);
	counter_set(slot, GAUGE_STORE_DOWN, now.down);
	*told = now;
}

/* Gives back what a burst of messages has left, once it is over. */
static void give_back_memory(struct worker *worker, int64_t now_ms)
{
	if (now_ms < worker->next_trim_ms ||
	    atomic_load(&worker->service.transactions) > 0)
		return;
	(void)malloc_trim(0);
	worker->next_trim_ms = now_ms + TRIM_MS;
}

static void keep_house(struct worker *worker)
{
	int64_t now_ms = clock_mono_ms();

	engine_tick(worker->engine, now_ms);
	if (worker->scans.clamd)
		clamd_tick(worker->scans.clamd, now_ms);
	if (worker->process.watch_dns)
		dns_watch_tick(&worker->dns_watch, dns_resolver(worker->dns),
			       now_ms);
	tell_dns(worker);
	tell_store(worker);
	account_sources(worker->account, worker->service.counters,
			!worker->draining);
	give_back_memory(worker, now_ms);
}

/* Until the master says how to end: ROLE_LINGER or ROLE_STOP. */
static char serve(struct worker *worker)
{
	char word = 0;

	while (!word) {
		keep_house(worker);
		word = role_hear(clock_mono_ms() + HOUSEKEEPING_MS);
	}
	return word;
}

struct draining {
	char word; /* ROLE_LINGER or ROLE_STOP */
	int64_t begun_ms;
	int64_t quiet_ms; /* since when nothing of that kind is under way */
};

/* Whether what is under way has ended; a later STOP shortens a LINGER. */
static bool is_done(struct worker *worker, struct draining *draining)
{
	struct milter_service *service = &worker->service;
	int64_t now_ms = clock_mono_ms();

	if (draining->word == ROLE_LINGER && role_hear(0))
		*draining = (struct draining){ROLE_STOP, now_ms, now_ms};
	if (draining->word == ROLE_LINGER) {
		if (atomic_load(&service->sessions) > 0)
			draining->quiet_ms = now_ms;
		return now_ms - draining->quiet_ms >= SESSION_GRACE_MS;
	}
	if (atomic_load(&service->transactions) > 0)
		draining->quiet_ms = now_ms;
	return now_ms - draining->quiet_ms >= ANSWER_GRACE_MS;
}

static bool is_overdue(const struct worker *worker,
		       const struct draining *draining)
{
	const struct worker_conf *settings = settings_of(worker);
	int64_t bound_ms = draining->word == ROLE_LINGER ? settings->linger.ms
							 : settings->drain.ms;

	return clock_mono_ms() - draining->begun_ms >= bound_ms;
}

static void drain(struct worker *worker, char word)
{
	int64_t now_ms = clock_mono_ms(), next_ms = now_ms;
	struct draining draining = {word, now_ms, now_ms};
	struct milter_service *service = &worker->service;
	struct err err;

	worker->draining = true;
	if (gate_close(&worker->gate, &err) < 0)
		log_warn("%s", err.text);
	while (!is_done(worker, &draining)) {
		if (is_overdue(worker, &draining)) {
			if (atomic_load(&service->sessions) == 0)
				break;
			log_warn("ends with %u sessions open, %u of them "
				 "with a message",
				 atomic_load(&service->sessions),
				 atomic_load(&service->transactions));
			break;
		}
		if (clock_mono_ms() >= next_ms) {
			keep_house(worker);
			next_ms = clock_mono_ms() + HOUSEKEEPING_MS;
		}
		(void)poll(NULL, 0, DRAIN_LOOK_MS);
	}
	/* Not freed: a session that is still open may begin a message. */
	store_flush(worker->store, store_deadline(worker->store));
	tell_dns(worker);
	tell_store(worker);
}

int main(int argc, char **argv)
{
	static struct worker worker = {
		.process = {.program = "gatepost-worker", .role = ROLE_WORKER}};
	struct err err = {""};

	if (role_options(&worker.process, argc, argv) < 0) {
		fprintf(stderr, "gatepost-worker is started by gatepostd\n");
		return EXIT_USAGE;
	}
	if (start(&worker, &err) < 0) {
		log_error("%s", err.text);
		_exit(EXIT_CONFIG);
	}
	role_say_ready(&worker.process);
	drain(&worker, serve(&worker));
	role_leave();
}
