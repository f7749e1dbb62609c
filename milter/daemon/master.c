/*
 * gatepostd: the master. Reads the configuration, opens the sockets, gives
 * up root, starts workers and watches over them; a new configuration is a
 * new generation of workers on the same sockets. It never touches mail and
 * runs no thread. It stays in the foreground, as service managers want.
 */
#include "config.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/verdict/fingerprint.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/checks/table.h"
#include "milter/daemon/desk.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/notify.h"
#include "milter/daemon/prepare.h"
#include "milter/daemon/role.h"
#include "milter/daemon/settings.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_CONF SYSCONFDIR "/gatepost/gatepost.conf"
#define SETS_MAX 250
/* More generations than these never linger at once: the oldest goes. */
#define LINGERING_MAX 4

struct master {
	const char *conf_path;
	const char *sets[SETS_MAX + 1];
	struct barracks barracks;
	struct jail_user user;
	struct listeners listeners, http;
	struct generation *generations; /* the newest first */
	struct desk desk, scanning;
	unsigned char scanning_by[FINGERPRINT]; /* of its settings */
	uint64_t last_number;
	int signals;
	bool stopping;
	bool reload_wanted; /* while another one was under way */
	int exit_code;
};

static const char help[] =
	"usage: gatepostd [-c FILE] [--set KEY=VALUE]... [--foreground]\n"
	"\n"
	"  -c, --config FILE  the configuration (default " DEFAULT_CONF ")\n"
	"      --set K=V      a setting that overrides the file\n"
	"      --foreground   log to stderr, whatever log.target says\n"
	"      --version      print the version\n"
	"\n"
	"gatepostd never leaves the foreground. SIGHUP reads the "
	"configuration\n"
	"again, SIGUSR1 logs the counters, SIGTERM ends it after the messages\n"
	"under way. Exit codes: 0 ended, 64 usage, 69 an address cannot be\n"
	"used, 70 a worker does not start, 71 the system refuses something,\n"
	"78 wrong configuration.\n";

