/*
 * The resolver as a command, for tests that bring their own DNS servers.
 *
 *	dns_ask [-s SERVER]... [-z ZONE]... [-d auto|on|off] [-t ANCHOR]
 *		[-f IN_FLIGHT] [-c CACHE_BYTES]
 *
 * reads commands, one a line, and prints one line for each:
 *
 *	ask TYPE NAME [MS]	STATUS TTL SECURE DATA... (in hex) or the
 *				reason of a failure
 *	many COUNT TYPE SUFFIX MS	names n0.SUFFIX, n1.SUFFIX ... at once:
 *				how often each status came, and milliseconds
 *	drop COUNT TYPE SUFFIX	the same, but nobody waits
 *	stats			asked cached coalesced failed refused in_flight
 *	sleep MS
 */
#include "common/base/clock.h"
#include "milter/net/dns.h"
#include "milter/net/lookups.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 16
#define WAIT_MS 20000

struct lists {
	struct slice servers[LIST_MAX], zones[LIST_MAX];
};

static const char *const status_names[] = {
	[DNS_FOUND] = "FOUND",
	[DNS_NODATA] = "NODATA",
	[DNS_NXDOMAIN] = "NXDOMAIN",
	[DNS_TEMPFAIL] = "TEMPFAIL",
};

static enum dns_type type_by_name(const char *name)
{
	static const enum dns_type types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT,
					      DNS_AAAA};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(dns_type_name(types[i]), name) == 0)
			return types[i];
	}
	fprintf(stderr, "dns_ask: no type %s\n", name);
	exit(2);
}

static void print_answer(enum dns_type type, const struct dns_answer *answer)
{
	printf("%s %" PRIu32 " %s", status_names[answer->status], answer->ttl,
	       answer->secure ? "secure" : "insecure");
	for (size_t i = 0; i < answer->count; i++) {
		struct slice data = answer->records[i].data;

		putchar(' ');
		if (type == DNS_MX)
			printf("%u:", answer->records[i].preference);
		for (size_t j = 0; j < data.n; j++)
			printf("%02x", (unsigned char)data.p[j]);
	}
	if (answer->status == DNS_TEMPFAIL)
		printf(" %s", answer->why);
	putchar('\n');
}

static void ask(struct dns *dns, char *words[])
{
	enum dns_type type = type_by_name(words[1]);
	int64_t end = clock_mono_ms() + (words[3] ? atoi(words[3]) : WAIT_MS);
	struct arena *arena = arena_new(0);
	struct lookups *l = lookups_new(arena, dns_resolver(dns), 1);
	struct slice name = slice_cstr(words[2]);

	lookups_begin(l, 0, INT64_MAX, end);
	if (!lookup(l, type, name))
		lookups_wait(l, 1, INT64_MAX);
	print_answer(type, lookup(l, type, name));
	lookups_end(l);
	arena_free(&arena);
}

/* Asks without waiting; what comes of it is counted when `until` is given. */
static void ask_many(struct dns *dns, char *words[], int64_t until,
		     unsigned counts[4])
{
	enum dns_type type = type_by_name(words[2]);
	unsigned count = (unsigned)atoi(words[1]);
	struct arena *arena = arena_new(0);
	struct lookups *l = lookups_new(arena, dns_resolver(dns), count);
	char name[300];

	for (int round = 0; round < (until ? 2 : 1); round++) {
		lookups_begin(l, 0, INT64_MAX, until ? until : INT64_MAX);
		for (unsigned i = 0; i < count; i++) {
			const struct dns_answer *answer;

			snprintf(name, sizeof(name), "n%u.%s", i, words[3]);
			answer = lookup(l, type, slice_cstr(name));
			if (round > 0)
				counts[answer->status]++;
		}
		if (until)
			lookups_wait(l, 1, INT64_MAX);
	}
	lookups_end(l);
	arena_free(&arena);
}

static void many(struct dns *dns, char *words[])
{
	int64_t start = clock_mono_ms();
	unsigned counts[4] = {0};

	ask_many(dns, words, start + atoi(words[4]), counts);
	for (int i = 0; i < 4; i++)
		printf("%s=%u ", status_names[i], counts[i]);
	printf("ms=%" PRId64 "\n", clock_mono_ms() - start);
}

static void print_stats(struct dns *dns)
{
	struct dns_stats s;

	dns_stats(dns, &s);
	printf("asked=%" PRIu64 " cached=%" PRIu64 " coalesced=%" PRIu64
	       " failed=%" PRIu64 " refused=%" PRIu64 " in_flight=%" PRIu64
	       " cache_bytes=%" PRIu64 " cache_entries=%" PRIu64 "\n",
	       s.asked, s.cached, s.coalesced, s.failed, s.refused, s.in_flight,
	       s.cache_bytes, s.cache_entries);
}

static void command(struct dns *dns, char *line)
{
	char *words[6] = {NULL}, *rest = line;

	for (int i = 0; i < 5; i++)
		words[i] = strtok_r(i ? NULL : line, " \n", &rest);
	if (!words[0])
		return;
	if (strcmp(words[0], "ask") == 0) {
		ask(dns, words);
	} else if (strcmp(words[0], "many") == 0) {
		many(dns, words);
	} else if (strcmp(words[0], "drop") == 0) {
		ask_many(dns, words, 0, NULL);
		puts("dropped");
	} else if (strcmp(words[0], "stats") == 0) {
		print_stats(dns);
	} else if (strcmp(words[0], "sleep") == 0) {
		usleep((useconds_t)atoi(words[1]) * 1000);
		puts("slept");
	}
	fflush(stdout);
}

static void read_options(int argc, char **argv, struct lists *lists,
			 struct dns_conf *conf)
{
	int option;

	while ((option = getopt(argc, argv, "s:z:d:t:f:c:")) != -1) {
		if (option == 's' && conf->servers.n < LIST_MAX)
			lists->servers[conf->servers.n++] = slice_cstr(optarg);
		else if (option == 'z' && conf->local_zones.n < LIST_MAX)
			lists->zones[conf->local_zones.n++] =
				slice_cstr(optarg);
		else if (option == 'd')
			conf->dnssec.value = optarg[1] == 'n'	? 1
					     : optarg[1] == 'f' ? 2
								: 0;
		else if (option == 't')
			conf->trust_anchor.s = slice_cstr(optarg);
		else if (option == 'f')
			conf->in_flight = atoi(optarg);
		else if (option == 'c')
			conf->cache.n = atoi(optarg);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct lists lists;
	struct dns_conf conf = {
		.servers.v = lists.servers,
		.trust_anchor.s = SLICE("/usr/share/dns/root.key"),
		.in_flight = 4096,
		.cache.n = 8 << 20,
		.cache_max_ttl.ms = 86400000,
		.negative_max_ttl.ms = 900000,
		.local_zones.v = lists.zones,
	};
	struct err err;
	struct dns *dns;
	char *line = NULL;
	size_t room = 0;

	read_options(argc, argv, &lists, &conf);
	dns = dns_new(&conf, &err);
	if (!dns) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	while (getline(&line, &room, stdin) > 0)
		command(dns, line);
	free(line);
	dns_free(&dns);
	return 0;
}
