/* What a store's URL may look like, and what is said of one that may not. */
#include "milter/store/store_url.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct good {
	const char *text;
	enum store_kind kind;
	const char *path;
	const char *hosts; /* "host port host port " */
	const char *user, *password, *service;
	int db;
	const char *name;
	bool tls;
};

static const struct good goods[] = {
	{"sqlite:store.db", STORE_KIND_SQLITE, .path = "/var/lib/g/store.db",
	 .name = "sqlite /var/lib/g/store.db"},
	{"sqlite:/srv/a b@c?.db", STORE_KIND_SQLITE, .path = "/srv/a b@c?.db",
	 .name = "sqlite /srv/a b@c?.db"},
	{"sqlite:///srv/x.db", STORE_KIND_SQLITE, .path = "///srv/x.db",
	 .name = "sqlite ///srv/x.db"},
	{"SQLite:x", STORE_KIND_SQLITE, .path = "/var/lib/g/x",
	 .name = "sqlite /var/lib/g/x"},
	{"redis://localhost", STORE_KIND_REDIS, .hosts = "localhost 6379 ",
	 .name = "redis localhost:6379/0"},
	{"redis://192.0.2.1:7000/", STORE_KIND_REDIS,
	 .hosts = "192.0.2.1 7000 ", .name = "redis 192.0.2.1:7000/0"},
	{"redis://[2001:db8::1]:7000/3", STORE_KIND_REDIS,
	 .hosts = "2001:db8::1 7000 ", .db = 3,
	 .name = "redis [2001:db8::1]:7000/3"},
	{"redis://[fe80::1%eth0]", STORE_KIND_REDIS,
	 .hosts = "fe80::1%eth0 6379 ", .name = "redis [fe80::1%eth0]:6379/0"},
	{"redis://a,b:1,[::1]:65535/12", STORE_KIND_REDIS,
	 .hosts = "a 6379 b 1 ::1 65535 ", .db = 12,
	 .name = "redis a:6379,b:1,[::1]:65535/12"},
	{"redis://:s3cret@h", STORE_KIND_REDIS, .hosts = "h 6379 ",
	 .password = "s3cret", .name = "redis h:6379/0"},
	{"redis://mail:s3cret@h/1", STORE_KIND_REDIS, .hosts = "h 6379 ",
	 .user = "mail", .password = "s3cret", .db = 1,
	 .name = "redis h:6379/1"},
	{"redis://m%40il:a%3ab%2F%25c:d@h", STORE_KIND_REDIS,
	 .hosts = "h 6379 ", .user = "m@il", .password = "a:b/%c:d",
	 .name = "redis h:6379/0"},
	{"redis://:a@b/c,d@h/1", STORE_KIND_REDIS, .hosts = "h 6379 ",
	 .password = "a@b/c,d", .db = 1, .name = "redis h:6379/1"},
	{"redis+unix:/run/redis.sock", STORE_KIND_REDIS_UNIX,
	 .path = "/run/redis.sock", .name = "redis /run/redis.sock/0"},
	{"redis+unix:///run/r@/s?db=9", STORE_KIND_REDIS_UNIX,
	 .path = "///run/r@/s", .db = 9, .name = "redis ///run/r@/s/9"},
	{"redis+unix:u:p%20q@/run/r?db=2", STORE_KIND_REDIS_UNIX,
	 .path = "/run/r", .user = "u", .password = "p q", .db = 2,
	 .name = "redis /run/r/2"},
	{"redis-sentinel://a,b:1/mymaster", STORE_KIND_REDIS_SENTINEL,
	 .hosts = "a 26379 b 1 ", .service = "mymaster",
	 .name = "redis-sentinel mymaster/0 at a:26379,b:1"},
	{"redis-sentinel://u:s3cret@a/my-master.1/4", STORE_KIND_REDIS_SENTINEL,
	 .hosts = "a 26379 ", .user = "u", .password = "s3cret",
	 .service = "my-master.1", .db = 4,
	 .name = "redis-sentinel my-master.1/4 at a:26379"},
	{"rediss://u:s3cret@h/1", STORE_KIND_REDIS, .hosts = "h 6379 ",
	 .user = "u", .password = "s3cret", .db = 1, .name = "rediss h:6379/1",
	 .tls = true},
	{"Rediss-Sentinel://a/m", STORE_KIND_REDIS_SENTINEL,
	 .hosts = "a 26379 ", .service = "m",
	 .name = "rediss-sentinel m/0 at a:26379", .tls = true},
};

static void same(const char *have, const char *want)
{
	if (!want)
		assert_null(have);
	else
		assert_string_equal(have, want);
}

static void check_good(struct arena *arena, const struct good *good)
{
	struct store_url url;
	struct err err = {""};
	char hosts[200] = "";

	if (store_url_parse(arena, slice_cstr(good->text), "/var/lib/g", &url,
			    &err) < 0)
		fail_msg("%s: %s", good->text, err.text);
	for (size_t i = 0; i < url.host_count; i++)
		sprintf(hosts + strlen(hosts), "%s %d ", url.hosts[i].host,
			url.hosts[i].port);
	assert_int_equal(url.kind, good->kind);
	same(url.path, good->path);
	same(hosts, good->hosts ? good->hosts : "");
	same(url.user, good->user);
	same(url.password, good->password);
	same(url.service, good->service);
	assert_int_equal(url.db, good->db);
	assert_int_equal(url.tls, good->tls);
	same(url.name, good->name);
}