/* Returns -1 to go on, else the exit code. */
static int read_options(struct master *master, int argc, char **argv)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 's'},
		{"foreground", no_argument, NULL, 'f'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	size_t sets = 0;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		if (c == 'c') {
			master->conf_path = optarg;
		} else if (c == 's' && sets < SETS_MAX) {
			master->sets[sets++] = optarg;
		} else if (c == 'f') {
			master->barracks.log_to_stderr = true;
		} else if (c == 'V') {
			puts(PACKAGE_STRING);
			return EXIT_SUCCESS;
		} else {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fputs(help, stderr);
	return EXIT_USAGE;
}

/* Generations that only wind down must not pile up. */
static void bound_lingering(struct master *master)
{
	unsigned count = 0;

	for (struct generation *gen = master->generations; gen; gen = gen->next)
		if (gen->phase == PHASE_LINGERING && ++count > LINGERING_MAX)
			generation_end(gen, PHASE_STOPPING);
}

static bool is_used_by_generation(const void *with,
				  const struct listener *listener)
{
	const struct generation *gen = with;

	return gen && generation_uses(gen, listener);
}

static bool is_used_by_desk(const void *with, const struct listener *listener)
{
	return desk_uses(with, listener);
}

/* Closes what neither that generation nor a recorder uses. */
static void keep_listeners(struct master *master, const struct generation *gen)
{
	listeners_keep(&master->listeners, is_used_by_generation, gen);
	listeners_keep(&master->http, is_used_by_desk, &master->desk);
}

/* Loading signatures is dear: only for what changes the scanner. */
static void use_scanner(struct master *master, const struct generation *gen)
{
	unsigned char by[FINGERPRINT];

	if (!antivirus_wants_scanner(gen->conf)) {
		desk_stop(&master->scanning);
		memset(master->scanning_by, 0, FINGERPRINT);
		return;
	}
	settings_of_scanner(gen->conf, by);
	if (memcmp(by, master->scanning_by, FINGERPRINT) == 0)
		return;
	memcpy(master->scanning_by, by, FINGERPRINT);
	desk_use(&master->barracks, &master->scanning, gen, NULL, 0);
}

static void promote(struct master *master, struct generation *gen)
{
	gen->phase = PHASE_SERVING;
	counter_set(&master->barracks.counters.slots[COUNTERS_MASTER],
		    GAUGE_GENERATION, gen->number);
	for (struct generation *old = gen->next; old; old = old->next)
		if (old->phase == PHASE_SERVING)
			generation_end(old, PHASE_LINGERING);
	bound_lingering(master);
	desk_use(&master->barracks, &master->desk, gen, master->http.wanted,
		 master->http.wanted_count);
	use_scanner(master, gen);
	keep_listeners(master, gen);
	settings_open_log(gen->conf, "gatepostd",
			  master->barracks.log_to_stderr);
	log_info("ready: generation %" PRIu64 " with %zu workers", gen->number,
		 gen->count);
	notify_ready();
}

static const struct generation *serving(const struct master *master)
{
	const struct generation *gen = master->generations;

	while (gen && gen->phase != PHASE_SERVING)
		gen = gen->next;
	return gen;
}

static void refuse_reload(struct master *master, const char *why)
{
	log_error("reload refused, the old configuration stays: %s", why);
	keep_listeners(master, serving(master));
	notify_ready();
}

/* Reads the configuration and begins a generation with it. */
static int begin_generation(struct master *master, struct err *err)
{
	struct generation *gen;
	struct conf *conf;
	int conf_fd, code;

	code = prepare_conf(
		&(struct prepare_source){master->conf_path, master->sets,
					 &master->barracks.counters},
		&conf, &conf_fd, err);
	if (code)
		return code;
	conf_set_generation(conf, ++master->last_number);
	code = prepare_places(conf, &master->user, err);
	if (!code)
		code = listeners_open(&master->listeners, conf, &master->user,
				      err);
	if (!code)
		code = listeners_open_recorder(&master->http, conf, &master->user,
					   err);
	if (code) {
		conf_free(&conf);
		close(conf_fd);
		return code;
	}
	gen = generation_new(&master->barracks, conf, conf_fd,
			     master->listeners.wanted,
			     master->listeners.wanted_count, err);
	if (!gen) {
		conf_free(&conf);
		close(conf_fd);
		return EXIT_OSERR;
	}
	gen->next = master->generations;
	master->generations = gen;
	return 0;
}

static void reload(struct master *master)
{
	const struct generation *newest = master->generations;
	struct err err;

	if (master->stopping || !newest)
		return;
	if (newest->phase == PHASE_STARTING || newest->phase == PHASE_FAILED) {
		master->reload_wanted = true;
		return;
	}
	notify_reloading();
	log_info("reading %s again", master->conf_path);
	if (begin_generation(master, &err) != 0)
		refuse_reload(master, err.text);
}

static void stop(struct master *master)
{
	bool again = master->stopping;

	if (!again) {
		log_info("ending after the messages under way");
		notify_stopping();
	}
	master->stopping = true;
	listeners_keep(&master->listeners, NULL, NULL);
	if (again)
		desk_kill(&master->desk);
	if (again)
		desk_kill(&master->scanning);
	for (struct generation *gen = master->generations; gen;
	     gen = gen->next) {
		if (again)
			generation_kill(gen);
		else
			generation_end(gen, PHASE_STOPPING);
	}
}

static void log_counters(const struct master *master)
{
	struct arena *arena = arena_new(0);
	struct buf line = BUF(arena);

	counters_print(&master->barracks.counters, &line);
	log_pairs(LOG_LEVEL_INFO, buf_slice(&line));
	arena_free(&arena);
}

static void bury_the_dead(struct master *master)
{
	struct generation *gen;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (desk_bury(&master->barracks, &master->desk, pid, status) ||
		    desk_bury(&master->barracks, &master->scanning, pid,
			      status))
			continue;
		for (gen = master->generations; gen; gen = gen->next)
			if (generation_bury(&master->barracks, gen, pid,
					    status))
				break;
	}
}

static void hear_signals(struct master *master)
{
	struct signalfd_siginfo info;

	while (read(master->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(master);
		else if (info.ssi_signo == SIGUSR1)
			log_counters(master);
		else if (info.ssi_signo == SIGCHLD)
			bury_the_dead(master);
		else
			stop(master);
	}
}

/* A generation whose last process has gone; false: it is still needed. */
static bool let_go(struct master *master, struct generation *gen)
{
	if (gen->phase == PHASE_FAILED && !serving(master))
		master->exit_code = gen->exit_code;
	else if (gen->phase == PHASE_FAILED)
		refuse_reload(master, "see the worker's message above");
	else if (gen->phase != PHASE_LINGERING && gen->phase != PHASE_STOPPING)
		return false;
	return true;
}

/* Does what is due; returns when to look again. */
static int64_t look(struct master *master)
{
	struct generation **at = &master->generations, *gen;
	int64_t next_ms = desk_look(&master->barracks, &master->desk);
	int64_t scanning_ms = desk_look(&master->barracks, &master->scanning);

	next_ms = scanning_ms < next_ms ? scanning_ms : next_ms;

	while ((gen = *at) != NULL) {
		int64_t at_ms = generation_look(&master->barracks, gen);

		next_ms = at_ms < next_ms ? at_ms : next_ms;
		if (gen->phase == PHASE_STARTING && generation_is_complete(gen))
			promote(master, gen);
		if (generation_is_empty(gen) && let_go(master, gen)) {
			*at = gen->next;
			generation_free(&master->barracks, &gen);
		} else {
			at = &gen->next;
		}
	}
	if (master->reload_wanted && master->generations &&
	    master->generations->phase == PHASE_SERVING) {
		master->reload_wanted = false;
		reload(master);
		next_ms = 0;
	}
	/* Workers have sent their last records: the recorder may end. */
	if (!master->generations) {
		desk_stop(&master->desk);
		desk_stop(&master->scanning);
	}
	return next_ms;
}

static void add_poll(struct pollfd *fds, size_t *n, const struct child *child)
{
	if (child->control >= 0)
		fds[(*n)++] =
			(struct pollfd){.fd = child->control, .events = POLLIN};
}

static size_t fill_poll(const struct master *master, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){.fd = master->signals, .events = POLLIN};
	for (const struct generation *gen = master->generations; gen;
	     gen = gen->next)
		for (size_t i = 0; i < gen->count; i++)
			add_poll(fds, &n, &gen->seats[i].child);
	for (size_t i = 0; i < master->desk.count; i++)
		add_poll(fds, &n, &master->desk.posts[i].child);
	for (size_t i = 0; i < master->scanning.count; i++)
		add_poll(fds, &n, &master->scanning.posts[i].child);
	return n;
}

