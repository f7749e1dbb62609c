/*
 * Scans are independent of each other: they share only where clamd is and
 * what it said of itself, under one lock. A scan belongs to one thread; it
 * owns a socket, and borrows the message's descriptor.
 */
#include "milter/net/clamd.h"
#include "common/base/clock.h"
#include "milter/net/clamd_reply.h"
#include "milter/net/clamd_talk.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_EVERY_MS 60000
#define VERSION_AGAIN_MS 5000 /* clamd did not say */
#define VERSION_WAIT_MS 1000
#define RESOLVE_EVERY_MS 10000

struct clamd {
	struct clamd_place place;
	bool is_name;	      /* to be resolved again */
	pthread_mutex_t lock; /* holds what follows */
	struct clamd_addresses addresses;
	size_t first; /* which of them took it last */
	bool failed;  /* none did */
	char engine[80];
	uint64_t database_version;
	int64_t database_time;
	/* For clamd_tick() alone. */
	int64_t next_version_ms, next_resolve_ms;
};

struct clamd_scan {
	struct clamd *clamd;
	struct arena *arena;
	int64_t begun_us;
	struct clamd_talk talk;
	bool noted; /* how connecting went */
};

struct clamd *clamd_new(struct slice where, struct err *err)
{
	struct clamd *clamd = calloc(1, sizeof(*clamd));
	struct err unresolved;

	if (!clamd) {
		err_set(err, "clamd: no memory");
		return NULL;
	}
	if (clamd_place_read(where, &clamd->place, &clamd->addresses, err) !=
	    0) {
		free(clamd);
		return NULL;
	}
	/* A name that is not known yet, as while the host starts, is later. */
	clamd->is_name = clamd->addresses.count == 0;
	if (clamd->is_name)
		clamd->failed =
			clamd_place_resolve(&clamd->place, &clamd->addresses,
					    &unresolved) != 0;
	pthread_mutex_init(&clamd->lock, NULL);
	return clamd;
}

void clamd_free(struct clamd **clamd)
{
	if (!*clamd)
		return;
	pthread_mutex_destroy(&(*clamd)->lock);
	free(*clamd);
	*clamd = NULL;
}

static void resolve_again(struct clamd *clamd)
{
	struct clamd_addresses addresses;
	struct err err;

	if (clamd_place_resolve(&clamd->place, &addresses, &err) != 0)
		return;
	pthread_mutex_lock(&clamd->lock);
	clamd->addresses = addresses;
	clamd->failed = false;
	pthread_mutex_unlock(&clamd->lock);
}

static void begin_talk(struct clamd *clamd, struct arena *arena,
		       struct slice command, struct clamd_talk *talk)
{
	struct clamd_addresses addresses;
	size_t first;

	pthread_mutex_lock(&clamd->lock);
	addresses = clamd->addresses;
	first = clamd->first;
	pthread_mutex_unlock(&clamd->lock);
	clamd_talk_begin(talk, arena, &addresses, first, command);
}

/*
 * Remembers which address took it. One that says nothing at all is not to
 * hold up the next message too: that begins with the one after it.
 */
static void note_connecting(struct clamd *clamd, const struct clamd_talk *talk)
{
	pthread_mutex_lock(&clamd->lock);
	clamd->first = talk->connected ? talk->at : talk->at + 1;
	if (!talk->connected)
		clamd->failed = true;
	pthread_mutex_unlock(&clamd->lock);
}

/* Whether clamd said it. */
static bool ask_version(struct clamd *clamd)
{
	struct arena *arena = arena_new(0);
	struct clamd_talk talk;
	struct clamd_version version;
	bool said;

	begin_talk(clamd, arena, SLICE("zVERSION"), &talk);
	clamd_talk_wait(&talk, clock_mono_ms() + VERSION_WAIT_MS);
	note_connecting(clamd, &talk);
	said = talk.reply_whole &&
	       clamd_read_version(clamd_talk_reply(&talk), &version);
	if (said) {
		pthread_mutex_lock(&clamd->lock);
		snprintf(clamd->engine, sizeof(clamd->engine), "%.*s",
			 SLICE_FMT(version.engine));
		clamd->database_version = version.database_version;
		clamd->database_time = version.database_time;
		pthread_mutex_unlock(&clamd->lock);
	}
	clamd_talk_end(&talk);
	arena_free(&arena);
	return said;
}

