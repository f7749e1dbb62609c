/*
 * The setting `store`, read. What is wrong is said without quoting the
 * text: any part of it may be a password that lost its '@'.
 */
#include "milter/store/store_url.h"
#include "common/base/buf.h"

#include <string.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379
#define DB_MAX 1000000

/* What is read, and where it goes. */
struct reading {
	struct arena *arena;
	struct store_url *url;
	struct err *err;
};

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The text with %XX decoded; NULL if one is no hex, or is %00. */
static const char *unescape(struct arena *arena, struct slice text)
{
	char *out = arena_alloc(arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int high, low;

		if (text.p[i] != '%') {
			out[n++] = text.p[i];
			continue;
		}
		if (text.n - i < 3)
			return NULL;
		high = hex_digit(text.p[i + 1]);
		low = hex_digit(text.p[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return NULL;
		out[n++] = (char)(high << 4 | low);
		i += 2;
	}
	return out;
}

/* "USER:PASSWORD" */
static int read_login(struct reading *r, struct slice login)
{
	size_t colon = slice_find(login, 0, ':');

	if (colon == login.n)
		return err_set(r->err, "store: before the '@' must stand "
				       "USER:PASSWORD or :PASSWORD");
	r->url->user = unescape(r->arena, slice_sub(login, 0, colon));
	r->url->password =
		unescape(r->arena, slice_sub(login, colon + 1, login.n));
	if (!r->url->user || !r->url->password)
		return err_set(r->err, "store: in user and password, '%%' "
				       "must be followed by two hexadecimal "
				       "digits (%%25 is '%%' itself)");
	if (r->url->password[0] == '\0')
		return err_set(r->err, "store: the password is empty; leave "
				       "out all up to the '@' if there is "
				       "none");
	if (r->url->user[0] == '\0')
		r->url->user = NULL;
	return 0;
}

static int read_number(struct slice text, int max, int *number_r)
{
	uint64_t number;

	if (text.n > 9 || !slice_to_u64(text, &number) ||
	    number > (uint64_t)max)
		return -1;
	*number_r = (int)number;
	return 0;
}

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' &&
		    s.p[i] != '_')
			return false;
	}
	return s.n > 0 && s.n <= 253;
}

/* What may stand in brackets: an IPv6 address, maybe with %ZONE. */
static bool is_ip6(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != ':' && s.p[i] != '.' &&
		    s.p[i] != '%')
			return false;
	}
	return s.n >= 2 && s.n <= 100 && slice_find(s, 0, ':') < s.n;
}

/* HOST or HOST:PORT, the port still in text. */
static int split_host(struct slice text, struct slice *host_r,
		      struct slice *port_r)
{
	size_t end;

	*port_r = SLICE_NONE;
	if (text.n > 0 && text.p[0] == '[') {
		end = slice_find(text, 0, ']');
		*host_r = slice_sub(text, 1, end);
		if (end == text.n || !is_ip6(*host_r))
			return -1;
		end++;
	} else {
		end = slice_find(text, 0, ':');
		*host_r = slice_sub(text, 0, end);
		if (!is_name(*host_r))
			return -1;
	}
	if (end == text.n)
		return 0;
	if (text.p[end] != ':')
		return -1;
	*port_r = slice_sub(text, end + 1, text.n);
	return port_r->n > 0 ? 0 : -1;
}

static int read_host(struct reading *r, struct slice text, int port)
{
	struct slice host, port_text;
	size_t n = r->url->host_count;

	if (n == STORE_HOSTS_MAX)
		return err_set(r->err, "store: more than %d hosts",
			       STORE_HOSTS_MAX);
	if (split_host(text, &host, &port_text) < 0)
		return err_set(r->err,
			       "store: host number %zu must be a name, an "
			       "IPv4 address or [IPv6], with :PORT or "
			       "without; in a password, '@', '/' and ',' "
			       "must be written %%40, %%2F and %%2C",
			       n + 1);
	if (port_text.n > 0 &&
	    (read_number(port_text, 65535, &port) < 0 || port == 0))
		return err_set(r->err,
			       "store: the port of host number %zu must be a "
			       "number from 1 to 65535",
			       n + 1);
	r->url->hosts[n].host = arena_cstr(r->arena, host);
	r->url->hosts[n].port = port;
	r->url->host_count++;
	return 0;
}

static int read_hosts(struct reading *r, struct slice list, int port)
{
	struct slice host;

	while (slice_next(&list, ',', &host)) {
		if (read_host(r, host, port) < 0)
			return -1;
	}
	return 0;
}

static int read_db(struct reading *r, struct slice text)
{
	if (text.n > 0 && read_number(text, DB_MAX, &r->url->db) < 0)
		return err_set(r->err, "store: the database must be a number, "
				       "as in redis://HOST/0");
	return 0;
}

static void add_hosts(const struct store_url *url, struct buf *name)
{
	for (size_t i = 0; i < url->host_count; i++) {
		const char *host = url->hosts[i].host;
		bool ip6 = strchr(host, ':') != NULL;

		buf_printf(name, "%s%s%s%s:%d", i > 0 ? "," : "",
			   ip6 ? "[" : "", host, ip6 ? "]" : "",
			   url->hosts[i].port);
	}
}

/* [USER:PASSWORD@]rest: reads the login, returns the rest. */
static int take_login(struct reading *r, struct slice *text)
{
	size_t at = slice_rfind(*text, '@');

	if (at == text->n)
		return 0;
	if (read_login(r, slice_sub(*text, 0, at)) < 0)
		return -1;
	*text = slice_sub(*text, at + 1, text->n);
	return 0;
}

