/*
 * Tests of DNS lists. Two questions a list: one for an entry that must be
 * there, one for an entry that must not. A definite wrong answer suspends
 * the list at once; no answer does so only when it happens several times on
 * end, since the fault may be on the way.
 */
#include "milter/checks/rbl_health.h"
#include "common/base/log.h"

#include <stdatomic.h>

#define ANSWER_MS 10000	      /* how long a test waits */
#define RETRY_SILENT_MS 60000 /* next test after no answer */
#define RETRY_WRONG_MS 600000 /* next test after a wrong one */
#define SILENT_MAX 3	      /* tests without answer until suspension */

/* One question; `waiter` first, so that done() finds us. */
struct probe {
	struct dns_waiter waiter;
	_Atomic(const struct dns_answer *) answer;
	bool out; /* asked, and to be cancelled or answered */
};

struct list_health {
	const struct rbl_list *list;
	atomic_int trouble; /* enum rbl_trouble */
	/* All else belongs to the thread of the ticks. */
	struct probe listed, unlisted;
	bool testing;
	enum rbl_trouble last;
	int64_t due_ms;	 /* the next test, or its end when testing */
	unsigned silent; /* tests without answer on end */
};

struct rbl_health {
	struct list_health *list;
	size_t count;
	int64_t interval_ms;
};

const char *rbl_trouble_words(enum rbl_trouble trouble)
{
	static const char *const words[] = {
		[RBL_TROUBLE_NONE] = "",
		[RBL_TROUBLE_EMPTY] = "does not list its own test entry",
		[RBL_TROUBLE_LISTS_ALL] =
			"lists an entry that must never be listed",
		[RBL_TROUBLE_REFUSES] = "refuses our resolver",
		[RBL_TROUBLE_OUTSIDE] = "answers outside 127.0.0.0/8",
		[RBL_TROUBLE_SILENT] = "does not answer",
	};

	return words[trouble];
}

static const char *remedy(enum rbl_trouble trouble)
{
	switch (trouble) {
	case RBL_TROUBLE_REFUSES:
		return "public and large resolvers are refused, and so is "
		       "heavy use: ask from a resolver of your own (leave "
		       "dns.servers empty), or turn the list off";
	case RBL_TROUBLE_EMPTY:
	case RBL_TROUBLE_SILENT:
		return "see whether the list still exists and dns.servers "
		       "can reach it, or turn the list off";
	default:
		return "the list may have ended, or a resolver answers for "
		       "names that do not exist; turn the list off if this "
		       "stays";
	}
}

struct rbl_health *rbl_health_new(struct arena *arena,
				  const struct rbl_lists *lists,
				  int64_t interval_ms)
{
	struct rbl_health *h = ARENA_NEW(arena, struct rbl_health);

	h->list = ARENA_ARRAY(arena, struct list_health, lists->count);
	h->count = lists->count;
	h->interval_ms = interval_ms;
	for (size_t i = 0; i < h->count; i++) {
		h->list[i].list = &lists->list[i];
		atomic_init(&h->list[i].trouble, RBL_TROUBLE_NONE);
		atomic_init(&h->list[i].listed.answer, NULL);
		atomic_init(&h->list[i].unlisted.answer, NULL);
	}
	return h;
}

enum rbl_trouble rbl_health_state(const struct rbl_health *h, size_t list)
{
	return (enum rbl_trouble)atomic_load_explicit(&h->list[list].trouble,
						      memory_order_relaxed);
}

enum rbl_trouble rbl_health_last(const struct rbl_health *h, size_t list,
				 bool *testing_r)
{
	*testing_r = h->list[list].testing;
	return h->list[list].last;
}

/* On a thread of the resolver. */
static void done(struct dns_waiter *waiter, const struct dns_answer *answer)
{
	struct probe *probe = (struct probe *)waiter;

	atomic_store(&probe->answer, answer);
}

static void probe_ask(struct probe *probe, struct resolver *resolver,
		      struct slice name)
{
	const struct dns_answer *answer;

	if (name.n == 0)
		return;
	probe->waiter = (struct dns_waiter){.done = done};
	probe->out = true;
	answer = resolver->ask(resolver, DNS_A, name, &probe->waiter);
	if (answer)
		atomic_store(&probe->answer, answer);
}

static bool probe_is_answered(const struct probe *probe)
{
	return !probe->out || atomic_load(&probe->answer) != NULL;
}

/* Ends the question; returns its answer, if any, for the caller to drop. */
static const struct dns_answer *probe_end(struct probe *probe,
					  struct resolver *resolver)
{
	if (!probe->out)
		return NULL;
	resolver->cancel(resolver, &probe->waiter);
	probe->out = false;
	return atomic_exchange(&probe->answer, NULL);
}