void clamd_tick(struct clamd *clamd, int64_t now_ms)
{
	bool failed;

	pthread_mutex_lock(&clamd->lock);
	failed = clamd->failed;
	pthread_mutex_unlock(&clamd->lock);
	if (failed && clamd->is_name && now_ms >= clamd->next_resolve_ms) {
		clamd->next_resolve_ms = now_ms + RESOLVE_EVERY_MS;
		resolve_again(clamd);
	}
	if (now_ms >= clamd->next_version_ms)
		clamd->next_version_ms =
			now_ms + (ask_version(clamd) ? VERSION_EVERY_MS
						     : VERSION_AGAIN_MS);
}

struct clamd_scan *clamd_begin(struct clamd *clamd, struct arena *arena, int fd,
			       uint64_t size)
{
	struct clamd_scan *scan = ARENA_NEW(arena, struct clamd_scan);
	bool is_unix = clamd->place.is_unix;

	scan->clamd = clamd;
	scan->arena = arena;
	scan->begun_us = clock_mono_us();
	begin_talk(clamd, arena,
		   is_unix ? SLICE("zFILDES") : SLICE("zINSTREAM"),
		   &scan->talk);
	clamd_talk_set_message(&scan->talk, arena,
			       is_unix ? CLAMD_BY_DESCRIPTOR : CLAMD_IN_CHUNKS,
			       fd, size);
	clamd_talk_wait(&scan->talk, 0);
	return scan;
}

static void set_trouble(const struct clamd_scan *scan,
			struct scan_report *report, enum scan_trouble trouble,
			const char *reason)
{
	const char *where = scan->clamd->place.where;
	struct slice text =
		arena_printf(scan->arena, "clamd at %s: %s", where, reason);

	*report = (struct scan_report){
		.result = SCAN_UNSCANNED,
		.trouble = trouble,
		.reason = slice_sub(text, 0, SCAN_TEXT_MAX)};
}

static void report_end(struct clamd_scan *scan, struct scan_report *report)
{
	const struct clamd_talk *talk = &scan->talk;

	if (!talk->connected && talk->addresses.count == 0)
		set_trouble(scan, report, SCAN_DOWN, "its host is not known");
	else if (!talk->connected)
		set_trouble(scan, report, SCAN_DOWN, strerror(talk->error));
	else if (talk->unreadable)
		set_trouble(scan, report, SCAN_ERROR,
			    "the message could not be read back");
	else if (talk->reply_n == 0)
		set_trouble(scan, report, SCAN_CRASHED,
			    "it closed the connection without a reply");
	else
		clamd_read_reply(scan->arena, clamd_talk_reply(talk), report);
	/* "OK" has to be the whole reply to the whole message. */
	if (report->result == SCAN_CLEAN && !talk->reply_whole)
		set_trouble(scan, report, SCAN_CRASHED, "its reply is cut off");
	else if (report->result == SCAN_CLEAN && !talk->all_sent)
		set_trouble(scan, report, SCAN_ERROR,
			    "it replied before it had the whole message");
}

static void report_late(struct clamd_scan *scan, struct scan_report *report)
{
	const struct clamd_talk *talk = &scan->talk;

	if (talk->connected)
		set_trouble(scan, report, SCAN_TIMEOUT, "no reply in time");
	else if (talk->stage == CLAMD_CONNECTING)
		set_trouble(scan, report, SCAN_BUSY, "no connection in time");
	else
		set_trouble(scan, report, SCAN_BUSY,
			    talk->error == EAGAIN ? "its queue is full"
						  : strerror(talk->error));
}

static void add_version(struct clamd_scan *scan, struct scan_report *report)
{
	struct clamd *clamd = scan->clamd;

	pthread_mutex_lock(&clamd->lock);
	report->engine = arena_dup(scan->arena, slice_cstr(clamd->engine));
	report->database_version = clamd->database_version;
	report->database_time = clamd->database_time;
	pthread_mutex_unlock(&clamd->lock);
}

bool clamd_wait(struct clamd_scan *scan, int64_t until_ms, bool last,
		struct scan_report *report_r)
{
	bool ended = clamd_talk_wait(&scan->talk, until_ms);

	if (!ended && !last)
		return false;
	if (!scan->noted)
		note_connecting(scan->clamd, &scan->talk);
	scan->noted = true;
	if (ended)
		report_end(scan, report_r);
	else
		report_late(scan, report_r);
	report_r->us = clock_mono_us() - scan->begun_us;
	add_version(scan, report_r);
	return true;
}

void clamd_end(struct clamd_scan **scan)
{
	if (!*scan)
		return;
	clamd_talk_end(&(*scan)->talk);
	*scan = NULL;
}
