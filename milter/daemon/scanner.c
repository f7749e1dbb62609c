/*
 * gatepost-scanner: looks for viruses. Started by gatepostd with open file
 * descriptors (role.h), never by hand. This process, the supervisor, holds
 * no database and reads no mail: it forks a generation, which loads the
 * signatures and forks the children that scan (scan_generation.h), and
 * another one when there are new signatures. While there are none it
 * answers each message with that.
 *
 * It links libclamav, so this program as a whole is under the GPL, version 2.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/checks/antivirus_conf.h"
#include "milter/daemon/child.h"
#include "milter/daemon/role.h"
#include "milter/daemon/scan_generation.h"
#include "milter/daemon/scan_job.h"
#include "milter/daemon/scan_watch.h"
#include "milter/net/scan_wire.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 200
#define RETRY_MS 60000
/* While the old signatures serve. */
#define RETRY_SERVING_MS 600000
#define COMPLAIN_MS 600000
#define END_MS 3000

struct scanner {
	struct process process;
	bool engine;		/* libclamav is used at all */
	struct scan_generation now, next, old;
	struct clamav_about about; /* of `now` */
	struct scan_watch watch;
	/* States of the folder: tried last, in use, not to be loaded; or 0. */
	uint64_t loaded, serving, failed;
	int64_t retry_ms, complain_ms;
	bool ready_said, aged, restless_said;
	char trouble[512];
};

static const struct antivirus_conf *antivirus_of(const struct scanner *s)
{
	return conf_group(s->process.conf, &antivirus_settings);
}

static const struct scanner_conf *conf_of(const struct scanner *s)
{
	return conf_group(s->process.conf, &scanner_settings);
}

static void set_gauge(const struct scanner *s, enum counter gauge,
		      uint64_t value)
{
	counter_set(s->process.slot, gauge, value);
}

static unsigned count_busy(const struct scan_generation *gen)
{
	unsigned busy = 0;

	for (size_t i = 0; gen->board && i < SCAN_CHILDREN_MAX; i++)
		busy += atomic_load(&gen->board->lines[i].busy_since_ms) != 0;
	return busy;
}

static void watch_age(struct scanner *s)
{
	int64_t age_ms = (clock_wall() - s->about.database_time) * 1000;
	bool aged = s->engine && s->now.ready &&
		    age_ms > antivirus_of(s)->max_age.ms;

	if (aged && !s->aged)
		log_warn("the signatures in %s are %lld hours old, which is "
			 "over antivirus.max_age: is freshclam running?",
			 antivirus_of(s)->database.s.p,
			 (long long)(age_ms / 3600000));
	s->aged = aged;
}

static unsigned count_children(const struct scan_generation *gen)
{
	return gen->board ? atomic_load(&gen->board->children) : 0;
}

static void tell_gauges(struct scanner *s)
{
	enum scan_state state = s->now.ready  ? SCAN_STATE_SERVING
				: s->next.pid ? SCAN_STATE_LOADING
					      : SCAN_STATE_NONE;
	int queued = 0;

	watch_age(s);
	if (ioctl(ROLE_FD_SCANS, FIONREAD, &queued) != 0)
		queued = 0;
	if (state == SCAN_STATE_SERVING &&
	    (s->aged || s->failed || s->watch.restless))
		state = SCAN_STATE_OLD;
	set_gauge(s, GAUGE_SCAN_STATE, state);
	set_gauge(s, GAUGE_SCAN_QUEUED,
		  (uint64_t)queued / sizeof(struct scan_request));
	set_gauge(s, GAUGE_SCANNERS_BUSY,
		  count_busy(&s->now) + count_busy(&s->old));
	set_gauge(s, GAUGE_SCANNERS,
		  count_children(&s->now) + count_children(&s->old));
	set_gauge(s, GAUGE_SCAN_OVERAGED, s->aged);
	set_gauge(s, GAUGE_SCAN_RESTLESS, s->watch.restless);
	set_gauge(s, GAUGE_SCAN_FAILED, s->failed != 0);
	set_gauge(s, GAUGE_ENGINE_VERSION,
		  s->now.ready ? s->about.engine_number : 0);
	set_gauge(s, GAUGE_SIGNATURES, s->now.ready ? s->about.signatures : 0);
	set_gauge(s, GAUGE_DATABASE_VERSION,
		  s->now.ready ? s->about.database_version : 0);
	set_gauge(s, GAUGE_DATABASE_TIME,
		  s->now.ready ? (uint64_t)s->about.database_time : 0);
}

