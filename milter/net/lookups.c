/*
 * The memo of one message. A question is in the table once; each check that
 * asked for it holds a charge on it, with a deadline of its own, and
 * `pending` counts the charges of a check that are still open. An answer
 * closes all charges of its question; time closes those of one check.
 *
 * The table belongs to the message's thread alone. Answers, charges and
 * counts are under the lock, for answers come on the resolver's thread. The
 * resolver is never called with the lock held, since it calls us with its
 * own.
 */
#include "milter/net/lookups.h"

#include "common/base/clock.h"
#include "common/base/wake.h"

#include <pthread.h>

#define BUCKETS 64
#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63
#define SLEEP_MAX_MS 3600000

struct question;

struct charge {
	struct charge *next_of_owner;
	struct charge *next_of_question;
	struct question *question;
	unsigned owner;
	int64_t deadline_ms;
	bool timed_out;
};

struct question {
	struct dns_waiter waiter; /* first, so that done() finds us */
	struct lookups *lookups;
	struct question *next; /* in its bucket */
	enum dns_type type;
	struct slice name;
	int64_t asked_us, answered_us; /* monotonic */
	bool in_hand; /* answered by ask() itself */
	const struct dns_answer *answer;
	struct charge *charges;
};

struct lookups {
	struct arena *arena;
	struct resolver *resolver;
	size_t max_questions;
	size_t count;
	uint64_t key[2];
	struct question *buckets[BUCKETS];
	unsigned owner;
	int64_t wait_ms;
	int64_t until_ms;
	bool given_up;
	int64_t took_us; /* the answer that was given last */

	pthread_mutex_t lock;
	struct wake wake;
	uint32_t waiting; /* owners that lookups_wait() is for */
	unsigned pending[LOOKUPS_OWNERS];
	struct charge *open[LOOKUPS_OWNERS]; /* and some closed ones */
	struct lookups_stats stats;
};

/* Never freed; not const, because a check may hold one by a reference. */
static struct dns_answer no_such_name = {.refs = 1, .status = DNS_NXDOMAIN};
static struct dns_answer too_many = {
	.refs = 1,
	.status = DNS_TEMPFAIL,
	.why = "too many DNS questions for one message",
};
static struct dns_answer too_late = {
	.refs = 1,
	.status = DNS_TEMPFAIL,
	.why = "no answer in time",
};

static bool name_is_possible(struct slice name)
{
	size_t start = 0;

	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	while (start <= name.n) {
		size_t end = slice_find(name, start, '.');

		if (end == start || end - start > LABEL_MAX_BYTES)
			return false;
		start = end + 1;
	}
	return true;
}

static void close_charge(struct lookups *l, const struct charge *charge)
{
	unsigned owner = charge->owner;

	if (--l->pending[owner] == 0 && (l->waiting & (1u << owner)))
		wake_all(&l->wake);
}

/* On the resolver's thread. */
static void done(struct dns_waiter *waiter, const struct dns_answer *answer)
{
	struct question *question = (struct question *)waiter;
	struct lookups *l = question->lookups;

	pthread_mutex_lock(&l->lock);
	question->answer = answer;
	question->answered_us = clock_mono_us();
	if (answer->status == DNS_TEMPFAIL)
		l->stats.failed++;
	for (const struct charge *charge = question->charges; charge;
	     charge = charge->next_of_question) {
		if (!charge->timed_out)
			close_charge(l, charge);
	}
	pthread_mutex_unlock(&l->lock);
}

static void time_out(struct lookups *l, struct charge *charge)
{
	charge->timed_out = true;
	l->stats.timed_out++;
	close_charge(l, charge);
}

/*
 * Closes the owner's charges that are past their time and forgets all
 * closed ones. Returns the last deadline among those that stay open, when
 * the owner can go on at the latest.
 */
