/*
 * The mechanisms of RFC 7208 5.3 to 5.7 and the validated name of 7.3. Each
 * is written as if all answers were there; a missing one reads as "no
 * match" and marks the run as pending, whose result does not count.
 */
#include "milter/checks/spf_match.h"
#include "common/mail/domain.h"

#define NAMES_MAX 10 /* of MX and of PTR (4.6.4) */

const struct dns_answer *spf_ask(struct spf_run *run, enum dns_type type,
				 struct slice name)
{
	const struct dns_answer *answer =
		lookup(run->query->lookups, type, name);

	if (!answer)
		run->pending = true;
	return answer;
}

enum spf_match spf_stop(struct spf_run *run, enum spf_match match,
			const char *format, ...)
{
	va_list args;

	/* A run with gaps is thrown away: spare the text. */
	if (run->pending)
		return match;
	va_start(args, format);
	run->fault = arena_vprintf(run->query->arena, format, args);
	va_end(args);
	return match;
}

enum spf_match spf_count_term(struct spf_run *run)
{
	if (++run->terms <= run->query->lookup_limit)
		return SPF_MATCH;
	return spf_stop(run, SPF_PERMERROR, "it takes more than %u DNS lookups",
			run->query->lookup_limit);
}

static enum spf_match count_void(struct spf_run *run)
{
	if (++run->voids <= run->query->void_limit)
		return SPF_NO_MATCH;
	return spf_stop(run, SPF_PERMERROR,
			"more than %u of its DNS lookups find nothing",
			run->query->void_limit);
}

static enum spf_match stop_tempfail(struct spf_run *run, enum dns_type type,
				    struct slice name,
				    const struct dns_answer *answer)
{
	return spf_stop(run, SPF_TEMPERROR, "DNS for %.*s (%s): %s",
			SLICE_FMT(name), dns_type_name(type),
			answer->why ? answer->why : "no answer");
}

static enum dns_type address_type(const struct spf_run *run)
{
	return run->query->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool holds_client(const struct spf_run *run,
			 const struct dns_answer *answer, int bits)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct slice data = answer->records[i].data;
		struct ip ip;

		if (ip_from_bytes(data.p, data.n, &ip) &&
		    ip_in(&run->query->client, &ip, bits))
			return true;
	}
	return false;
}

static int prefix_bits(const struct spf_run *run,
		       const struct spf_directive *directive)
{
	return run->query->client.family == IP_V6 ? directive->bits6
						  : directive->bits4;
}

static enum spf_match match_addresses(struct spf_run *run, struct slice name,
				      int bits)
{
	enum dns_type type = address_type(run);
	const struct dns_answer *answer = spf_ask(run, type, name);

	if (!answer)
		return SPF_NO_MATCH;
	switch (answer->status) {
	case DNS_FOUND:
		return holds_client(run, answer, bits) ? SPF_MATCH
						       : SPF_NO_MATCH;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return count_void(run);
	case DNS_TEMPFAIL:
		break;
	}
	return stop_tempfail(run, type, name, answer);
}

static enum spf_match match_mx(struct spf_run *run, struct slice name, int bits)
{
	const struct dns_answer *answer = spf_ask(run, DNS_MX, name);

	if (!answer)
		return SPF_NO_MATCH;
	if (answer->status == DNS_TEMPFAIL)
		return stop_tempfail(run, DNS_MX, name, answer);
	if (answer->status != DNS_FOUND)
		return count_void(run);
	if (answer->count > NAMES_MAX)
		return spf_stop(run, SPF_PERMERROR,
				"%.*s has more than %d MX records",
				SLICE_FMT(name), NAMES_MAX);
	for (size_t i = 0; i < answer->count; i++) {
		struct slice host = answer->records[i].data;
		enum spf_match match;

		/* A null MX (RFC 7505) names no host. */
		if (host.n == 0)
			continue;
		match = match_addresses(run, host, bits);
		if (match != SPF_NO_MATCH)
			return match;
	}
	return SPF_NO_MATCH;
}

static enum spf_match match_exists(struct spf_run *run, struct slice name)
{
	const struct dns_answer *answer = spf_ask(run, DNS_A, name);

	if (!answer)
		return SPF_NO_MATCH;
	if (answer->status == DNS_TEMPFAIL)
		return stop_tempfail(run, DNS_A, name, answer);
	return answer->status == DNS_FOUND ? SPF_MATCH : count_void(run);
}