/* A new supervisor counts as ready once it serves, or knows it cannot. */
static void say_ready(struct scanner *s)
{
	if (!s->ready_said)
		role_say_ready(&s->process);
	s->ready_said = true;
}

static void complain(struct scanner *s, const char *what)
{
	int64_t now_ms = clock_mono_ms();

	snprintf(s->trouble, sizeof(s->trouble), "%s", what);
	if (now_ms < s->complain_ms)
		return;
	s->complain_ms = now_ms + COMPLAIN_MS;
	log_error("NO VIRUS SCANNING: %s; messages are unscanned until that "
		  "is mended: run freshclam, or set antivirus.database, or "
		  "antivirus.engine = off",
		  what);
}

static void load_failed(struct scanner *s, const char *why)
{
	counter_add(s->process.slot, COUNTER_SCAN_LOADS_FAILED, 1);
	s->retry_ms = clock_mono_ms() +
		      (s->now.ready ? RETRY_SERVING_MS : RETRY_MS);
	if (s->failed != s->loaded) {
		log_error("the signatures cannot be loaded%s: %s",
			  s->now.ready ? ", the old ones stay" : "", why);
	}
	s->failed = s->loaded;
	if (!s->now.ready)
		complain(s, why);
	say_ready(s);
}

/* Signatures that may be half written replace none that serve. */
static enum scan_load what_to_load(const struct scanner *s)
{
	if (!s->engine)
		return SCAN_LOAD_NOTHING;
	return s->now.pid > 0 && !s->watch.restless ? SCAN_LOAD_UNCHANGED
						    : SCAN_LOAD_ANYTHING;
}

static void begin(struct scanner *s)
{
	struct err err;

	s->loaded = s->watch.seen;
	if (scan_generation_start(&s->next, &s->process, what_to_load(s),
				  &err) < 0)
		load_failed(s, err.text);
}

static bool has_news(struct scanner *s, int64_t now_ms)
{
	if (scan_watch_has_news(&s->watch, s->loaded, now_ms))
		return true;
	return s->watch.seen != 0 && (s->now.pid == 0 || s->failed != 0) &&
	       now_ms >= s->retry_ms;
}

static void watch_rest(struct scanner *s)
{
	if (s->watch.restless && !s->restless_said)
		log_error("the signatures in %s keep changing, for longer "
			  "than scanner.restless; they are loaded as they are: "
			  "is something at work on the files themselves?",
			  s->watch.folder);
	s->restless_said = s->watch.restless;
}

static void look(struct scanner *s)
{
	int64_t now_ms = clock_mono_ms();
	char what[400];

	if (s->next.pid > 0 || s->old.pid > 0)
		return;
	if (has_news(s, now_ms)) {
		watch_rest(s);
		if (s->now.pid > 0 &&
		    conf_of(s)->reload.value == SCANNER_RELOAD_FREE_FIRST) {
			s->old = s->now;
			s->now = (struct scan_generation){.control = -1};
			scan_generation_end(&s->old);
			/* It begins when that has gone. */
			s->loaded = 0;
			return;
		}
		begin(s);
	} else if (s->now.pid == 0 && s->watch.seen == 0) {
		snprintf(what, sizeof(what), "there are no signatures in %s",
			 antivirus_of(s)->database.s.p);
		complain(s, what);
		say_ready(s);
	}
}

static void promote(struct scanner *s)
{
	s->next.ready = true;
	s->old = s->now;
	s->now = s->next;
	s->next = (struct scan_generation){.control = -1};
	s->about = s->now.board->about;
	s->about.engine[sizeof(s->about.engine) - 1] = '\0';
	s->serving = s->loaded;
	s->failed = 0;
	s->complain_ms = 0;
	s->trouble[0] = '\0';
	if (s->old.pid > 0)
		scan_generation_end(&s->old);
	set_gauge(s, GAUGE_SCAN_LOADED, (uint64_t)clock_wall());
	if (s->engine)
		log_info("scanning with %s, %llu signatures, daily version "
			 "%llu",
			 s->about.engine, (unsigned long long)s->about.signatures,
			 (unsigned long long)s->about.database_version);
	say_ready(s);
}

static void next_died(struct scanner *s, const char *how)
{
	const struct scan_board *board = s->next.board;
	bool changed = board->changed;
	char why[512];

	snprintf(why, sizeof(why), "%.*s", (int)sizeof(board->trouble) - 1,
		 board->trouble[0] ? board->trouble : how);
	scan_generation_bury(&s->next);
	if (changed) {
		log_info("the signatures changed while they were loaded; they "
			 "are loaded again once they rest");
		s->loaded = s->serving;
		return;
	}
	load_failed(s, why);
}