static int64_t expire(struct lookups *l, unsigned owner, int64_t now_ms)
{
	struct charge **at = &l->open[owner];
	int64_t last = 0;

	while (*at) {
		struct charge *charge = *at;
		bool answered = charge->question->answer != NULL;

		if (!answered && !charge->timed_out &&
		    charge->deadline_ms <= now_ms)
			time_out(l, charge);
		if (answered || charge->timed_out) {
			*at = charge->next_of_owner;
			continue;
		}
		if (charge->deadline_ms > last)
			last = charge->deadline_ms;
		at = &charge->next_of_owner;
	}
	return last;
}

/* The deadline of the current owner for that question. */
static int64_t deadline_of(const struct lookups *l,
			   const struct question *question)
{
	int64_t deadline;

	if (l->given_up)
		return INT64_MIN;
	if (__builtin_add_overflow(question->asked_us / 1000, l->wait_ms,
				   &deadline))
		deadline = INT64_MAX;
	return deadline < l->until_ms ? deadline : l->until_ms;
}

static struct charge *charge_of(struct question *question, unsigned owner)
{
	struct charge *charge = question->charges;

	while (charge && charge->owner != owner)
		charge = charge->next_of_question;
	return charge;
}

/* Under the lock: the charge of the current owner on an open question. */
static struct charge *charge_owner(struct lookups *l, struct question *question)
{
	struct charge *charge = charge_of(question, l->owner);

	if (charge)
		return charge;
	charge = ARENA_NEW(l->arena, struct charge);
	*charge = (struct charge){.next_of_owner = l->open[l->owner],
				  .next_of_question = question->charges,
				  .question = question,
				  .owner = l->owner,
				  .deadline_ms = deadline_of(l, question)};
	l->open[l->owner] = charge;
	question->charges = charge;
	l->pending[l->owner]++;
	return charge;
}

static struct question **bucket_of(struct lookups *l, struct slice name)
{
	return &l->buckets[slice_hash_nocase(name, l->key) % BUCKETS];
}

static struct question *find(struct lookups *l, enum dns_type type,
			     struct slice name)
{
	struct question *question = *bucket_of(l, name);

	while (question && (question->type != type ||
			    !slice_eq_nocase(question->name, name)))
		question = question->next;
	return question;
}

static struct question *add(struct lookups *l, enum dns_type type,
			    struct slice name)
{
	struct question **bucket = bucket_of(l, name);
	struct question *question = ARENA_NEW(l->arena, struct question);

	*question = (struct question){.waiter = {.done = done},
				      .lookups = l,
				      .next = *bucket,
				      .type = type,
				      .name = arena_dup(l->arena, name),
				      .asked_us = clock_mono_us()};
	*bucket = question;
	l->count++;
	return question;
}

static void ask(struct lookups *l, struct question *question)
{
	const struct dns_answer *answer = l->resolver->ask(
		l->resolver, question->type, question->name, &question->waiter);

	pthread_mutex_lock(&l->lock);
	l->stats.asked++;
	if (answer) {
		question->answer = answer;
		question->in_hand = true;
		l->stats.from_cache++;
		if (answer->status == DNS_TEMPFAIL)
			l->stats.failed++;
	}
	pthread_mutex_unlock(&l->lock);
}

struct lookups *lookups_new(struct arena *arena, struct resolver *resolver,
			    size_t max_questions)
{
	struct lookups *l = ARENA_NEW(arena, struct lookups);

	l->arena = arena;
	l->resolver = resolver;
	l->max_questions = max_questions;
	l->until_ms = INT64_MAX;
	l->wait_ms = INT64_MAX;
	/* No secret: the limit of questions bounds the longest chain. */
	l->key[0] = (uint64_t)clock_mono_us();
	l->key[1] = (uintptr_t)l;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void drop(struct lookups *l, struct question *question)
{
	/* Also when it was answered: done() may still be returning. */
	if (!question->in_hand)
		l->resolver->cancel(l->resolver, &question->waiter);
	dns_answer_unref(question->answer);
}

void lookups_end(struct lookups *l)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct question *question = l->buckets[i]; question;
		     question = question->next)
			drop(l, question);
		l->buckets[i] = NULL;
	}
	pthread_mutex_destroy(&l->lock);
}

