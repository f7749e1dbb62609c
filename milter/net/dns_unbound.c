/*
 * libunbound in its threaded mode. Its calls can block on a pipe, so one
 * thread of ours makes all of them: it takes questions from a queue, hands
 * them over, and reads the answers.
 *
 * The library has no deadlines; those are the askers'. A question that
 * nobody waits for any more runs on and fills the caches.
 */
#include "milter/net/dns_unbound.h"

#include "common/base/log.h"
#include "milter/net/dns_options.h"
#include "milter/net/dns_rdata.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3
#define RCODE_REFUSED 5
#define ARENA_BYTES 16384

struct dns_unbound {
	struct ub_ctx *context;
	dns_answered *answered;
	void *receiver;
	struct arena *arena; /* of the thread, for one answer */
	pthread_t thread;
	int wake_fd;
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

static const struct dns_answer *decode_records(struct dns_unbound *unbound,
					       enum dns_type type,
					       const struct ub_result *result)
{
	struct dns_record *records;
	const struct dns_answer *answer;
	size_t count = 0, good = 0;

	while (result->data[count])
		count++;
	records = ARENA_ARRAY(unbound->arena, struct dns_record, count);
	for (size_t i = 0; i < count; i++) {
		struct slice rdata = {result->data[i], (size_t)result->len[i]};

		if (dns_rdata_decode(unbound->arena, type, rdata,
				     &records[good]))
			good++;
	}
	if (good == 0)
		return failure("the DNS answer is malformed");
	answer = dns_answer_new(DNS_FOUND, result->secure,
				(uint32_t)result->ttl, NULL, records, good);
	return answer ? answer : failure("out of memory");
}

static const struct dns_answer *no_records(enum dns_status status,
					   const struct ub_result *result)
{
	const struct dns_answer *answer = dns_answer_new(
		status, result->secure, (uint32_t)result->ttl, NULL, NULL, 0);

	return answer ? answer : failure("out of memory");
}

static const struct dns_answer *decode(struct dns_unbound *unbound,
				       enum dns_type type,
				       const struct ub_result *result)
{
	if (result->bogus) {
		log_debug("dns: %s %s is bogus: %s", dns_type_name(type),
			  result->qname,
			  result->why_bogus ? result->why_bogus : "");
		return failure("DNSSEC validation failed");
	}
	if (result->rcode == RCODE_NXDOMAIN)
		return no_records(DNS_NXDOMAIN, result);
	if (result->rcode == RCODE_REFUSED)
		return failure("the DNS server refused the question");
	if (result->rcode != RCODE_NOERROR)
		return failure("the DNS servers failed (SERVFAIL)");
	if (!result->havedata)
		return no_records(DNS_NODATA, result);
	return decode_records(unbound, type, result);
}

/* Inside ub_process(). The warm-up question has nobody to tell. */
static void deliver(void *asked, int error, struct ub_result *result)
{
	struct dns_question *question = asked;
	const struct dns_answer *answer;
	struct dns_unbound *unbound;

	if (question) {
		unbound = question->unbound;
		answer = error || !result
				 ? failure("the resolver failed")
				 : decode(unbound, question->type, result);
		arena_reset(unbound->arena);
		unbound->answered(unbound->receiver, question, answer);
	}
	ub_resolve_free(result);
}

static void submit(struct dns_unbound *unbound, struct dns_question *question)
{
	char name[DNS_NAME_TEXT_MAX];

	question->unbound = unbound;
	if (!dns_name_print(question->name, name) ||
	    ub_resolve_async(unbound->context, name, (int)question->type,
			     CLASS_IN, question, deliver, NULL) != 0)
		unbound->answered(unbound->receiver, question,
				  failure("the resolver cannot ask this"));
}

/* Returns false when the thread shall end. */
static bool submit_queue(struct dns_unbound *unbound)
{
	struct dns_question *queue, *oldest = NULL;
	bool stop;

	pthread_mutex_lock(&unbound->lock);
	queue = unbound->queue;
	unbound->queue = NULL;
	stop = unbound->stop;
	pthread_mutex_unlock(&unbound->lock);
	while (queue) {
		struct dns_question *next = queue->next;

		queue->next = oldest;
		oldest = queue;
		queue = next;
	}
	while (oldest && !stop) {
		struct dns_question *next = oldest->next;

		submit(unbound, oldest);
		oldest = next;
	}
	return !stop;
}

static void *run(void *argument)
{
	struct dns_unbound *unbound = argument;
	struct pollfd fds[] = {
		{.fd = ub_fd(unbound->context), .events = POLLIN},
		{.fd = unbound->wake_fd, .events = POLLIN},
	};
	uint64_t count;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents &&
		    read(unbound->wake_fd, &count, sizeof(count)) > 0 &&
		    !submit_queue(unbound))
			return NULL;
		if (fds[0].revents && ub_process(unbound->context) != 0)
			break;
	}
	/* Only a defect leads here; the master starts a new worker. */
	log_error("dns: the resolver thread failed: %s", strerror(errno));
	abort();
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

/* A question that needs no network makes the library start its thread. */
static int warm_up(struct dns_unbound *unbound, struct err *err)
{
	int status = ub_resolve_async(unbound->context, "localhost.", DNS_A,
				      CLASS_IN, NULL, deliver, NULL);

	if (status == 0)
		return 0;
	return err_set(err, "the resolver does not start: %s",
		       ub_strerror(status));
}

/* Signals are for the threads of the daemon. */
static int start_threads(struct dns_unbound *unbound, struct err *err)
{
	sigset_t all, before;
	int status, error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = warm_up(unbound, err);
	if (status == 0) {
		error = pthread_create(&unbound->thread, NULL, run, unbound);
		if (error)
			status = err_set(err,
					 "cannot start the resolver thread: %s",
					 strerror(error));
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

static void release(struct dns_unbound *unbound)
{
	ub_ctx_delete(unbound->context);
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
	unbound->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unbound->context = ub_ctx_create();
	if (unbound->wake_fd < 0 || !unbound->context)
		err_set(err, "the resolver does not start: %s",
			strerror(errno));
	else if (dns_options_set(unbound->context, conf, err) == 0 &&
		 start_threads(unbound, err) == 0)
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
