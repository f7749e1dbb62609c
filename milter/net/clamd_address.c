/*
 * getaddrinfo() reads files and asks the resolvers of the host, not ours:
 * where the scanner is has nothing to do with what mail asks for.
 */
#include "milter/net/clamd_address.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static int read_unix(struct slice path, struct clamd_addresses *addresses,
		     struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (path.n == 0 || path.p[0] != '/')
		return err_set(
			err, "clamd: \"unix:\" wants a path from the root, as "
			     "in unix:/run/clamav/clamd.ctl");
	if (path.n >= sizeof(to.sun_path))
		return err_set(err,
			       "clamd: the path of a unix socket has at most "
			       "%zu bytes",
			       sizeof(to.sun_path) - 1);
	memcpy(to.sun_path, path.p, path.n);
	memcpy(&addresses->address[0], &to, sizeof(to));
	addresses->length[0] = sizeof(to);
	addresses->count = 1;
	return 0;
}

static int look_up(const struct clamd_place *place, int flags,
		   struct clamd_addresses *addresses)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = flags | AI_NUMERICSERV};
	struct addrinfo *found;
	int failed = getaddrinfo(place->host, place->port, &hints, &found);

	addresses->count = 0;
	if (failed)
		return failed;
	for (const struct addrinfo *i = found;
	     i && addresses->count < CLAMD_ADDRESSES_MAX; i = i->ai_next) {
		size_t at = addresses->count++;

		memcpy(&addresses->address[at], i->ai_addr, i->ai_addrlen);
		addresses->length[at] = i->ai_addrlen;
	}
	freeaddrinfo(found);
	return 0;
}

static int read_tcp(struct slice text, struct clamd_place *place,
		    struct err *err)
{
	size_t colon = slice_rfind(text, ':');
	struct slice host = slice_sub(text, 0, colon);
	uint64_t port;

	if (colon == text.n ||
	    !slice_to_u64(slice_sub(text, colon + 1, text.n), &port) ||
	    port < 1 || port > 65535)
		return err_set(err, "clamd: \"tcp:\" wants a host and a port "
				    "from 1 to 65535, as in "
				    "tcp:127.0.0.1:3310");
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_sub(host, 1, host.n - 1);
	else if (slice_find(host, 0, ':') < host.n)
		return err_set(err, "clamd: an IPv6 address stands in "
				    "brackets, as in tcp:[::1]:3310");
	if (host.n == 0 || host.n >= sizeof(place->host))
		return err_set(err, "clamd: \"tcp:\" wants a host, as in "
				    "tcp:127.0.0.1:3310");
	snprintf(place->host, sizeof(place->host), "%.*s", SLICE_FMT(host));
	snprintf(place->port, sizeof(place->port), "%u", (unsigned)port);
	return 0;
}

int clamd_place_read(struct slice where, struct clamd_place *place_r,
		     struct clamd_addresses *addresses_r, struct err *err)
{
	struct slice of_unix = SLICE("unix:"), tcp = SLICE("tcp:");

	*place_r = (struct clamd_place){.is_unix = false};
	*addresses_r = (struct clamd_addresses){.count = 0};
	if (where.n >= sizeof(place_r->where) || !slice_is_printable(where))
		return err_set(err,
			       "clamd: where it is has to be printable "
			       "and shorter than %zu bytes",
			       sizeof(place_r->where));
	snprintf(place_r->where, sizeof(place_r->where), "%.*s",
		 SLICE_FMT(where));
	place_r->is_unix = slice_starts_nocase(where, of_unix);
	if (place_r->is_unix)
		return read_unix(slice_sub(where, of_unix.n, where.n),
				 addresses_r, err);
	if (!slice_starts_nocase(where, tcp))
		return err_set(err,
			       "clamd: it is at unix:PATH or at "
			       "tcp:HOST:PORT, not at \"%s\"",
			       place_r->where);
	if (read_tcp(slice_sub(where, tcp.n, where.n), place_r, err) != 0)
		return -1;
	look_up(place_r, AI_NUMERICHOST, addresses_r);
	return 0;
}

int clamd_place_resolve(const struct clamd_place *place,
			struct clamd_addresses *addresses_r, struct err *err)
{
	int failed = look_up(place, 0, addresses_r);

	if (failed)
		return err_set(err, "clamd: host \"%s\": %s", place->host,
			       gai_strerror(failed));
	return 0;
}