void lookups_begin(struct lookups *l, unsigned owner, int64_t wait_ms,
		   int64_t until_ms)
{
	l->owner = owner % LOOKUPS_OWNERS;
	l->wait_ms = wait_ms;
	l->until_ms = until_ms;
}

const struct dns_answer *lookup(struct lookups *l, enum dns_type type,
				struct slice name)
{
	const struct dns_answer *answer;
	struct question *question;

	l->took_us = -1;
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (!name_is_possible(name))
		return &no_such_name;
	question = find(l, type, name);
	if (!question) {
		if (l->count >= l->max_questions)
			return &too_many;
		question = add(l, type, name);
		ask(l, question);
	}
	pthread_mutex_lock(&l->lock);
	answer = question->answer;
	if (!answer) {
		struct charge *charge = charge_owner(l, question);

		if (!charge->timed_out &&
		    charge->deadline_ms <= clock_mono_ms())
			time_out(l, charge);
		if (charge->timed_out)
			answer = &too_late;
	} else if (!question->in_hand) {
		l->took_us = question->answered_us - question->asked_us;
	}
	pthread_mutex_unlock(&l->lock);
	return answer;
}

int64_t lookup_took_us(const struct lookups *l)
{
	return l->took_us;
}

unsigned lookups_pending(struct lookups *l, unsigned owner)
{
	unsigned pending;

	if (owner >= LOOKUPS_OWNERS)
		return 0;
	pthread_mutex_lock(&l->lock);
	expire(l, owner, clock_mono_ms());
	pending = l->pending[owner];
	pthread_mutex_unlock(&l->lock);
	return pending;
}

/* The owners that can go on; *wake_r: when the next one can at the latest. */
static uint32_t ready_owners(struct lookups *l, uint32_t owners, int64_t now_ms,
			     int64_t *wake_r)
{
	uint32_t ready = 0;

	for (unsigned owner = 0; owner < LOOKUPS_OWNERS; owner++) {
		int64_t last;

		if (!(owners & (1u << owner)))
			continue;
		last = expire(l, owner, now_ms);
		if (l->pending[owner] == 0)
			ready |= 1u << owner;
		else if (last < *wake_r)
			*wake_r = last;
	}
	return ready;
}

/* Sleeps without the lock; returns the time, which never goes backwards. */
static int64_t sleep_until(struct lookups *l, uint32_t owners, int64_t now_ms,
			   int64_t until_ms)
{
	unsigned seen = wake_count(&l->wake);
	int64_t clock_ms, ms = SLEEP_MAX_MS;
	bool woken;

	if (until_ms < now_ms + SLEEP_MAX_MS)
		ms = until_ms - now_ms;
	l->waiting = owners;
	pthread_mutex_unlock(&l->lock);
	woken = wake_wait(&l->wake, seen, ms);
	pthread_mutex_lock(&l->lock);
	l->waiting = 0;
	/* A stopped clock (libfaketime has one) must not stop us. */
	if (!woken)
		now_ms += ms;
	clock_ms = clock_mono_ms();
	return clock_ms > now_ms ? clock_ms : now_ms;
}

uint32_t lookups_wait(struct lookups *l, uint32_t owners, int64_t deadline_ms)
{
	int64_t now_ms = clock_mono_ms();
	uint32_t ready;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		int64_t until_ms = deadline_ms;

		ready = ready_owners(l, owners, now_ms, &until_ms);
		if (ready || now_ms >= deadline_ms)
			break;
		now_ms = sleep_until(l, owners, now_ms, until_ms);
	}
	pthread_mutex_unlock(&l->lock);
	return ready;
}

void lookups_give_up(struct lookups *l)
{
	pthread_mutex_lock(&l->lock);
	l->given_up = true;
	for (unsigned owner = 0; owner < LOOKUPS_OWNERS; owner++)
		expire(l, owner, INT64_MAX);
	pthread_mutex_unlock(&l->lock);
}

struct lookups_stats lookups_stats(struct lookups *l)
{
	struct lookups_stats stats;

	pthread_mutex_lock(&l->lock);
	stats = l->stats;
	pthread_mutex_unlock(&l->lock);
	return stats;
}
