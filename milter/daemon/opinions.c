/*
 * The thread rests after each round, so that a flood costs some datagrams a
 * millisecond and not a core.
 */
#include "milter/daemon/opinions.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define WAITING_MAX 256
#define LOOK_MS 200
#define ROUND 64
#define REST_US 2000

struct waiting {
	char text[FEEDBACK_MAX];
	size_t n;
};

struct opinions {
	int socket;
	struct vouch *vouch;
	struct counter_slot *slot;
	pthread_t thread;
	atomic_bool ending;

	pthread_mutex_t lock;
	struct waiting waiting[WAITING_MAX];
	size_t first, count;
};

static void refuse(struct opinions *o, enum feedback_refusal why)
{
	counter_add_at(o->slot, COUNTER_FEEDBACK_REFUSED, why, 1);
}

static void keep(struct opinions *o, struct slice text)
{
	struct feedback feedback;
	bool kept = false;

	if (!feedback_read(text, &feedback)) {
		refuse(o, FEEDBACK_MALFORMED);
		return;
	}
	pthread_mutex_lock(&o->lock);
	if (o->count < WAITING_MAX) {
		struct waiting *w =
			&o->waiting[(o->first + o->count) % WAITING_MAX];

		memcpy(w->text, text.p, text.n);
		w->n = text.n;
		o->count++;
		kept = true;
	}
	pthread_mutex_unlock(&o->lock);
	if (!kept)
		refuse(o, FEEDBACK_DROPPED);
}

static void *run(void *arg)
{
	static const struct timespec rest = {.tv_nsec = REST_US * 1000};
	struct opinions *o = arg;
	struct pollfd readable = {.fd = o->socket, .events = POLLIN};

	while (!atomic_load(&o->ending)) {
		char text[FEEDBACK_MAX + 1];
		ssize_t n = 0;

		if (poll(&readable, 1, LOOK_MS) <= 0)
			continue;
		for (int i = 0; i < ROUND && n >= 0; i++) {
			n = recv(o->socket, text, sizeof(text), MSG_DONTWAIT);
			if (n >= 0)
				keep(o, (struct slice){text, (size_t)n});
		}
		nanosleep(&rest, NULL);
	}
	return NULL;
}

struct opinions *opinions_new(int socket, struct vouch *vouch,
			      struct counter_slot *slot, struct err *err)
{
	struct opinions *o = calloc(1, sizeof(*o));
	int error = ENOMEM;

	if (o) {
		o->socket = socket;
		o->vouch = vouch;
		o->slot = slot;
		pthread_mutex_init(&o->lock, NULL);
		error = socket < 0 ? 0
				   : pthread_create(&o->thread, NULL, run, o);
		if (!error)
			return o;
		pthread_mutex_destroy(&o->lock);
		free(o);
	}
	err_set(err, "cannot hear what users do: %s", strerror(error));
	return NULL;
}

bool opinions_take(struct opinions *o, struct opinion *opinion_r)
{
	struct slice text = {opinion_r->text, 0};

	pthread_mutex_lock(&o->lock);
	if (o->count > 0) {
		const struct waiting *w = &o->waiting[o->first];

		memcpy(opinion_r->text, w->text, w->n);
		text.n = w->n;
		o->first = (o->first + 1) % WAITING_MAX;
		o->count--;
	}
	pthread_mutex_unlock(&o->lock);
	return text.n > 0 && feedback_read(text, &opinion_r->feedback);
}

/* The user says the opposite of what became of it. */
static bool is_wrong(const struct feedback *f, const struct record *record)
{
	if (f->said == FEEDBACK_SPAM)
		return slice_eq(record->action, SLICE("accept"));
	return slice_eq(record->action, SLICE("tag")) ||
	       slice_eq(record->action, SLICE("quarantine"));
}

void opinions_follow(struct opinions *o, struct arena *arena,
		     const struct feedback *feedback,
		     const struct history_noted *noted)
{
	if (!noted->known) {
		refuse(o, FEEDBACK_UNKNOWN);
		return;
	}
	counter_add_at(o->slot, COUNTER_FEEDBACK,
		       feedback->said * FEEDBACK_HOWS + feedback->how, 1);
	if (noted->changed && is_wrong(feedback, &noted->record))
		counter_add(o->slot,
			    feedback->said == FEEDBACK_HAM
				    ? COUNTER_FALSE_POSITIVES
				    : COUNTER_FALSE_NEGATIVES,
			    1);
	if (noted->changed && feedback->said == FEEDBACK_HAM &&
	    feedback->how == FEEDBACK_RELEASE && feedback->allow &&
	    vouch_for(o->vouch, arena, &noted->record, feedback->user))
		counter_add(o->slot, COUNTER_FEEDBACK_ALLOWED, 1);
}

void opinions_lose(struct opinions *o)
{
	refuse(o, FEEDBACK_DROPPED);
}

void opinions_end(struct opinions *o)
{
	if (!atomic_exchange(&o->ending, true) && o->socket >= 0)
		pthread_join(o->thread, NULL);
}

void opinions_free(struct opinions **opinions)
{
	struct opinions *o = *opinions;

	if (!o)
		return;
	opinions_end(o);
	pthread_mutex_destroy(&o->lock);
	free(o);
	*opinions = NULL;
}
