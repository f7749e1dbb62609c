/*
 * A file is named STEP-NUMBER-TIME.mail or .post, in hexadecimal, and holds
 * its recipient, an empty line's end, and the bytes to be sent.
 */
#include "milter/daemon/notice_queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 60000
#define PAUSE_MAX_MS (4 * 3600000LL)
#define PAUSE_ALL_MAX_MS (15 * 60000LL)
#define GIVE_UP_MS (5 * 24 * 3600000LL)
#define FILE_BYTES_MAX (1 << 20)
#define FAILURES_MAX 3

/* Until when something waits, and the last pause; 0: it need not. */
struct wait {
	int64_t next_ms, pause_ms;
};

struct entry {
	uint64_t step, number;
	int64_t made_ms;
	enum notice_kind kind;
	struct wait wait;
};

struct notice_queue {
	char folder[PATH_MAX];
	uint64_t number;
	size_t count, counts[NOTICE_KINDS];
	struct wait waits[NOTICE_KINDS]; /* of all, after failures in a row */
	struct entry entries[NOTICE_KINDS * NOTICE_QUEUE_MAX];
};

static const char *const endings[NOTICE_KINDS] = {"mail", "post"};

static void name_entry(const struct notice_queue *q, const struct entry *e,
		       const char *more, char path_r[PATH_MAX + 80])
{
	snprintf(path_r, PATH_MAX + 80,
		 "%s/%016" PRIx64 "-%08" PRIx64 "-%016" PRIx64 ".%s%s",
		 q->folder, e->step, e->number, (uint64_t)e->made_ms,
		 endings[e->kind], more);
}

