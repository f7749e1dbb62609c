/*
 * Two recorders may overlap for a moment: each record goes to one of them,
 * and SQLite lets them take turns.
 */
#include "milter/daemon/desk.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/daemon/role.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the roles do not have in common. */
struct duty {
	const char *program, *name;
	int64_t ready_within_ms, end_within_ms;
	const char *meanwhile;	/* while there is none */
};

static const struct duty duties[ROLES] = {
	[ROLE_RECORDER] = {"gatepost-recorder", "recorder", 30000,
			   /* It writes down what it has. */
			   10000,
			   "mail goes on, and what happens waits or is counted "
			   "as dropped"},
	[ROLE_SCANNER] = {"gatepost-scanner", "scanner",
			  /* It loads signatures, on a slow host for long. */
			  600000,
			  /* A scan ends by scanner.time, 5 minutes at most. */
			  310000, "messages wait for it, or are unscanned"},
};

static void end_post(struct post *post)
{
	if (post->ending)
		return;
	post->ending = true;
	post->ending_ms = clock_mono_ms();
	child_tell(&post->child, ROLE_STOP);
}

static void remove_post(struct barracks *barracks, struct desk *desk, size_t i)
{
	barracks->slot_taken[desk->posts[i].slot] = false;
	close(desk->posts[i].conf_fd);
	desk->count--;
	memmove(&desk->posts[i], &desk->posts[i + 1],
		(desk->count - i) * sizeof(desk->posts[0]));
}

static void start_post(struct barracks *barracks, const struct desk *desk,
		       struct post *post)
{
	const struct duty *duty = &duties[desk->role];
	bool scans = desk->role == ROLE_SCANNER;
	/* Where a role has no use for a socket, it gets its configuration. */
	int fds[ROLE_FDS + DESK_SOCKETS_MAX] = {
		-1, post->conf_fd, barracks->counters.fd,
		scans ? post->conf_fd : barracks->records.receive,
		scans ? barracks->scans.receive : post->conf_fd};
	struct barracks_args args;
	const struct child_plan plan = {
		scans ? barracks->scanner : barracks->recorder, args.args, fds,
		ROLE_FDS + post->socket_count, 0};

	for (size_t i = 0; i < post->socket_count; i++)
		fds[ROLE_FDS + i] = post->sockets[i]->fd;
	barracks_args(barracks, duty->program, post->slot, post->generation,
		      &args);
	snprintf(args.sockets, sizeof(args.sockets), "%zu", post->socket_count);
	barracks_add_arg(&args, "--sockets");
	barracks_add_arg(&args, args.sockets);
	if (child_start(&post->child, &plan) == 0)
		return;
	log_error("cannot start the %s: %s", duty->name, strerror(errno));
	child_postpone(&post->child);
}

void desk_use(struct barracks *barracks, struct desk *desk,
	      const struct generation *gen, struct listener *const *sockets,
	      size_t socket_count)
{
	struct post post = {.generation = gen->number};

	/* Reloads come faster than recorders end. */
	if (desk->count == DESK_POSTS_MAX) {
		child_kill(&desk->posts[desk->count - 1].child);
		remove_post(barracks, desk, desk->count - 1);
	}
	post.conf_fd = fcntl(gen->conf_fd, F_DUPFD_CLOEXEC, 0);
	if (post.conf_fd < 0 || !barracks_take_slot(barracks, &post.slot)) {
		log_error("the %s cannot be started, there are too many "
			  "processes or files",
			  duties[desk->role].name);
		if (post.conf_fd >= 0)
			close(post.conf_fd);
		return;
	}
	child_init(&post.child);
	for (size_t i = 0; i < socket_count && i < DESK_SOCKETS_MAX; i++)
		post.sockets[post.socket_count++] = sockets[i];
	memmove(&desk->posts[1], &desk->posts[0],
		desk->count * sizeof(desk->posts[0]));
	desk->posts[0] = post;
	desk->count++;
	start_post(barracks, desk, &desk->posts[0]);
}

bool desk_uses(const struct desk *desk, const struct listener *listener)
{
	for (size_t i = 0; i < desk->count; i++)
		for (size_t k = 0; k < desk->posts[i].socket_count; k++)
			if (desk->posts[i].sockets[k] == listener)
				return true;
	return false;
}

bool desk_hear(struct desk *desk, int control)
{
	for (size_t i = 0; i < desk->count; i++) {
		if (desk->posts[i].child.control != control)
			continue;
		if (child_hear(&desk->posts[i].child) &&
		    desk->posts[i].child.ready)
			for (size_t k = i + 1; k < desk->count; k++)
				end_post(&desk->posts[k]);
		return true;
	}
	return false;
}

static void mourn(struct barracks *barracks, const struct desk *desk,
		  struct post *post, int status)
{
	const struct duty *duty = &duties[desk->role];
	char how[CHILD_TEXT];

	child_describe(status, how);
	counter_add_at(&barracks->counters.slots[post->slot], COUNTER_CRASHES,
		       desk->role, 1);
	child_forgive(&post->child);
	log_error("the %s %s; %s; a new one starts in %" PRId64 " ms",
		  duty->name, how, duty->meanwhile, post->child.pause_ms);
	child_bury(&post->child);
	child_postpone(&post->child);
}

bool desk_bury(struct barracks *barracks, struct desk *desk, pid_t pid,
	       int status)
{
	for (size_t i = 0; i < desk->count; i++) {
		struct post *post = &desk->posts[i];

		if (post->child.pid != pid)
			continue;
		counters_forget_gauges(&barracks->counters.slots[post->slot]);
		if (!post->ending) {
			mourn(barracks, desk, post, status);
			return true;
		}
		child_bury(&post->child);
		remove_post(barracks, desk, i);
		return true;
	}
	return false;
}

/* When the post is to be looked at again. */
static int64_t look_at_post(struct barracks *barracks, const struct desk *desk,
			    struct post *post, int64_t now_ms)
{
	const struct duty *duty = &duties[desk->role];
	struct child *child = &post->child;
	int64_t bound_ms = INT64_MAX;

	if (child->pid == 0 && child->start_at_ms <= now_ms)
		start_post(barracks, desk, post);
	if (child->pid == 0)
		return child->start_at_ms;
	if (post->ending)
		bound_ms = post->ending_ms + duty->end_within_ms;
	else if (!child->ready)
		bound_ms = child->started_ms + duty->ready_within_ms;
	if (now_ms < bound_ms)
		return bound_ms;
	log_error("%s %d does not become %s; ending it by force", duty->name,
		  (int)child->pid, post->ending ? "done" : "ready");
	child_kill(child);
	/* Its death is heard of soon. */
	return now_ms + 1000;
}

int64_t desk_look(struct barracks *barracks, struct desk *desk)
{
	int64_t now_ms = clock_mono_ms(), next_ms = INT64_MAX;

	for (size_t i = 0; i < desk->count; i++) {
		struct post *post = &desk->posts[i];
		int64_t at_ms;

		if (post->ending && post->child.pid == 0) {
			remove_post(barracks, desk, i--);
			continue;
		}
		at_ms = look_at_post(barracks, desk, post, now_ms);
		next_ms = at_ms < next_ms ? at_ms : next_ms;
	}
	return next_ms;
}

void desk_stop(struct desk *desk)
{
	for (size_t i = 0; i < desk->count; i++)
		end_post(&desk->posts[i]);
}

void desk_kill(struct desk *desk)
{
	for (size_t i = 0; i < desk->count; i++)
		child_kill(&desk->posts[i].child);
}