static int read_redis(struct reading *r, struct slice rest)
{
	struct buf name = BUF(r->arena);
	size_t slash;

	if (take_login(r, &rest) < 0)
		return -1;
	slash = slice_find(rest, 0, '/');
	if (read_hosts(r, slice_sub(rest, 0, slash), REDIS_PORT) < 0 ||
	    read_db(r, slice_sub(rest, slash + 1, rest.n)) < 0)
		return -1;
	buf_add_text(&name, r->url->tls ? "rediss " : "redis ");
	add_hosts(r->url, &name);
	buf_printf(&name, "/%d", r->url->db);
	r->url->name = arena_cstr(r->arena, buf_slice(&name));
	return 0;
}

static int read_sentinel(struct reading *r, struct slice rest)
{
	struct buf name = BUF(r->arena);
	struct slice service;
	size_t slash;

	if (take_login(r, &rest) < 0)
		return -1;
	slash = slice_find(rest, 0, '/');
	if (read_hosts(r, slice_sub(rest, 0, slash), SENTINEL_PORT) < 0)
		return -1;
	rest = slice_sub(rest, slash + 1, rest.n);
	slash = slice_find(rest, 0, '/');
	service = slice_sub(rest, 0, slash);
	if (!is_name(service))
		return err_set(r->err, "store: after Sentinel's hosts must "
				       "stand the name of what they watch, as "
				       "in redis-sentinel://HOST/mymaster");
	if (read_db(r, slice_sub(rest, slash + 1, rest.n)) < 0)
		return -1;
	r->url->service = arena_cstr(r->arena, service);
	buf_printf(&name, "redis%s-sentinel %s/%d at ",
		   r->url->tls ? "s" : "", r->url->service, r->url->db);
	add_hosts(r->url, &name);
	r->url->name = arena_cstr(r->arena, buf_slice(&name));
	return 0;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

static int read_unix(struct reading *r, struct slice rest)
{
	size_t at = slice_search_nocase(rest, SLICE("@/")), query;

	if (at < rest.n && rest.p[0] != '/') {
		if (read_login(r, slice_sub(rest, 0, at)) < 0)
			return -1;
		rest = slice_sub(rest, at + 1, rest.n);
	}
	query = slice_search_nocase(rest, SLICE("?db="));
	if (query < rest.n &&
	    (query + 4 == rest.n ||
	     read_db(r, slice_sub(rest, query + 4, rest.n)) < 0))
		return err_set(r->err, "store: after ?db= must stand a number");
	rest = slice_sub(rest, 0, query);
	if (rest.n < 2 || rest.p[0] != '/')
		return err_set(r->err, "store: the path of the socket must "
				       "begin with '/', as in "
				       "redis+unix:/run/redis/redis.sock");
	r->url->path = arena_cstr(r->arena, rest);
	r->url->name =
		arena_printf(r->arena, "redis %s/%d", r->url->path, r->url->db)
			.p;
	return 0;
}

static int read_sqlite(struct reading *r, struct slice path,
		       const char *state_dir)
{
	if (path.n == 0 || path.p[path.n - 1] == '/')
		return err_set(r->err, "store: after sqlite: must stand the "
				       "path of a file");
	if (slice_starts_nocase(path, SLICE("//")) &&
	    !slice_starts_nocase(path, SLICE("///")))
		return err_set(r->err, "store: after sqlite: comes the path "
				       "itself, without //");
	if (path.p[0] == '/' || !state_dir || !state_dir[0])
		r->url->path = arena_cstr(r->arena, path);
	else
		r->url->path = arena_printf(r->arena, "%s/%.*s", state_dir,
					    SLICE_FMT(path))
				       .p;
	r->url->name = arena_printf(r->arena, "sqlite %s", r->url->path).p;
	return 0;
}

int store_url_parse(struct arena *arena, struct slice text,
		    const char *state_dir, struct store_url *url_r,
		    struct err *err)
{
	static const struct {
		struct slice scheme;
		enum store_kind kind;
		bool tls;
	} schemes[] = {
		{SLICE("sqlite:"), STORE_KIND_SQLITE, false},
		{SLICE("redis://"), STORE_KIND_REDIS, false},
		{SLICE("rediss://"), STORE_KIND_REDIS, true},
		{SLICE("redis+unix:"), STORE_KIND_REDIS_UNIX, false},
		{SLICE("redis-sentinel://"), STORE_KIND_REDIS_SENTINEL, false},
		{SLICE("rediss-sentinel://"), STORE_KIND_REDIS_SENTINEL, true},
	};
	const size_t count = sizeof(schemes) / sizeof(schemes[0]);
	struct reading r = {arena, url_r, err};
	size_t i = 0;

	*url_r = (struct store_url){.kind = STORE_KIND_SQLITE};
	if (has_control(text))
		return err_set(err, "store: holds a control character");
	while (i < count && !slice_starts_nocase(text, schemes[i].scheme))
		i++;
	if (i == count)
		return err_set(err, "store: must begin with sqlite:, "
				    "redis://, rediss://, redis+unix:, "
				    "redis-sentinel:// or "
				    "rediss-sentinel://");
	url_r->kind = schemes[i].kind;
	url_r->tls = schemes[i].tls;
	text = slice_sub(text, schemes[i].scheme.n, text.n);
	switch (url_r->kind) {
	case STORE_KIND_SQLITE:
		return read_sqlite(&r, text, state_dir);
	case STORE_KIND_REDIS:
		return read_redis(&r, text);
	case STORE_KIND_REDIS_UNIX:
		return read_unix(&r, text);
	case STORE_KIND_REDIS_SENTINEL:
		break;
	}
	return read_sentinel(&r, text);
}
