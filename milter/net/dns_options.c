/*
 * From the settings of section dns to the options of libunbound, whose
 * defaults suit a command that asks one question.
 */
#include "milter/net/dns_options.h"

#include "milter/net/dns_rdata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unbound.h>

#define PORTS_MAX 4096
#define PORTS_MIN 16

/* In the order of the words of dns.dnssec. */
enum { DNSSEC_AUTO, DNSSEC_ON, DNSSEC_OFF };

struct option {
	const char *name, *value;
};

static const struct option common_options[] = {
	{"num-queries-per-thread:", "4096"},
	{"outgoing-num-tcp:", "64"},
	{"msg-cache-size:", "4m"},
	{"rrset-cache-size:", "8m"},
	{"key-cache-size:", "2m"},
	{"neg-cache-size:", "1m"},
	{"infra-cache-numhosts:", "20000"},
	/*
	 * Silent servers are asked again by one question at a time; 12 s is
	 * the least timeout from which the library does that.
	 */
	{"infra-cache-max-rtt:", "12000"},
	{"infra-keep-probing:", "yes"},
	{"qname-minimisation:", "yes"},
	{"minimal-responses:", "yes"},
	{"serve-expired:", "no"},
	{NULL, NULL},
};

/* With servers of the operator's, all names are theirs to answer. */
static const struct option forwarding_options[] = {
	/* Our own cache is all it takes. */
	{"msg-cache-size:", "1m"},
	{"rrset-cache-size:", "2m"},
	{"do-not-query-localhost:", "no"},
	/* There is no other server: see soon when it is back. */
	{"infra-host-ttl:", "5"},
	{"unblock-lan-zones:", "yes"},
	{"insecure-lan-zones:", "yes"},
	{NULL, NULL},
};

/* What the library answers itself besides those, but for localhost. */
static const char *const built_in_zones[] = {
	"home.arpa",
	"invalid",
	"onion",
	"test",
	"127.in-addr.arpa",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	"ip6.arpa",
	NULL,
};

static int set_option(struct ub_ctx *context, const char *name,
		      const char *value, struct err *err)
{
	if (ub_ctx_set_option(context, name, value) == 0)
		return 0;
	return err_set(err, "libunbound does not take the option %s %s", name,
		       value);
}

static int set_options(struct ub_ctx *context, const struct option *options,
		       struct err *err)
{
	for (; options->name; options++) {
		if (set_option(context, options->name, options->value, err))
			return -1;
	}
	return 0;
}

/* Each question out takes a socket; the rest of the process wants some too. */
static int set_ports(struct ub_ctx *context, struct err *err)
{
	struct rlimit limit;
	rlim_t ports = PORTS_MAX;
	char text[32];

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < ports)
		ports = limit.rlim_cur / 4;
	if (ports < PORTS_MIN)
		ports = PORTS_MIN;
	snprintf(text, sizeof(text), "%u", (unsigned)ports);
	return set_option(context, "outgoing-range:", text, err);
}

/* "ADDR", "ADDR@PORT", "[ADDR]@PORT" to the library's "ADDR@PORT". */
static bool server_text(struct slice server, char *text_r, size_t room)
{
	size_t at = slice_rfind(server, '@');
	struct slice address = slice_sub(server, 0, at);
	struct slice port = slice_sub(server, at + 1, server.n);
	uint64_t number = 53;
	struct ip ip;

	if (at < server.n &&
	    (!slice_to_u64(port, &number) || number == 0 || number > 65535))
		return false;
	if (address.n > 2 && address.p[0] == '[' &&
	    address.p[address.n - 1] == ']')
		address = slice_sub(address, 1, address.n - 1);
	if (!ip_parse(address, &ip))
		return false;
	return snprintf(text_r, room, "%.*s@%u", SLICE_FMT(address),
			(unsigned)number) < (int)room;
}

/* Else the library would keep answers that our cache may not. */
static int set_lifetimes(struct ub_ctx *context, const struct dns_conf *conf,
			 struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld",
		 (long long)conf->cache_max_ttl.ms / 1000);
	if (set_option(context, "cache-max-ttl:", text, err))
		return -1;
	snprintf(text, sizeof(text), "%lld",
		 (long long)conf->negative_max_ttl.ms / 1000);
	return set_option(context, "cache-max-negative-ttl:", text, err);
}

static int set_servers(struct ub_ctx *context, const struct strlist *list,
		       struct err *err)
{
	char text[80];

