/*
 * A thread of ours, the doorman, accepts on all sockets and hands each
 * connection to libmicrohttpd, which gives it a thread. So sockets may be
 * shared with other processes, who comes when all places are taken waits
 * outside, and a client that takes too long in all is ended; the library
 * only bounds how long it is silent. One request on a connection. Bodies
 * are read and forgotten, up to a bound, so that their sender reads the
 * answer and not a reset.
 */
#include "config.h"

#include "milter/daemon/http.h"
#include "common/base/buf.h"
#include "common/base/clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 16
#define GUESTS_MAX 32
#define PAUSE_MS 50
#define LEAVE_MAX 500	/* milliseconds */
#define SETTLE_MAX 1000 /* the same */
#define SILENCE_MAX_S 10
#define VISIT_MAX_MS 30000 /* a connection in all */
#define HEADER_MAX 16384   /* also what the library keeps of a connection */
#define BODY_MAX 65536

#ifdef WITH_SANITIZERS
#define THREAD_STACK ((size_t)4096 * 1024)
#else
#define THREAD_STACK ((size_t)256 * 1024)
#endif

/* A connection, as long as its file descriptor is open. */
struct guest {
	bool here;
	bool served; /* the library has told of it */
	int fd;
	int64_t until_ms;
};

struct http {
	const struct http_page *pages;
	void *with;
	struct MHD_Daemon *daemon;
	int sockets[SOCKETS_MAX];
	size_t count;

	pthread_t doorman;
	int bell;	      /* an eventfd that wakes the doorman */
	pthread_mutex_t lock; /* of what follows */
	bool closing;
	int64_t visit_ms;
	struct guest guests[GUESTS_MAX];
};

/* One request. */
struct visit {
	struct arena *arena;
	size_t body;
};

static void ring(struct http *http)
{
	(void)eventfd_write(http->bell, 1);
}

/* A free place, taken from here on; NULL: there is none. */
static struct guest *guest_seat(struct http *http)
{
	struct guest *seat = NULL;

	pthread_mutex_lock(&http->lock);
	for (size_t i = 0; i < GUESTS_MAX && !seat; i++)
		if (!http->guests[i].here)
			seat = &http->guests[i];
	if (seat)
		*seat = (struct guest){
			.here = true,
			.fd = -1,
			.until_ms = clock_mono_ms() + http->visit_ms};
	pthread_mutex_unlock(&http->lock);
	return seat;
}

static void guest_set(struct http *http, struct guest *guest, bool here, int fd)
{
	pthread_mutex_lock(&http->lock);
	guest->here = here;
	guest->fd = fd;
	pthread_mutex_unlock(&http->lock);
}

static void guest_came(struct http *http, int fd, void **context)
{
	pthread_mutex_lock(&http->lock);
	for (size_t i = 0; i < GUESTS_MAX && !*context; i++) {
		struct guest *guest = &http->guests[i];

		if (guest->here && !guest->served && guest->fd == fd) {
			guest->served = true;
			*context = guest;
		}
	}
	pthread_mutex_unlock(&http->lock);
}

/* Before its file descriptor is closed, so none is taken for another. */
static void guest_left(struct http *http, void **context)
{
	struct guest *guest = *context;

	if (!guest)
		return;
	pthread_mutex_lock(&http->lock);
	guest->here = false;
	pthread_mutex_unlock(&http->lock);
	ring(http);
}

static void on_connection(void *with, struct MHD_Connection *connection,
			  void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		guest_left(with, context);
		return;
	}
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		guest_came(with, info->connect_fd, context);
}

static void look_at_guest(struct guest *guest, int64_t now_ms)
{
	if (!guest->here || guest->until_ms > now_ms)
		return;
	/* What the library never told of, it has closed. */
	if (guest->served)
		shutdown(guest->fd, SHUT_RDWR);
	else
		guest->here = false;
	guest->until_ms = INT64_MAX;
}

/*
 * Ends who has been here too long; *next_r: when to look again, *full_r:
 * whether all places are taken. False: the doorman is to go home.
 */