/* False: it is none of ours. */
static bool read_name(const char *name, struct entry *e_r)
{
	uint64_t made;
	char ending[5], extra;

	*e_r = (struct entry){0};
	if (sscanf(name, "%16" SCNx64 "-%8" SCNx64 "-%16" SCNx64 ".%4s%c",
		   &e_r->step, &e_r->number, &made, ending, &extra) != 4)
		return false;
	e_r->made_ms = (int64_t)made;
	e_r->kind = strcmp(ending, "post") == 0 ? NOTICE_POST : NOTICE_MAIL;
	return strcmp(ending, endings[e_r->kind]) == 0;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void keep(struct notice_queue *q, const struct entry *e)
{
	if (!notice_queue_has_room(q, e->kind))
		return;
	q->entries[q->count++] = *e;
	q->counts[e->kind]++;
	if (e->number >= q->number)
		q->number = e->number + 1;
}

static int look_through(struct notice_queue *q, uint64_t step, struct err *err)
{
	DIR *folder = opendir(q->folder);
	struct dirent *one;

	if (!folder)
		return err_set(err, "%s: %s", q->folder, strerror(errno));
	while ((one = readdir(folder))) {
		char path[PATH_MAX + 300];
		struct entry e;

		if (one->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", q->folder, one->d_name);
		if (!read_name(one->d_name, &e) || e.step > step)
			unlink(path);
		else
			keep(q, &e);
	}
	closedir(folder);
	qsort(q->entries, q->count, sizeof(q->entries[0]), compare);
	return 0;
}

struct notice_queue *notice_queue_open(const char *folder, uint64_t step,
				       struct err *err)
{
	struct notice_queue *q = calloc(1, sizeof(*q));

	if (!q) {
		err_set(err, "out of memory");
		return NULL;
	}
	snprintf(q->folder, sizeof(q->folder), "%s", folder);
	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		err_set(err, "%s: cannot be made: %s", folder, strerror(errno));
	else if (look_through(q, step, err) == 0)
		return q;
	notice_queue_close(&q);
	return NULL;
}

void notice_queue_close(struct notice_queue **queue)
{
	free(*queue);
	*queue = NULL;
}

bool notice_queue_has_room(const struct notice_queue *q, enum notice_kind kind)
{
	return q->counts[kind] < NOTICE_QUEUE_MAX;
}

static bool write_all(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = slice_sub(bytes, (size_t)n, bytes.n);
	}
	return true;
}

int notice_queue_add(struct notice_queue *q, const struct notice_queued *queued,
		     struct err *err)
{
	struct entry e = {.step = queued->step,
			  .number = q->number++,
			  .made_ms = queued->made_ms,
			  .kind = queued->kind};
	char path[PATH_MAX + 80], temporary[PATH_MAX + 80];
	bool good;
	int fd;

	name_entry(q, &e, "", path);
	name_entry(q, &e, ".new", temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	good = fd >= 0 && write_all(fd, queued->to) &&
	       write_all(fd, SLICE("\n")) && write_all(fd, queued->bytes) &&
	       fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (!good || rename(temporary, path) < 0) {
		err_set(err, "%s: cannot be written: %s", path,
			strerror(errno));
		unlink(temporary);
		return -1;
	}
	keep(q, &e);
	return 0;
}

int notice_queue_sync(struct notice_queue *q, struct err *err)
{
	int fd = open(q->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (rc < 0)
		err_set(err, "%s: %s", q->folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int load(const char *path, struct arena *arena, struct slice *to_r,
		struct slice *bytes_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(arena, FILE_BYTES_MAX);
	size_t n = 0, end;
	ssize_t more = 1;

	while (fd >= 0 && more > 0 && n < FILE_BYTES_MAX) {
		more = read(fd, text + n, FILE_BYTES_MAX - n);
		n += more > 0 ? (size_t)more : 0;
	}
	if (fd >= 0)
		close(fd);
	end = slice_find((struct slice){text, n}, 0, '\n');
	if (fd < 0 || more < 0 || end == n)
		return -1;
	*to_r = (struct slice){text, end};
	*bytes_r = (struct slice){text + end + 1, n - end - 1};
	return 0;
}

static void wait_longer(struct wait *wait, int64_t now_ms, int64_t most_ms)
{
	wait->pause_ms =
		wait->pause_ms == 0 ? PAUSE_FIRST_MS : 2 * wait->pause_ms;
	if (wait->pause_ms > most_ms)
		wait->pause_ms = most_ms;
	wait->next_ms = now_ms + wait->pause_ms;
}

static bool is_over(const struct wait *wait, int64_t now_ms)
{
	/* The clock may have been set back since. */
	return wait->next_ms <= now_ms ||
	       wait->next_ms - now_ms > wait->pause_ms;
}

static enum notice_sent try(struct notice_queue *q, struct entry *e,
			    int64_t now_ms, notice_send *send, void *with,
			    struct err *why)
{
	struct arena *arena = arena_new(0);
	char path[PATH_MAX + 80];
	enum notice_sent sent = NOTICE_DROP;
	struct slice to, bytes;

	name_entry(q, e, "", path);
	if (load(path, arena, &to, &bytes) < 0)
		err_set(why, "%.300s cannot be read", path);
	else
		sent = send(with, e->kind, to, bytes, why);
	arena_free(&arena);
	if (sent == NOTICE_LATER && now_ms - e->made_ms > GIVE_UP_MS)
		sent = NOTICE_DROP;
	if (sent == NOTICE_LATER)
		wait_longer(&e->wait, now_ms, PAUSE_MAX_MS);
	else
		unlink(path);
	return sent;
}

static void note_round(struct notice_round *round, enum notice_sent sent)
{
	round->sent += sent == NOTICE_SENT;
	round->later += sent == NOTICE_LATER;
	round->dropped += sent == NOTICE_DROP;
}

/* A server that is away is not asked for each notice. */
static void note_failures(struct notice_queue *q, enum notice_kind kind,
			  enum notice_sent sent, unsigned *failures,
			  int64_t now_ms)
{
	if (sent != NOTICE_LATER) {
		*failures = 0;
		q->waits[kind] = (struct wait){0};
	} else if (++*failures == FAILURES_MAX) {
		wait_longer(&q->waits[kind], now_ms, PAUSE_ALL_MAX_MS);
	}
}

void notice_queue_run(struct notice_queue *q, int64_t now_ms, notice_send *send,
		      bool (*stop)(void *with), void *with,
		      struct notice_round *round_r)
{
	unsigned failures[NOTICE_KINDS] = {0};
	size_t kept = 0;

	*round_r = (struct notice_round){0};
	for (size_t i = 0; i < q->count; i++) {
		struct entry *e = &q->entries[i];
		enum notice_kind kind = e->kind;
		enum notice_sent sent = NOTICE_LATER;

		if (is_over(&e->wait, now_ms) &&
		    is_over(&q->waits[kind], now_ms) && !stop(with)) {
			sent = try(q, e, now_ms, send, with, &round_r->why);
			note_round(round_r, sent);
			note_failures(q, kind, sent, &failures[kind], now_ms);
		}
		if (sent == NOTICE_LATER)
			q->entries[kept++] = *e;
		else
			q->counts[kind]--;
	}
	q->count = kept;
}

size_t notice_queue_count(const struct notice_queue *q, int64_t *oldest_ms_r)
{
	*oldest_ms_r = 0;
	for (size_t i = 0; i < q->count; i++)
		if (*oldest_ms_r == 0 || q->entries[i].made_ms < *oldest_ms_r)
			*oldest_ms_r = q->entries[i].made_ms;
	return q->count;
}
