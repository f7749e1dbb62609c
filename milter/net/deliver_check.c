/*
 * A hostile address is refused, never mended: what is mended would go to
 * somebody else. Domains are not looked at further; the server does that.
 */
#include "milter/net/deliver_check.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS_MAX 1000

static bool host_byte_ok(char c, bool ipv6)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' ||
	       (ipv6 ? c == ':' : c == '_');
}

static bool is_local(struct slice host)
{
	return slice_eq_nocase(host, SLICE("localhost")) ||
	       slice_starts_nocase(host, SLICE("127.")) ||
	       slice_eq(host, SLICE("::1"));
}

static bool host_read(struct slice host, struct deliver_server *server_r)
{
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']' &&
	    server_r->ipv6)
		host = slice_sub(host, 1, host.n - 1);
	if (host.n == 0 || host.n >= sizeof(server_r->host))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!host_byte_ok(host.p[i], server_r->ipv6))
			return false;
	memcpy(server_r->host, host.p, host.n);
	server_r->host[host.n] = '\0';
	server_r->local = is_local(host);
	return true;
}

int deliver_server_read(struct slice name, struct deliver_server *server_r,
			struct err *err)
{
	size_t begin = slice_find(name, 0, ':'), end = slice_rfind(name, ':');
	struct slice kind = slice_sub(name, 0, begin);
	uint64_t port = 0;

	*server_r =
		(struct deliver_server){.ipv6 = slice_eq(kind, SLICE("inet6"))};
	if ((server_r->ipv6 || slice_eq(kind, SLICE("inet"))) && end > begin &&
	    end < name.n &&
	    host_read(slice_sub(name, begin + 1, end), server_r) &&
	    slice_to_u64(slice_sub(name, end + 1, name.n), &port) && port > 0 &&
	    port <= 65535) {
		server_r->port = (unsigned)port;
		return 0;
	}
	return err_set(err,
		       "\"%.*s\" is no address of a mail server; write "
		       "inet:HOST:PORT or inet6:ADDRESS:PORT",
		       (int)(name.n > 200 ? 200 : name.n), name.p);
}

bool deliver_address_ok(struct slice address)
{
	bool quoted = false;

	if (address.n == 0 || address.n > ADDRESS_MAX)
		return false;
	for (size_t i = 0, n; i < address.n; i += n) {
		char c = address.p[i];

		n = utf8_length(address, i);
		if (n == 0 || (unsigned char)c < ' ' || c == 0x7f)
			return false;
		if (quoted && c == '\\') {
			/* What is escaped must be a plain character. */
			if (i + 1 == address.n || address.p[i + 1] < ' ' ||
			    address.p[i + 1] > '~')
				return false;
			n = 2;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && (c == ' ' || c == '<' || c == '>')) {
			return false;
		}
	}
	return !quoted;
}

bool deliver_address_utf8(struct slice address)
{
	size_t end = slice_rfind(address, '@');

	for (size_t i = 0; i < end; i++)
		if ((unsigned char)address.p[i] >= 0x80)
			return true;
	return false;
}