/* What the answer to one probe says about the list. */
static enum rbl_trouble judge_probe(const struct rbl_list *list,
				    struct slice name, bool must_be_listed,
				    const struct dns_answer *answer)
{
	size_t record;

	if (name.n == 0)
		return RBL_TROUBLE_NONE;
	if (!answer)
		return RBL_TROUBLE_SILENT;
	switch (rbl_answer_read(list->codes, list->code_count, answer,
				&record)) {
	case RBL_LISTED:
		return must_be_listed ? RBL_TROUBLE_NONE
				      : RBL_TROUBLE_LISTS_ALL;
	case RBL_NOT_LISTED:
		return must_be_listed ? RBL_TROUBLE_EMPTY : RBL_TROUBLE_NONE;
	case RBL_REFUSED:
		return RBL_TROUBLE_REFUSES;
	case RBL_OUTSIDE:
		return RBL_TROUBLE_OUTSIDE;
	case RBL_NO_ANSWER:
		break;
	}
	return RBL_TROUBLE_SILENT;
}

/* The name whose answer gave the list away; empty: it was not one name. */
static struct slice culprit(const struct rbl_list *list,
			    enum rbl_trouble trouble)
{
	if (trouble == RBL_TROUBLE_EMPTY)
		return list->test_listed;
	if (trouble == RBL_TROUBLE_LISTS_ALL)
		return list->test_unlisted;
	return SLICE("");
}

static void set_trouble(struct list_health *l, enum rbl_trouble trouble)
{
	int was = atomic_exchange(&l->trouble, (int)trouble);
	struct slice name = culprit(l->list, trouble);

	if (was == (int)trouble)
		return;
	if (trouble == RBL_TROUBLE_NONE)
		log_warn("DNS list %.*s is well again and in use",
			 SLICE_FMT(l->list->zone));
	else
		log_warn("DNS list %.*s is suspended: it %s%s%.*s%s; %s",
			 SLICE_FMT(l->list->zone), rbl_trouble_words(trouble),
			 name.n > 0 ? " (" : "", SLICE_FMT(name),
			 name.n > 0 ? ")" : "", remedy(trouble));
}

/* A wrong answer counts for more than a missing one. */
static enum rbl_trouble worse(enum rbl_trouble a, enum rbl_trouble b)
{
	if (a == RBL_TROUBLE_NONE || a == RBL_TROUBLE_SILENT)
		return b == RBL_TROUBLE_NONE ? a : b;
	return a;
}

static void end_test(struct rbl_health *h, struct list_health *l,
		     struct resolver *resolver, int64_t now_ms)
{
	const struct dns_answer *listed = probe_end(&l->listed, resolver);
	const struct dns_answer *unlisted = probe_end(&l->unlisted, resolver);
	enum rbl_trouble trouble = worse(
		judge_probe(l->list, l->list->test_listed, true, listed),
		judge_probe(l->list, l->list->test_unlisted, false, unlisted));

	dns_answer_unref(listed);
	dns_answer_unref(unlisted);
	l->testing = false;
	l->last = trouble;
	l->silent = trouble == RBL_TROUBLE_SILENT ? l->silent + 1 : 0;
	if (trouble == RBL_TROUBLE_NONE)
		l->due_ms = now_ms + h->interval_ms;
	else if (trouble == RBL_TROUBLE_SILENT)
		l->due_ms = now_ms + RETRY_SILENT_MS;
	else
		l->due_ms = now_ms + RETRY_WRONG_MS;
	if (trouble != RBL_TROUBLE_SILENT || l->silent >= SILENT_MAX)
		set_trouble(l, trouble);
}

static void begin_test(struct list_health *l, struct resolver *resolver,
		       int64_t now_ms)
{
	l->testing = true;
	l->due_ms = now_ms + ANSWER_MS;
	probe_ask(&l->listed, resolver, l->list->test_listed);
	probe_ask(&l->unlisted, resolver, l->list->test_unlisted);
}

static void tick_list(struct rbl_health *h, struct list_health *l,
		      struct resolver *resolver, int64_t now_ms)
{
	if (!l->testing && now_ms >= l->due_ms)
		begin_test(l, resolver, now_ms);
	if (!l->testing)
		return;
	if ((probe_is_answered(&l->listed) &&
	     probe_is_answered(&l->unlisted)) ||
	    now_ms >= l->due_ms)
		end_test(h, l, resolver, now_ms);
}

void rbl_health_tick(struct rbl_health *h, struct resolver *resolver,
		     int64_t now_ms)
{
	for (size_t i = 0; i < h->count; i++)
		tick_list(h, &h->list[i], resolver, now_ms);
}

void rbl_health_stop(struct rbl_health *h, struct resolver *resolver)
{
	for (size_t i = 0; i < h->count; i++) {
		struct list_health *l = &h->list[i];

		dns_answer_unref(probe_end(&l->listed, resolver));
		dns_answer_unref(probe_end(&l->unlisted, resolver));
		l->testing = false;
		l->due_ms = 0;
	}
}