static void wait_for_events(struct master *master, int64_t until_ms)
{
	static struct pollfd fds[COUNTERS_SLOTS + 2 * DESK_POSTS_MAX + 1];
	size_t n = fill_poll(master, fds);
	int64_t wait_ms = until_ms - clock_mono_ms();
	struct generation *gen;

	if (until_ms == INT64_MAX)
		wait_ms = -1;
	else if (wait_ms < 0 || wait_ms > 60000)
		wait_ms = wait_ms < 0 ? 0 : 60000;
	if (poll(fds, n, (int)wait_ms) <= 0)
		return;
	for (size_t i = 1; i < n; i++) {
		if (!fds[i].revents || desk_hear(&master->desk, fds[i].fd) ||
		    desk_hear(&master->scanning, fds[i].fd))
			continue;
		for (gen = master->generations; gen; gen = gen->next)
			if (generation_hear(&master->barracks, gen, fds[i].fd))
				break;
	}
	if (fds[0].revents)
		hear_signals(master);
}

static int open_signals(struct master *master, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	master->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (master->signals < 0)
		return err_set(err, "cannot wait for signals: %s",
			       strerror(errno));
	return 0;
}

/* All that can go wrong before the first worker runs; an exit code or 0. */
static int begin(struct master *master, struct err *err)
{
	const struct generation *gen;
	int code;

	master->barracks.worker = prepare_program("gatepost-worker", err);
	if (master->barracks.worker)
		master->barracks.recorder =
			prepare_program("gatepost-recorder", err);
	if (master->barracks.recorder)
		master->barracks.scanner =
			prepare_program("gatepost-scanner", err);
	if (!master->barracks.scanner ||
	    counters_make(&master->barracks.counters, err) < 0 ||
	    records_open(&master->barracks.records, err) < 0 ||
	    records_open(&master->barracks.scans, err) < 0 ||
	    open_signals(master, err) < 0)
		return EXIT_OSERR;
	code = begin_generation(master, err);
	if (code)
		return code;
	gen = master->generations;
	settings_open_log(gen->conf, "gatepostd",
			  master->barracks.log_to_stderr);
	if (jail_drop(&master->user, err) < 0)
		return EXIT_OSERR;
	if (access(master->conf_path, R_OK) != 0)
		log_warn("a reload will fail: user %s may not read %s",
			 master->user.name, master->conf_path);
	return 0;
}

static void close_all(struct master *master)
{
	listeners_keep(&master->listeners, NULL, NULL);
	listeners_keep(&master->http, NULL, NULL);
}

int main(int argc, char **argv)
{
	static struct master master = {
		.conf_path = DEFAULT_CONF,
		.desk = {.role = ROLE_RECORDER},
		.scanning = {.role = ROLE_SCANNER},
	};
	struct err err = {""};
	int code = read_options(&master, argc, argv);

	if (code >= 0)
		return code;
	master.barracks.sets = master.sets;
	code = begin(&master, &err);
	if (code) {
		fprintf(stderr, "gatepostd: %s\n", err.text);
		close_all(&master);
		return code;
	}
	for (;;) {
		int64_t next_ms = look(&master);

		if (!master.generations && master.desk.count == 0 &&
		    master.scanning.count == 0)
			break;
		wait_for_events(&master, next_ms);
	}
	close_all(&master);
	if (master.stopping)
		log_info("ended");
	return master.exit_code;
}