static bool look_around(struct http *http, int64_t *next_r, bool *full_r)
{
	int64_t now_ms = clock_mono_ms();
	size_t count = 0;
	bool closing;

	*next_r = now_ms + 3600000;
	pthread_mutex_lock(&http->lock);
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *guest = &http->guests[i];

		look_at_guest(guest, now_ms);
		count += guest->here;
		if (guest->here && guest->until_ms < *next_r)
			*next_r = guest->until_ms;
	}
	closing = http->closing;
	pthread_mutex_unlock(&http->lock);
	*full_r = count == GUESTS_MAX;
	return !closing;
}

/*
 * Another process may have taken the connection that woke us. False: there
 * is one, but no room for it now.
 */
static bool let_in(struct http *http, int socket)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(address);
	struct guest *guest = guest_seat(http);
	int fd;

	if (!guest)
		return true;
	fd = accept4(socket, (struct sockaddr *)&address, &size,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		guest_set(http, guest, false, -1);
		return error != EMFILE && error != ENFILE &&
		       error != ENOBUFS && error != ENOMEM;
	}
	guest_set(http, guest, true, fd);
	/* From here on it is the library's, even if this fails. */
	if (MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address,
			       size) != MHD_YES)
		guest_set(http, guest, false, -1);
	return true;
}

static void *keep_door(void *with)
{
	struct http *http = with;
	struct pollfd fds[1 + SOCKETS_MAX] = {
		{.fd = http->bell, .events = POLLIN}};
	int64_t next_ms;
	bool full;

	for (size_t i = 0; i < http->count; i++)
		fds[1 + i] = (struct pollfd){.fd = http->sockets[i],
					     .events = POLLIN};
	while (look_around(http, &next_ms, &full)) {
		int64_t wait_ms = next_ms - clock_mono_ms();
		eventfd_t rings;

		if (poll(fds, full ? 1 : 1 + http->count,
			 wait_ms > 0 ? (int)wait_ms : 0) <= 0)
			continue;
		if (fds[0].revents)
			(void)eventfd_read(http->bell, &rings);
		for (size_t i = 1; !full && i <= http->count; i++)
			if (fds[i].revents && !let_in(http, fds[i].fd))
				(void)poll(NULL, 0, PAUSE_MS);
	}
	return NULL;
}

/* Several fields of one name are one list (RFC 9110 5.3). */
static enum MHD_Result add_accept(void *with, enum MHD_ValueKind kind,
				  const char *name, const char *value)
{
	struct buf *accept = with;

	(void)kind;
	if (!slice_eq_nocase(slice_cstr(name), SLICE("accept")) || !value)
		return MHD_YES;
	if (accept->n > 0)
		buf_add_char(accept, ',');
	buf_add_text(accept, value);
	return MHD_YES;
}

static void no_such_page(const struct http *http, struct http_reply *reply)
{
	struct buf text = BUF(reply->arena);

	buf_add_text(&text, "There is no such page; the pages are");
	for (const struct http_page *page = http->pages; page->path; page++)
		buf_printf(&text, " %s", page->path);
	buf_add_char(&text, '\n');
	reply->status = MHD_HTTP_NOT_FOUND;
	reply->body = buf_slice(&text);
}

static void answer(const struct http *http, const struct http_request *request,
		   const char *method, struct http_reply *reply)
{
	const struct http_page *page = http->pages;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		reply->status = MHD_HTTP_METHOD_NOT_ALLOWED;
		reply->body = SLICE("This server only knows GET and HEAD\n");
		return;
	}
	while (page->path && !slice_eq(request->path, slice_cstr(page->path)))
		page++;
	if (page->path)
		page->answer(http->with, request, reply);
	else
		no_such_page(http, reply);
}

/* The body stays in the arena until the request is over. */
static enum MHD_Result send_reply(struct MHD_Connection *connection,
				  const struct http_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->body.n, (void *)(reply->body.p ? reply->body.p : ""),
		MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				reply->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				"no-store");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					"GET, HEAD");
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static struct visit *visit_new(void)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (visit)
		visit->arena = arena_new(0);
	return visit;
}