static void reads_what_the_manual_says(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		check_good(arena, &goods[i]);
	arena_free(&arena);
}

static void without_a_state_dir_a_path_is_as_it_stands(void **state)
{
	struct arena *arena = arena_new(0);
	struct store_url url;
	struct err err;

	(void)state;
	assert_int_equal(
		store_url_parse(arena, SLICE("sqlite:a/b"), NULL, &url, &err),
		0);
	assert_string_equal(url.path, "a/b");
	arena_free(&arena);
}

/* "s3cret" stands wherever a password might. */
static const struct {
	const char *text;
	const char *says;
} bads[] = {
	{"", "must begin with"},
	{"redis", "must begin with"},
	{"/var/lib/store.db", "must begin with"},
	{"redisss://u:s3cret@h", "must begin with"},
	{"mysql://u:s3cret@h", "must begin with"},
	{"sqlite:", "path of a file"},
	{"sqlite:/var/lib/", "path of a file"},
	{"sqlite://var/lib/x", "without //"},
	{"sqlite:a\nb", "control"},
	{"redis://", "host number 1"},
	{"redis:///0", "host number 1"},
	{"redis://a,,b", "host number 2"},
	{"redis://a,", "host number 2"},
	{"redis://a b", "host number 1"},
	{"redis://a:", "host number 1"},
	{"redis://a:0", "port of host number 1"},
	{"redis://a:65536", "port of host number 1"},
	{"redis://a:-1", "port of host number 1"},
	{"redis://a:s3cret", "port of host number 1"},
	{"redis://a,b:99999999999999999999", "port of host number 2"},
	{"redis://::1", "host number 1"},
	{"redis://[::1", "host number 1"},
	{"redis://[::1]x", "host number 1"},
	{"redis://[s3cret]", "host number 1"},
	{"redis://[]", "host number 1"},
	{"redis://a/x", "database must be"},
	{"redis://a/-1", "database must be"},
	{"redis://a/1/2", "database must be"},
	{"redis://a/99999999", "database must be"},
	{"redis://a?db=1", "host number 1"},
	{"redis://:s3cret/h", "host number 1"},
	{"redis://s3cret@h", "USER:PASSWORD"},
	{"redis://u:@h", "password is empty"},
	{"redis://:@h", "password is empty"},
	{"redis://u:s3cret%@h", "hexadecimal"},
	{"redis://u:s3cret%4@h", "hexadecimal"},
	{"redis://u:s3cret%4g@h", "hexadecimal"},
	{"redis://u:s3cret%00@h", "hexadecimal"},
	{"redis://u%zz:s3cret@h", "hexadecimal"},
	{"redis://u:s3cret@", "host number 1"},
	{"redis+unix:", "path of the socket"},
	{"redis+unix:run/x", "path of the socket"},
	{"redis+unix:/", "path of the socket"},
	{"redis+unix:?db=1", "path of the socket"},
	{"redis+unix:u:s3cret@run/x", "path of the socket"},
	{"redis+unix:s3cret@/run/x", "USER:PASSWORD"},
	{"redis+unix:/run/x?db=", "?db="},
	{"redis+unix:/run/x?db=a", "?db="},
	{"redis-sentinel://a", "name of what they watch"},
	{"redis-sentinel://a/", "name of what they watch"},
	{"redis-sentinel://a//0", "name of what they watch"},
	{"redis-sentinel://a/my master", "name of what they watch"},
	{"redis-sentinel:///m", "host number 1"},
	{"redis-sentinel://a/m/x", "database must be"},
	{"redis-sentinel://:s3cret/a/m", "host number 1"},
	{"redis://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "more than 16"},
};

static void says_what_is_wrong_without_the_password(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct store_url url;
		struct err err = {""};

		if (store_url_parse(arena, slice_cstr(bads[i].text), "/v", &url,
				    &err) == 0)
			fail_msg("%s is taken", bads[i].text);
		if (!strstr(err.text, bads[i].says) ||
		    strncmp(err.text, "store: ", 7) != 0 ||
		    strstr(err.text, "s3cret"))
			fail_msg("%s: %s", bads[i].text, err.text);
	}
	arena_free(&arena);
}

static void no_name_shows_a_password(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct store_url url;
		struct err err;

		assert_int_equal(store_url_parse(arena,
						 slice_cstr(goods[i].text),
						 "/v", &url, &err),
				 0);
		if (url.password)
			assert_null(strstr(url.name, url.password));
	}
	arena_free(&arena);
}

/* No byte beyond the text is read, whatever it is cut to. */
static void every_beginning_is_read_or_refused(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		for (size_t n = 0; goods[i].text[n]; n++) {
			char *exact = malloc(n ? n : 1);
			struct store_url url;
			struct err err;

			memcpy(exact, goods[i].text, n);
			store_url_parse(arena, (struct slice){exact, n}, "/v",
					&url, &err);
			free(exact);
		}
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_manual_says),
		cmocka_unit_test(without_a_state_dir_a_path_is_as_it_stands),
		cmocka_unit_test(says_what_is_wrong_without_the_password),
		cmocka_unit_test(no_name_shows_a_password),
		cmocka_unit_test(every_beginning_is_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