static const struct dns_answer *ask_reverse(struct spf_run *run)
{
	const struct spf_query *q = run->query;
	struct slice zone = q->client.family == IP_V6 ? SLICE("ip6.arpa")
						      : SLICE("in-addr.arpa");

	return spf_ask(run, DNS_PTR,
		       ip_reverse_name(q->arena, &q->client, zone));
}

static size_t names_used(const struct dns_answer *answer)
{
	return answer->count < NAMES_MAX ? answer->count : NAMES_MAX;
}

/*
 * Names outside the target cannot match, so they are not looked up. DNS
 * errors are no match here, not temperror (5.5).
 */
static enum spf_match match_ptr(struct spf_run *run, struct slice target)
{
	const struct dns_answer *answer = ask_reverse(run);
	enum spf_match match = SPF_NO_MATCH;

	if (!answer || answer->status == DNS_TEMPFAIL)
		return SPF_NO_MATCH;
	if (answer->status != DNS_FOUND)
		return count_void(run);
	for (size_t i = 0; i < names_used(answer); i++) {
		struct slice name = answer->records[i].data;

		if (!domain_is_within(name, target))
			continue;
		match = match_addresses(run, name,
					address_type(run) == DNS_A ? 32 : 128);
		if (match == SPF_TEMPERROR)
			match = SPF_NO_MATCH;
		if (match != SPF_NO_MATCH)
			break;
	}
	return match;
}

/* 0: the domain itself, 1: below it, 2: any other. Best first (7.3). */
static int name_rank(struct slice name, struct slice domain)
{
	if (!domain_is_within(name, domain))
		return 2;
	return name.n == domain.n ? 0 : 1;
}

struct slice spf_validated_name(struct spf_run *run, struct slice domain)
{
	const struct dns_answer *answer = ask_reverse(run), *addresses;
	enum dns_type type = address_type(run);

	if (!answer || answer->status != DNS_FOUND)
		return SLICE("unknown");
	for (int rank = 0; rank <= 2; rank++) {
		for (size_t i = 0; i < names_used(answer); i++) {
			struct slice name = answer->records[i].data;

			if (name_rank(name, domain) != rank)
				continue;
			addresses = spf_ask(run, type, name);
			if (addresses && addresses->status == DNS_FOUND &&
			    holds_client(run, addresses,
					 type == DNS_A ? 32 : 128))
				return name;
		}
	}
	return SLICE("unknown");
}

struct spf_values spf_run_values(const struct spf_run *run, struct slice domain)
{
	const struct spf_query *q = run->query;

	return (struct spf_values){.sender = q->sender,
				   .domain = domain,
				   .helo = q->helo,
				   .receiver = q->receiver,
				   .client = &q->client};
}

enum spf_match spf_expand(struct spf_run *run, struct slice domain,
			  struct slice spec, char room[SPF_NAME_MAX],
			  struct slice *name_r)
{
	struct spf_values values = spf_run_values(run, domain);
	bool before = run->pending, missing;

	*name_r = SLICE_NONE;
	if (spf_macro_wants_validated(spec)) {
		/* Its PTR question counts (4.6.4), the first time. */
		if (!run->reverse_counted && spf_count_term(run) != SPF_MATCH)
			return SPF_PERMERROR;
		run->reverse_counted = true;
		run->pending = false;
		values.validated = spf_validated_name(run, domain);
		missing = run->pending;
		run->pending = before || missing;
		if (missing)
			return SPF_NO_MATCH;
	}
	return spf_macro_expand_domain(spec, &values, room, name_r)
		       ? SPF_MATCH
		       : SPF_NO_MATCH;
}

enum spf_match spf_match(struct spf_run *run, struct slice domain,
			 const struct spf_directive *directive)
{
	const struct ip *client = &run->query->client;
	char room[SPF_NAME_MAX];
	struct slice name = domain;
	enum spf_match match;
	int bits = prefix_bits(run, directive);

	if (directive->mechanism == SPF_IP4 || directive->mechanism == SPF_IP6)
		return ip_in(client, &directive->network, bits) ? SPF_MATCH
								: SPF_NO_MATCH;
	match = spf_count_term(run);
	if (match == SPF_MATCH && directive->target.n > 0)
		match = spf_expand(run, domain, directive->target, room, &name);
	if (match != SPF_MATCH)
		return match;
	switch (directive->mechanism) {
	case SPF_A:
		return match_addresses(run, name, bits);
	case SPF_MX:
		return match_mx(run, name, bits);
	case SPF_PTR:
		return match_ptr(run, name);
	default:
		return match_exists(run, name);
	}
}