static void on_completed(void *with, struct MHD_Connection *connection,
			 void **context, enum MHD_RequestTerminationCode code)
{
	struct visit *visit = *context;

	(void)with;
	(void)connection;
	(void)code;
	if (!visit)
		return;
	arena_free(&visit->arena);
	free(visit);
	*context = NULL;
}

/*
 * Called when the header is there, then for each piece of the body, then
 * once more.
 */
/* Its many parameters are libmicrohttpd's. NOLINTNEXTLINE(*-function-size) */
static enum MHD_Result on_request(void *with, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *bytes,
				  size_t *size, void **context)
{
	struct visit *visit = *context;
	struct http_request request = {.path = slice_cstr(url)};
	struct http_reply reply = {.status = MHD_HTTP_OK,
				   .type = "text/plain; charset=utf-8"};
	struct buf accept;

	(void)version;
	(void)bytes;
	if (!visit) {
		*context = visit_new();
		return *context ? MHD_YES : MHD_NO;
	}
	if (*size > 0) {
		visit->body += *size;
		*size = 0;
		return visit->body <= BODY_MAX ? MHD_YES : MHD_NO;
	}
	accept = BUF(visit->arena);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_accept,
				  &accept);
	request.accept = buf_slice(&accept);
	reply.arena = visit->arena;
	answer(with, &request, method, &reply);
	return send_reply(connection, &reply);
}

static struct MHD_Daemon *start_library(struct http *http)
{
	return MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD |
			MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
			MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
		0, NULL, NULL, on_request, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		/* More than are ever let in. */
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(2 * GUESTS_MAX),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_MAX_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, MHD_OPTION_END);
}

static void http_free(struct http *http)
{
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	if (http->bell >= 0)
		close(http->bell);
	pthread_mutex_destroy(&http->lock);
	free(http);
}

struct http *http_start(const int *sockets, size_t count,
			const struct http_page *pages, void *with,
			struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http || count > SOCKETS_MAX) {
		err_set(err, http ? "http.listen: at most %d addresses"
				  : "out of memory",
			SOCKETS_MAX);
		free(http);
		return NULL;
	}
	http->pages = pages;
	http->with = with;
	http->visit_ms = VISIT_MAX_MS;
	http->count = count;
	for (size_t i = 0; i < count; i++)
		http->sockets[i] = sockets[i];
	pthread_mutex_init(&http->lock, NULL);
	http->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	http->daemon = http->bell < 0 ? NULL : start_library(http);
	if (http->daemon &&
	    pthread_create(&http->doorman, NULL, keep_door, http) == 0)
		return http;
	err_set(err, "the HTTP server does not start");
	http_free(http);
	return NULL;
}

void http_set_visit_ms(struct http *http, int64_t ms)
{
	pthread_mutex_lock(&http->lock);
	http->visit_ms = ms;
	pthread_mutex_unlock(&http->lock);
}

/* Whether somebody is here; or, of newcomers, one the library has yet to
 * tell of. */
static bool has_guests(struct http *http, bool newcomers)
{
	bool found = false;

	pthread_mutex_lock(&http->lock);
	for (size_t i = 0; i < GUESTS_MAX; i++)
		found |= http->guests[i].here &&
			 !(newcomers && http->guests[i].served);
	pthread_mutex_unlock(&http->lock);
	return found;
}

void http_stop(struct http **http)
{
	struct http *h = *http;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->closing = true;
	pthread_mutex_unlock(&h->lock);
	ring(h);
	pthread_join(h->doorman, NULL);
	/* Who was let in gets an answer: at a reload, nobody sees a gap. */
	for (int i = 0; i < LEAVE_MAX && has_guests(h, false); i++)
		(void)poll(NULL, 0, 1);
	/* Its end looks at those without taking its own lock. */
	for (int i = 0; i < SETTLE_MAX && has_guests(h, true); i++)
		(void)poll(NULL, 0, 1);
	http_free(h);
	*http = NULL;
}
