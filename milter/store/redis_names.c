/*
 * One entry a name. Its thread is detached and shares the entry's question
 * with it, which whoever is last frees: the thread cannot be stopped, and
 * nobody waits for it when the store ends.
 */
#include "milter/store/redis_names.h"

#include "common/base/clock.h"
#include "common/base/wake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define NAMES_MAX 64
#define HOST_MAX 255
#define STACK_BYTES (256 * 1024)

struct question {
	char host[HOST_MAX + 1];
	atomic_bool over;
	struct wake wake;
	atomic_uint refs;
	/* Written before `over`. */
	int failure; /* of getaddrinfo() */
	struct redis_addresses found;
};

struct known {
	char host[HOST_MAX + 1];
	struct redis_addresses addresses; /* without port; empty at first */
	struct question *asked;		  /* NULL: none under way */
};

struct redis_names {
	struct known known[NAMES_MAX];
	size_t count;
	size_t next; /* to be given up when full */
};

static void question_drop(struct question *question)
{
	if (question && atomic_fetch_sub(&question->refs, 1) == 1)
		free(question);
}

static void look_up(struct question *question)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_ADDRCONFIG},
			*list = NULL;
	struct redis_addresses *found = &question->found;

	question->failure = getaddrinfo(question->host, NULL, &hints, &list);
	for (struct addrinfo *a = list;
	     a && found->count < REDIS_ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(found->address[0]))
			continue;
		memcpy(&found->address[found->count], a->ai_addr,
		       a->ai_addrlen);
		found->length[found->count++] = a->ai_addrlen;
	}
	if (list)
		freeaddrinfo(list);
}

static void *look_up_thread(void *argument)
{
	struct question *question = argument;

	look_up(question);
	atomic_store(&question->over, true);
	wake_all(&question->wake);
	question_drop(question);
	return NULL;
}

static void ask(struct known *known)
{
	struct question *question = calloc(1, sizeof(*question));
	pthread_attr_t attributes;
	pthread_t thread;

	if (!question)
		return;
	memcpy(question->host, known->host, sizeof(question->host));
	atomic_init(&question->refs, 2);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&thread, &attributes, look_up_thread, question) != 0)
		free(question);
	else
		known->asked = question;
	pthread_attr_destroy(&attributes);
}

/* Takes over what the thread has found; true if it has ended. */
static bool collect(struct known *known, int *failure_r)
{
	struct question *question = known->asked;

	if (!question || !atomic_load(&question->over))
		return false;
	*failure_r = question->failure;
	if (question->found.count > 0)
		known->addresses = question->found;
	question_drop(question);
	known->asked = NULL;
	return true;
}

static struct known *known_of(struct redis_names *names, const char *host)
{
	struct known *known;

	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->known[i].host, host) == 0)
			return &names->known[i];
	}
	if (names->count < NAMES_MAX) {
		known = &names->known[names->count++];
	} else {
		known = &names->known[names->next++ % NAMES_MAX];
		question_drop(known->asked);
	}
	*known = (struct known){.asked = NULL};
	snprintf(known->host, sizeof(known->host), "%s", host);
	return known;
}

static void set_port(struct redis_addresses *addresses, int port)
{
	for (size_t i = 0; i < addresses->count; i++) {
		struct sockaddr_storage *a = &addresses->address[i];

		if (a->ss_family == AF_INET)
			((struct sockaddr_in *)a)->sin_port =
				htons((uint16_t)port);
		else
			((struct sockaddr_in6 *)a)->sin6_port =
				htons((uint16_t)port);
	}
}

static bool read_literal(const char *host, struct redis_addresses *addresses)
{
	struct sockaddr_in *four = (struct sockaddr_in *)addresses->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)addresses->address;

	*addresses = (struct redis_addresses){.count = 1};
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		addresses->length[0] = sizeof(*four);
		return true;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		addresses->length[0] = sizeof(*six);
		return true;
	}
	return false;
}

int redis_names_find(struct redis_names *names, const char *host, int port,
		     int64_t deadline_ms, struct redis_addresses *addresses_r,
		     struct err *err)
{
	int64_t now_ms = clock_mono_ms();
	struct known *known;
	int failure = 0;
	bool over;

	if (read_literal(host, addresses_r)) {
		set_port(addresses_r, port);
		return 0;
	}
	if (strlen(host) > HOST_MAX)
		return err_set(err, "%s: too long for a name", host);
	known = known_of(names, host);
	if (!known->asked)
		ask(known);
	/* With an address in hand, time is better spent on connecting. */
	if (known->addresses.count > 0 && deadline_ms > now_ms)
		deadline_ms = now_ms + (deadline_ms - now_ms) / 4;
	while (!(over = collect(known, &failure)) && known->asked) {
		unsigned seen = wake_count(&known->asked->wake);

		if (atomic_load(&known->asked->over))
			continue;
		if (!wake_wait(&known->asked->wake, seen,
			       deadline_ms - clock_mono_ms()))
			break;
	}
	if (known->addresses.count == 0)
		return err_set(err, "%s: %s", host,
			       over ? gai_strerror(failure)
				    : "the name was not looked up in time");
	*addresses_r = known->addresses;
	set_port(addresses_r, port);
	return 0;
}

int redis_names_path(const char *path, struct redis_addresses *addresses_r,
		     struct err *err)
{
	struct sockaddr_un *a = (struct sockaddr_un *)addresses_r->address;

	*addresses_r = (struct redis_addresses){.count = 1};
	if (strlen(path) >= sizeof(a->sun_path))
		return err_set(err,
			       "%s: a unix socket's path has at most %zu bytes",
			       path, sizeof(a->sun_path) - 1);
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, strlen(path) + 1);
	addresses_r->length[0] = sizeof(*a);
	return 0;
}

struct redis_names *redis_names_new(void)
{
	return calloc(1, sizeof(struct redis_names));
}

void redis_names_free(struct redis_names **names)
{
	if (!*names)
		return;
	for (size_t i = 0; i < (*names)->count; i++)
		question_drop((*names)->known[i].asked);
	free(*names);
	*names = NULL;
}
