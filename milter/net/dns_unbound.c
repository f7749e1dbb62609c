/*
 * libunbound in its event mode: one thread of ours runs it, the network and
 * the timers in one loop. It takes questions from a queue and tells answers
 * as they come. The library's threaded mode, which passes each question and
 * each answer through pipes between two threads, takes two to four times as
 * much CPU (docs/decisions/0030-resolver.md).
 *
 * The library has no deadlines; those are the askers'. A question that
 * nobody waits for any more runs on and fills the caches.
 */
#include "milter/net/dns_unbound.h"

#include "common/base/log.h"
#include "milter/net/dns_message.h"
#include "milter/net/dns_options.h"
#include "milter/net/dns_rdata.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3
#define ARENA_BYTES 16384
#define STACK_BYTES (8 * 1024 * 1024)

enum { NOT_VALIDATED, BOGUS, VALIDATED };

struct dns_unbound {
	struct ub_ctx *context;
	struct event_base *loop;
	struct event *wake_event;
	int wake_fd;
	dns_answered *answered;
	void *receiver;
	struct arena *arena; /* of the thread, for one answer */
	pthread_t thread;
	pthread_mutex_t lock;
	struct dns_question *queue; /* newest first */
	bool stop;
};

static const struct dns_answer *failure(const char *why)
{
	const struct dns_answer *answer =
		dns_answer_new(DNS_TEMPFAIL, false, 0, why, NULL, 0);

	return answer ? answer : dns_answer_timeout();
}

static const struct dns_answer *decode(struct dns_unbound *unbound,
				       enum dns_type type, struct slice packet,
				       bool secure)
{
	const struct dns_answer *answer;
	struct dns_message message;
	enum dns_status status;

	if (!dns_message_decode(unbound->arena, type, packet, &message))
		return failure("the DNS answer is malformed");
	if (message.rcode == RCODE_NXDOMAIN)
		status = DNS_NXDOMAIN;
	else if (message.rcode != RCODE_NOERROR)
		return failure(
			"no usable answer from the DNS servers (SERVFAIL)");
	else
		status = message.count > 0 ? DNS_FOUND : DNS_NODATA;
	answer = dns_answer_new(status, secure, message.ttl, NULL,
				message.records,
				status == DNS_FOUND ? message.count : 0);
	return answer ? answer : failure("out of memory");
}

/*
 * Called by the library, for local names before ub_resolve_event() ends.
 * The warm-up question has nobody to tell. The parameters are the library's.
 */
/* NOLINTNEXTLINE(readability-function-size) */
static void deliver(void *asked, int rcode, void *packet, int n, int security,
		    char *why_bogus, int was_ratelimited)
{
	struct dns_question *question = asked;
	const struct dns_answer *answer;
	struct dns_unbound *unbound;

	(void)was_ratelimited;
	if (!question)
		return;
	unbound = question->unbound;
	if (security == BOGUS) {
		log_debug("dns: %s %.*s: %s", dns_type_name(question->type),
			  SLICE_FMT(question->name),
			  why_bogus ? why_bogus : "bogus");
		answer = failure("DNSSEC validation failed");
	} else if (rcode != RCODE_NOERROR || !packet || n < 0) {
		answer = failure(
			"no usable answer from the DNS servers (SERVFAIL)");
	} else {
		answer = decode(unbound, question->type,
				(struct slice){packet, (size_t)n},
				security == VALIDATED);
		arena_reset(unbound->arena);
	}
	unbound->answered(unbound->receiver, question, answer);
}

static void submit(struct dns_unbound *unbound, struct dns_question *question)
{
	char name[DNS_NAME_TEXT_MAX];

	question->unbound = unbound;
	if (!dns_name_print(question->name, name) ||
	    ub_resolve_event(unbound->context, name, (int)question->type,
			     CLASS_IN, question, deliver, NULL) != 0)
		unbound->answered(unbound->receiver, question,
				  failure("the resolver cannot ask this"));
}

/* Oldest first. Returns NULL and true in *stop_r when it shall end. */
static struct dns_question *take_queue(struct dns_unbound *unbound,
				       bool *stop_r)
{
	struct dns_question *queue, *oldest = NULL;

	pthread_mutex_lock(&unbound->lock);
	queue = unbound->queue;
	unbound->queue = NULL;
	*stop_r = unbound->stop;
	pthread_mutex_unlock(&unbound->lock);
	while (queue) {
		struct dns_question *next = queue->next;

		queue->next = oldest;
		oldest = queue;
		queue = next;
	}
	return oldest;
}

