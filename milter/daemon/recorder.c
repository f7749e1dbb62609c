/*
 * gatepost-recorder: keeps what workers tell of each message, and tells it
 * to others. Started by gatepostd with open file descriptors (role.h),
 * never by hand. It takes records from the workers (intake), writes them
 * down (archive), looks after the vault (custody), and serves /metrics,
 * /healthz and /status. Mail does not wait for it: frozen or away, workers
 * drop records and count them.
 */
#include "config.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/archive.h"
#include "milter/daemon/custody.h"
#include "milter/daemon/health.h"
#include "milter/daemon/http.h"
#include "milter/daemon/intake.h"
#include "milter/daemon/jail.h"
#include "milter/daemon/notices.h"
#include "milter/daemon/opinions.h"
#include "milter/daemon/pages.h"
#include "milter/daemon/role.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENERS_MAX 32
#define HOUSEKEEPING_MS 60000
/* Below the workers: a batch of records is no reason for mail to wait. */
#define NICE 10

struct recorder {
	struct process process;
	struct intake *intake;
	struct vouch *vouch;
	struct opinions *opinions;
	struct archive *archive;
	struct custody *custody;
	struct notices *notices;
	struct health *health;
	struct http *http;
	struct pages pages;
};

static void take_probe(void *with, struct slice packed)
{
	const struct recorder *recorder = with;

	if (recorder->health)
		health_record(recorder->health, packed);
}

static void answer_metrics(void *with, const struct http_request *request,
			   struct http_reply *reply)
{
	page_metrics(&((struct recorder *)with)->pages, request, reply);
}

static void answer_status(void *with, const struct http_request *request,
			  struct http_reply *reply)
{
	page_status(&((struct recorder *)with)->pages, request, reply);
}

static void answer_health(void *with, const struct http_request *request,
			  struct http_reply *reply)
{
	(void)request;
	health_answer(((struct recorder *)with)->health, reply);
}

static const struct http_page pages[] = {
	{"/metrics", answer_metrics},
	{"/healthz", answer_health},
	{"/status", answer_status},
	{0},
};

static size_t all_sockets(const struct recorder *recorder)
{
	unsigned count = recorder->process.sockets;

	return count < LISTENERS_MAX ? count : LISTENERS_MAX;
}

/* Pages are asked for by connections; what users do is told by datagrams. */
static bool is_for_datagrams(int fd)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_DGRAM;
}

static int hear_users(struct recorder *recorder, struct err *err)
{
	int socket = -1;

	for (size_t i = 0; i < all_sockets(recorder); i++)
		if (is_for_datagrams(ROLE_FD_LISTEN + (int)i))
			socket = ROLE_FD_LISTEN + (int)i;
	recorder->vouch = vouch_new(recorder->process.conf, err);
	if (!recorder->vouch)
		return -1;
	recorder->opinions = opinions_new(socket, recorder->vouch,
					  recorder->process.slot, err);
	return recorder->opinions ? 0 : -1;
}

static int serve_pages(struct recorder *recorder, struct err *err)
{
	int sockets[LISTENERS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < all_sockets(recorder); i++)
		if (!is_for_datagrams(ROLE_FD_LISTEN + (int)i))
			sockets[count++] = ROLE_FD_LISTEN + (int)i;
	recorder->http = http_start(sockets, count, pages, recorder, err);
	return recorder->http ? 0 : -1;
}

static int start(struct recorder *recorder, struct err *err)
{
	struct process *process = &recorder->process;
	struct intake_options intake = {.socket = ROLE_FD_RECORDS,
					.probe = take_probe,
					.with = recorder};
	struct health_options health;

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	if (role_load(process, err) < 0 || role_drop(process, err) < 0 ||
	    jail_enter(true, err) < 0)
		return -1;
	recorder->pages.counters = &process->counters;
	intake.slot = process->slot;
	/* Known before the first record may come. */
	health = (struct health_options){.conf = process->conf,
					 .counters = &process->counters,
					 .slot = process->slot};
	recorder->health = health_new(&health);
	if (!recorder->health)
		return err_set(err, "out of memory");
	recorder->intake = intake_new(&intake, err);
	if (!recorder->intake || hear_users(recorder, err) < 0)
		return -1;
	recorder->archive = archive_new(
		process->conf,
		&(struct archive_sources){recorder->intake,
					  recorder->opinions},
		process->slot, err);
	if (!recorder->archive)
		return -1;
	health_set_archive(recorder->health, recorder->archive);
	recorder->custody = custody_new(process->conf, process->slot, err);
	if (!recorder->custody)
		return -1;
	health_set_custody(recorder->health, recorder->custody);
	recorder->notices = notices_new(process->conf, process->slot, err);
	if (!recorder->notices)
		return -1;
	health_set_notices(recorder->health, recorder->notices);
	return serve_pages(recorder, err);
}

/* In the order in which one needs the other. */
static void end(struct recorder *recorder)
{
	http_stop(&recorder->http);
	intake_end(recorder->intake);
	opinions_end(recorder->opinions);
	archive_free(&recorder->archive);
	opinions_free(&recorder->opinions);
	vouch_free(&recorder->vouch);
	notices_free(&recorder->notices);
	custody_free(&recorder->custody);
	intake_free(&recorder->intake);
	health_free(&recorder->health);
}

int main(int argc, char **argv)
{
	static struct recorder recorder = {
		.process = {.program = "gatepost-recorder",
			    .role = ROLE_RECORDER}};
	struct err err = {""};

	if (role_options(&recorder.process, argc, argv) < 0) {
		fprintf(stderr, "gatepost-recorder is started by gatepostd\n");
		return EXIT_USAGE;
	}
	if (start(&recorder, &err) < 0) {
		log_error("%s", err.text);
		_exit(EXIT_CONFIG);
	}
	role_say_ready(&recorder.process);
	while (role_hear(clock_mono_ms() + HOUSEKEEPING_MS) != ROLE_STOP)
		;
	end(&recorder);
	role_leave();
}