static void died(struct scanner *s, struct scan_generation *gen, int status)
{
	char how[CHILD_TEXT];

	child_describe(status, how);
	if (gen == &s->next) {
		next_died(s, how);
		return;
	}
	if (gen == &s->now && !gen->ending) {
		log_error("the process that keeps the signatures %s; another "
			  "one loads them", how);
		counter_add_at(s->process.slot, COUNTER_CRASHES, ROLE_SCANNER,
			       1);
		s->loaded = 0;
	}
	scan_generation_bury(gen);
}

static void bury(struct scanner *s)
{
	struct scan_generation *all[] = {&s->now, &s->next, &s->old};
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < 3; i++)
			if (all[i]->pid == pid) {
				died(s, all[i], status);
				break;
			}
}

static void answer_one(struct scanner *s)
{
	struct scan_report report = {.result = SCAN_UNSCANNED,
				     .trouble = SCAN_NO_DATABASE,
				     .reason = slice_cstr(s->trouble)};
	struct arena *arena;
	struct scan_job job;

	if (!scan_job_take(ROLE_FD_SCANS, &job))
		return;
	arena = arena_new(0);
	scan_job_end(&job, s->process.slot, arena, &report);
	arena_free(&arena);
}

/* Nobody scans, nobody is about to: the supervisor says so itself. */
static bool is_alone(const struct scanner *s)
{
	return s->ready_said && !s->now.pid && !s->next.pid && !s->old.pid &&
	       s->trouble[0];
}

static void wait_for_events(struct scanner *s)
{
	struct pollfd fds[] = {
		{.fd = ROLE_FD_CONTROL, .events = POLLIN},
		{.fd = s->next.control, .events = POLLIN},
		{.fd = s->now.control, .events = POLLIN},
		{.fd = s->old.control, .events = POLLIN},
		{.fd = is_alone(s) ? ROLE_FD_SCANS : -1, .events = POLLIN},
	};
	char word;

	(void)poll(fds, sizeof(fds) / sizeof(fds[0]), LOOK_MS);
	if (fds[1].revents &&
	    recv(s->next.control, &word, 1, MSG_DONTWAIT) == 1)
		promote(s);
	if (fds[4].revents)
		answer_one(s);
	/* A closed socket is a process that ends: it is buried soon. */
	if ((fds[1].revents | fds[2].revents | fds[3].revents) & POLLHUP)
		usleep(1000);
}

static void end(struct scanner *s)
{
	struct scan_generation *all[] = {&s->now, &s->next, &s->old};
	int64_t until_ms = clock_mono_ms() + conf_of(s)->time.ms + END_MS;
	bool left = true;

	for (size_t i = 0; i < 3; i++)
		scan_generation_end(all[i]);
	if (s->next.pid > 0)
		kill(s->next.pid, SIGKILL);
	while (left && clock_mono_ms() < until_ms) {
		usleep(5000);
		bury(s);
		left = s->now.pid || s->next.pid || s->old.pid;
	}
}

static int start(struct scanner *s, struct err *err)
{
	enum antivirus_engine engine;
	struct slice where;

	if (role_load(&s->process, err) < 0 || role_drop(&s->process, err) < 0 ||
	    antivirus_engine(s->process.conf, &engine, &where, err) < 0)
		return -1;
	s->engine = engine == ANTIVIRUS_LIBCLAMAV;
	s->watch = (struct scan_watch){
		.folder = s->engine ? antivirus_of(s)->database.s.p : NULL,
		.every_ms = conf_of(s)->watch.ms,
		.restless_ms = conf_of(s)->restless.ms,
	};
	s->now.control = s->next.control = s->old.control = -1;
	close(ROLE_FD_RECORDS);
	return 0;
}

int main(int argc, char **argv)
{
	static struct scanner s = {.process = {.program = "gatepost-scanner",
					       .role = ROLE_SCANNER}};
	struct err err = {""};

	if (role_options(&s.process, argc, argv) < 0) {
		fprintf(stderr, "gatepost-scanner is started by gatepostd\n");
		return EXIT_USAGE;
	}
	if (start(&s, &err) < 0) {
		log_error("%s", err.text);
		_exit(EXIT_CONFIG);
	}
	while (role_hear(0) != ROLE_STOP) {
		bury(&s);
		look(&s);
		tell_gauges(&s);
		wait_for_events(&s);
	}
	end(&s);
	role_leave();
}