	for (size_t i = 0; i < list->n; i++) {
		if (!server_text(list->v[i], text, sizeof(text)) ||
		    ub_ctx_set_fwd(context, text) != 0)
			return err_set(err,
				       "dns.servers: '%.*s' is not ADDRESS or "
				       "ADDRESS@PORT, such as 127.0.0.1@53",
				       SLICE_FMT(list->v[i]));
	}
	if (list->n == 0)
		return 0;
	return set_options(context, forwarding_options, err);
}

static bool is_validating(const struct dns_conf *conf)
{
	return conf->dnssec.value == DNSSEC_ON ||
	       (conf->dnssec.value == DNSSEC_AUTO && conf->servers.n == 0);
}

/*
 * Whether the file has more than comments: with none, the library would
 * validate nothing and not say so. -1 and errno if it cannot be read.
 */
static int has_records(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int found = 0;

	if (!file)
		return -1;
	while (!found && (n = getline(&line, &room, file)) > 0) {
		struct slice text = slice_trim((struct slice){line, (size_t)n});

		found = text.n > 0 && text.p[0] != ';';
	}
	free(line);
	fclose(file);
	return found;
}

static int set_validation(struct ub_ctx *context, const struct dns_conf *conf,
			  struct err *err)
{
	const char *anchor = conf->trust_anchor.s.p;
	int records;

	if (!is_validating(conf))
		return set_option(context, "module-config:", "iterator", err);
	records = has_records(anchor);
	if (records < 0)
		return err_set(
			err,
			"dns.trust_anchor: cannot read '%s': %s (Debian's "
			"package dns-root-data has the usual one; "
			"dns.dnssec = off does without)",
			anchor, strerror(errno));
	if (records == 0)
		return err_set(err, "dns.trust_anchor: '%s' is empty", anchor);
	if (ub_ctx_add_ta_file(context, anchor) != 0)
		return err_set(err, "dns.trust_anchor: cannot use '%s'",
			       anchor);
	return 0;
}

/* Makes the library read its options, by removing a zone it has not. */
static int read_options(struct ub_ctx *context, const struct dns_conf *conf,
			struct err *err)
{
	int status = ub_ctx_zone_remove(context, "gatepost.invalid.");

	if (status == 0)
		return 0;
	if (status == UB_INITFAIL && is_validating(conf))
		return err_set(err,
			       "dns.trust_anchor: '%s' holds no DS or DNSKEY "
			       "records in zone file form",
			       conf->trust_anchor.s.p);
	return err_set(err, "the resolver does not start: %s",
		       ub_strerror(status));
}

/* With a start of authority, so that the absence of names can be kept. */
static int add_empty_zone(struct ub_ctx *context, struct slice zone)
{
	char name[DNS_NAME_TEXT_MAX], soa[DNS_NAME_TEXT_MAX + 100];

	if (zone.n > 0 && zone.p[zone.n - 1] == '.')
		zone.n--;
	if (slice_eq_nocase(zone, SLICE("localhost")))
		return 0;
	if (!dns_name_print(zone, name))
		return -1;
	snprintf(soa, sizeof(soa),
		 "%s 3600 IN SOA localhost. nobody.invalid. 1 3600 1200 "
		 "604800 3600",
		 name);
	ub_ctx_zone_remove(context, name);
	return ub_ctx_zone_add(context, name, "static") ||
			       ub_ctx_data_add(context, soa)
		       ? -1
		       : 0;
}

static int set_local_zones(struct ub_ctx *context, const struct dns_conf *conf,
			   struct err *err)
{
	const struct strlist *zones = &conf->local_zones;

	for (size_t i = 0; conf->servers.n > 0 && built_in_zones[i]; i++)
		ub_ctx_zone_remove(context, built_in_zones[i]);
	for (size_t i = 0; i < zones->n; i++) {
		if (add_empty_zone(context, zones->v[i]))
			return err_set(err,
				       "dns.local_zones: '%.*s' is not the "
				       "name of a zone",
				       SLICE_FMT(zones->v[i]));
	}
	return 0;
}

int dns_options_set(struct ub_ctx *context, const struct dns_conf *conf,
		    struct err *err)
{
	/* Its errors reach us with each answer; it must not use stderr. */
	ub_ctx_debugout(context, NULL);
	if (set_options(context, common_options, err) ||
	    set_ports(context, err) || set_lifetimes(context, conf, err) ||
	    set_servers(context, &conf->servers, err) ||
	    set_validation(context, conf, err) ||
	    read_options(context, conf, err) ||
	    set_local_zones(context, conf, err))
		return -1;
	return 0;
}
