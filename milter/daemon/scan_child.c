/*
 * It dies by signal or by its jail's hand with the message it is at; the
 * reply socket closes, and the worker knows. Nothing else is lost.
 */
#include "milter/daemon/scan_child.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/jail_scanner.h"
#include "milter/daemon/scan_job.h"
#include "milter/daemon/scan_tmp.h"
#include "milter/scan/clamav.h"
#include "milter/scan/scan_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Beyond what the generation leaves it before it ends it by force. */
#define CPU_SLACK_MS 2000

static const struct scanner_conf *settings_of(const struct scan_child *child)
{
	return conf_group(child->process->conf, &scanner_settings);
}

static int enter_jail(const struct scan_child *child, struct err *err)
{
	const struct scanner_conf *conf = settings_of(child);
	const struct jail_scanner bounds = {
		.tmp = child->tmp,
		.memory = (uint64_t)conf->memory.n,
		.file_bytes = (uint64_t)conf->tmp.n,
	};

	(void)scan_tmp_mount(child->tmp, (uint64_t)conf->tmp.n);
	if (child->clamav &&
	    clamav_use_tmp(child->clamav, child->tmp, err) < 0)
		return -1;
	return jail_scanner_enter(&bounds, err);
}

static void scan(const struct scan_child *child, struct arena *arena,
		 const struct scan_job *job, struct scan_report *report_r)
{
	const struct scanner_conf *conf = settings_of(child);
	const struct scan_limits limits = {
		.scan_size = (uint64_t)conf->scan_size.n,
		.files = (unsigned)conf->files,
		.recursion = (unsigned)conf->recursion,
		.time_ms = conf->engine_time.ms,
	};
	const struct scan_engine engine = {clamav_look, child->clamav};

	if (job->refused)
		*report_r = (struct scan_report){
			.result = SCAN_UNSCANNED,
			.trouble = SCAN_ERROR,
			.reason = slice_cstr(job->refused),
		};
	else
		scan_message(arena, job->message,
			     child->clamav ? &engine : NULL, &limits,
			     report_r);
	if (!child->clamav)
		return;
	report_r->engine = slice_cstr(child->about->engine);
	report_r->database_version = child->about->database_version;
	report_r->database_time = child->about->database_time;
	report_r->signatures = child->about->signatures;
}

static void take_one(const struct scan_child *child)
{
	struct arena *arena;
	struct scan_report report;
	struct scan_job job;

	jail_scanner_bound_cpu(settings_of(child)->time.ms + CPU_SLACK_MS);
	/* Before, or it could not be ended by force while it takes it. */
	atomic_store(&child->line->busy_since_ms, clock_mono_ms());
	if (scan_job_take(ROLE_FD_SCANS, &job)) {
		arena = arena_new(0);
		scan(child, arena, &job, &report);
		scan_job_end(&job, child->process->slot, arena, &report);
		arena_free(&arena);
		if (child->clamav)
			scan_tmp_empty(child->tmp);
	}
	atomic_store(&child->line->busy_since_ms, 0);
}

/* All children wait for the same queue; a message wakes one of them. */
static int watch(const struct scan_child *child, struct err *err)
{
	struct epoll_event end = {.events = EPOLLIN, .data.fd = child->until};
	struct epoll_event queue = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				    .data.fd = ROLE_FD_SCANS};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, child->until, &end) != 0 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, ROLE_FD_SCANS, &queue) != 0)
		return err_set(err, "cannot wait for messages: %s",
			       strerror(errno));
	return fd;
}

_Noreturn void scan_child_run(const struct scan_child *child)
{
	struct epoll_event event;
	struct err err;
	int fd = watch(child, &err);

	if (fd < 0 || enter_jail(child, &err) < 0) {
		log_error("a scanner cannot be jailed: %s", err.text);
		_exit(EXIT_OSERR);
	}
	/* One at a time: what is ready takes turns, so the end is heard. */
	for (;;) {
		if (epoll_wait(fd, &event, 1, -1) <= 0)
			continue;
		if (event.data.fd != ROLE_FD_SCANS ||
		    !(event.events & EPOLLIN))
			_exit(EXIT_SUCCESS);
		take_one(child);
	}
}