static void woken(evutil_socket_t fd, short events, void *argument)
{
	struct dns_unbound *unbound = argument;
	struct dns_question *question;
	uint64_t count;
	bool stop;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	question = take_queue(unbound, &stop);
	while (question && !stop) {
		struct dns_question *next = question->next;

		submit(unbound, question);
		question = next;
	}
	if (stop)
		event_base_loopbreak(unbound->loop);
}

static void *run(void *argument)
{
	struct dns_unbound *unbound = argument;

	event_base_dispatch(unbound->loop);
	return NULL;
}

static void wake(const struct dns_unbound *unbound)
{
	uint64_t one = 1;

	/* Only a full counter can make it fail, and that wakes as well. */
	if (write(unbound->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void dns_unbound_ask(struct dns_unbound *unbound, struct dns_question *question)
{
	bool first;

	pthread_mutex_lock(&unbound->lock);
	first = !unbound->queue;
	question->next = unbound->queue;
	unbound->queue = question;
	pthread_mutex_unlock(&unbound->lock);
	if (first)
		wake(unbound);
}

static int set_up_loop(struct dns_unbound *unbound, struct err *err)
{
	unbound->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unbound->loop = event_base_new();
	if (unbound->wake_fd >= 0 && unbound->loop)
		unbound->wake_event =
			event_new(unbound->loop, unbound->wake_fd,
				  EV_READ | EV_PERSIST, woken, unbound);
	if (!unbound->wake_event || event_add(unbound->wake_event, NULL) != 0)
		return err_set(err, "the resolver does not start: %s",
			       strerror(errno));
	unbound->context = ub_ctx_create_event(unbound->loop);
	if (!unbound->context)
		return err_set(err,
			       "libunbound does not start: it must be built "
			       "with the libevent that gatepost has");
	return 0;
}

/*
 * A question that needs no network makes the library build all it works
 * with, here, where it can still be an error, and where memory is cheaper:
 * the C library grows the heap of a second thread page by page.
 */
static int warm_up(struct dns_unbound *unbound, struct err *err)
{
	int status = ub_resolve_event(unbound->context, "localhost.", DNS_A,
				      CLASS_IN, NULL, deliver, NULL);

	if (status == 0)
		return 0;
	return err_set(err, "the resolver does not start: %s",
		       ub_strerror(status));
}

/*
 * Signals are for the threads of the daemon. The stack is what the library
 * is used to, whatever the process gives its other threads.
 */
static int start_thread(struct dns_unbound *unbound, struct err *err)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&unbound->thread, &attr, run, unbound);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (error)
		return err_set(err, "cannot start the resolver thread: %s",
			       strerror(error));
	return 0;
}

static void release(struct dns_unbound *unbound)
{
	ub_ctx_delete(unbound->context);
	if (unbound->wake_event)
		event_free(unbound->wake_event);
	if (unbound->loop)
		event_base_free(unbound->loop);
	if (unbound->wake_fd >= 0)
		close(unbound->wake_fd);
	arena_free(&unbound->arena);
	pthread_mutex_destroy(&unbound->lock);
	free(unbound);
}

struct dns_unbound *dns_unbound_new(const struct dns_conf *conf,
				    dns_answered *answered, void *receiver,
				    struct err *err)
{
	struct dns_unbound *unbound = calloc(1, sizeof(*unbound));

	if (!unbound) {
		err_set(err, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&unbound->lock, NULL);
	unbound->answered = answered;
	unbound->receiver = receiver;
	unbound->arena = arena_new(ARENA_BYTES);
	if (set_up_loop(unbound, err) == 0 &&
	    dns_options_set(unbound->context, conf, err) == 0 &&
	    warm_up(unbound, err) == 0 && start_thread(unbound, err) == 0)
		return unbound;
	release(unbound);
	return NULL;
}

void dns_unbound_free(struct dns_unbound **unbound)
{
	if (!*unbound)
		return;
	pthread_mutex_lock(&(*unbound)->lock);
	(*unbound)->stop = true;
	pthread_mutex_unlock(&(*unbound)->lock);
	wake(*unbound);
	pthread_join((*unbound)->thread, NULL);
	release(*unbound);
	*unbound = NULL;
}
