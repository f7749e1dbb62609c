/*
 * Addresses are read, then bound. Nothing is taken from another process: a
 * unix socket that answers, or a file that is no socket, stays.
 */
#include "milter/daemon/listener.h"
#include "common/base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096
#define FORMS "unix:PATH, inet:HOST:PORT or inet6:[HOST]:PORT"

static int stream_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int fail(struct err *err, const struct listener *listener, int fd)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (error == EADDRINUSE)
		return err_set(err, "%s = \"%s\": in use by another process",
			       listener->setting, listener->name);
	if (error == EADDRNOTAVAIL)
		return err_set(err,
			       "%s = \"%s\": this host has no such "
			       "address",
			       listener->setting, listener->name);
	return err_set(err, "%s = \"%s\": %s", listener->setting,
		       listener->name, strerror(error));
}

/* Whether some process is there. */
static bool is_answered(const struct sockaddr_un *address, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answered =
		fd >= 0 && (connect(fd, (const struct sockaddr *)address,
				    sizeof(*address)) == 0 ||
			    errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return answered;
}

static int clear_path(const struct listener *listener,
		      const struct sockaddr_un *address, int type,
		      struct err *err)
{
	struct stat found;

	if (lstat(address->sun_path, &found) != 0)
		return 0;
	if (!S_ISSOCK(found.st_mode))
		return err_set(err,
			       "%s = \"%s\": the path exists and is not "
			       "a socket",
			       listener->setting, listener->name);
	if (is_answered(address, type))
		return err_set(err, "%s = \"%s\": in use by another process",
			       listener->setting, listener->name);
	if (unlink(address->sun_path) != 0)
		return err_set(err,
			       "%s = \"%s\": cannot remove the old "
			       "socket: %s",
			       listener->setting, listener->name,
			       strerror(errno));
	return 0;
}

int listener_set_access(const struct listener *listener,
			const struct listener_access *access, struct err *err)
{
	if (!listener->path)
		return 0;
	if (chmod(listener->path, access->mode) != 0)
		return err_set(err, "%s: %s: %s",
			       access->setting ? access->setting
					       : "worker.socket_mode",
			       listener->path, strerror(errno));
	if (chown(listener->path, access->owner, access->group) == 0)
		return 0;
	log_warn("worker.socket_group: cannot give %s to that group (%s); "
		 "Postfix may not be able to connect",
		 listener->path, strerror(errno));
	return 0;
}

/* Remembers which file is ours, for the close. */
static int note_file(struct listener *listener, const char *path)
{
	struct stat made;

	if (stat(path, &made) != 0)
		return -1;
	listener->path = strdup(path);
	listener->dev = made.st_dev;
	listener->ino = made.st_ino;
	return listener->path ? 0 : -1;
}

static int open_unix(struct listener *listener, const char *path,
		     const struct listener_access *access, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int type = access->datagrams ? SOCK_DGRAM : SOCK_STREAM;
	size_t size = strlen(path) + 1;
	mode_t umask_before;
	int bound;

	if (path[0] != '/')
		return err_set(err,
			       "%s = \"%s\": the path must begin with "
			       "'/'",
			       listener->setting, listener->name);
	if (size > sizeof(address.sun_path))
		return err_set(err,
			       "%s = \"%s\": the path is too long (%zu "
			       "bytes; at most %zu)",
			       listener->setting, listener->name, size - 1,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, size);
	if (clear_path(listener, &address, type, err) < 0)
		return -1;
	listener->fd =
		socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Nobody may connect before owner and group are set. */
	umask_before = umask(0777);
	bound = listener->fd < 0
			? -1
			: bind(listener->fd, (struct sockaddr *)&address,
			       sizeof(address));
	umask(umask_before);
	if (bound != 0 || note_file(listener, path) != 0)
		return fail(err, listener, listener->fd);
	if (listener_set_access(listener, access, err) == 0) {
		if (access->datagrams || listen(listener->fd, BACKLOG) == 0)
			return 0;
		err_set(err, "%s = \"%s\": %s", listener->setting,
			listener->name, strerror(errno));
	}
	unlink(path);
	close(listener->fd);
	return -1;
}

static int bind_inet(const struct addrinfo *found)
{
	static const int on = 1;
	int fd = stream_socket(found->ai_family);

	if (fd < 0)
		return -1;
	/* Inherited by every session: replies must not wait for more. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (found->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Reads HOST:PORT, which it changes. To be freed; NULL and err. */
static struct addrinfo *resolve_inet(const struct listener *listener,
				     char *where, const struct addrinfo *want,
				     struct err *err)
{
	char *colon = strrchr(where, ':'), *host = where;
	struct addrinfo *found = NULL;
	uint64_t port;
	int error;

	if (!colon || colon == where ||
	    !slice_to_u64(slice_cstr(colon + 1), &port) || port == 0 ||
	    port > UINT16_MAX) {
		err_set(err, "%s = \"%s\": write %s", listener->setting,
			listener->name, FORMS);
		return NULL;
	}
	*colon = '\0';
	if (host[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		host++;
	}
	error = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, colon + 1,
			    want, &found);
	if (error)
		err_set(err, "%s = \"%s\": %s", listener->setting,
			listener->name, gai_strerror(error));
	return error ? NULL : found;
}

static int open_inet(struct listener *listener, int family, char *where,
		     struct err *err)
{
	const struct addrinfo want = {.ai_family = family,
				      .ai_socktype = SOCK_STREAM,
				      .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = resolve_inet(listener, where, &want, err);

	if (!found)
		return -1;
	listener->fd = bind_inet(found);
	freeaddrinfo(found);
	if (listener->fd < 0)
		return fail(err, listener, -1);
	return 0;
}

static int open_by_scheme(struct listener *listener, char *text,
			  const struct listener_access *access, struct err *err)
{
	if (strncmp(text, "unix:", 5) == 0)
		return open_unix(listener, text + 5, access, err);
	if (strncmp(text, "inet:", 5) == 0)
		return open_inet(listener, AF_INET, text + 5, err);
	if (strncmp(text, "inet6:", 6) == 0)
		return open_inet(listener, AF_INET6, text + 6, err);
	return err_set(err, "%s = \"%s\": write %s", listener->setting,
		       listener->name, FORMS);
}

int listener_open(struct listener *listener_r, struct slice name,
		  const struct listener_access *access, struct err *err)
{
	char *text = strndup(name.p ? name.p : "", name.n);
	int result = -1;

	*listener_r = (struct listener){
		.setting = access->setting ? access->setting : "listen",
		.name = strndup(name.p ? name.p : "", name.n),
		.fd = -1};
	if (text && listener_r->name)
		result = open_by_scheme(listener_r, text, access, err);
	else
		err_set(err, "out of memory");
	free(text);
	if (result < 0) {
		free(listener_r->name);
		free(listener_r->path);
		*listener_r = (struct listener){.fd = -1};
	}
	return result;
}

/* Without waiting; -1 and errno. */
static int connect_to(const struct sockaddr *address, socklen_t size)
{
	int fd = stream_socket(address->sa_family);
	int error;

	if (fd < 0 || connect(fd, address, size) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path) + 1;

	if (size > sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, size);
	return connect_to((const struct sockaddr *)&address, sizeof(address));
}

static int connect_inet(const struct listener *to, int family, char *where,
			struct err *err)
{
	const struct addrinfo want = {.ai_family = family,
				      .ai_socktype = SOCK_STREAM,
				      .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = resolve_inet(to, where, &want, err);
	int fd;

	if (!found)
		return -1;
	fd = connect_to(found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return fd < 0 ? fail(err, to, -1) : fd;
}

int listener_connect(const char *name, struct err *err)
{
	const struct listener to = {.setting = "listen", .name = (char *)name};
	char *text = strdup(name);
	int fd = -1;

	if (!text)
		return err_set(err, "out of memory");
	if (strncmp(text, "unix:", 5) == 0) {
		fd = connect_unix(text + 5);
		if (fd < 0)
			fail(err, &to, -1);
	} else if (strncmp(text, "inet6:", 6) == 0) {
		fd = connect_inet(&to, AF_INET6, text + 6, err);
	} else {
		fd = connect_inet(
			&to, AF_INET,
			text + (strncmp(text, "inet:", 5) == 0 ? 5 : 0), err);
	}
	free(text);
	return fd;
}

void listener_close(struct listener *listener)
{
	struct stat now;

	if (listener->path && lstat(listener->path, &now) == 0 &&
	    now.st_dev == listener->dev && now.st_ino == listener->ino)
		unlink(listener->path);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener->name);
	free(listener->path);
	*listener = (struct listener){.fd = -1};
}
