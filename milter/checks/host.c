/*
 * The client host. Says only what DNS says: a question without an answer
 * is told as such and costs no points. Private addresses have no reverse
 * DNS that others could see, so it is not asked for.
 */
#include "milter/checks/host.h"
#include "common/base/buf.h"
#include "common/mail/domain.h"

#define PTR_MAX 5 /* names of one address that are confirmed */

struct host_conf {
	bool enabled;
	bool skip_private;
	struct duration timeout;
};

static const struct setting rows[] = {
	SETTING(struct host_conf, enabled, "yes", NULL, NULL,
		"look at the client's reverse DNS and HELO name"),
	SETTING(struct host_conf, skip_private, "yes", NULL, NULL,
		"ask for no reverse DNS of private and reserved addresses"),
	SETTING(struct host_conf, timeout, "10s", "100ms", "60s",
		"how long an answer of the DNS is waited for"),
	SETTING_END,
};

static const struct settings_group settings = {
	.section = "host",
	.rows = rows,
	.conf_size = sizeof(struct host_conf),
	.doc = "The client host: reverse DNS and HELO",
};

enum {
	NO_PTR,
	PTR_UNCONFIRMED,
	HELO_MISSING,
	HELO_BARE_IP,
	HELO_BAD_LITERAL,
	HELO_OTHER_ADDRESS,
	HELO_NOT_FQDN,
	HELO_NO_ADDRESS,
	SENDER_NO_MAIL,
};

static const struct symbol symbols[] = {
	[NO_PTR] = {"HOST_NO_PTR", 1.0,
		    "the client's address has no name in reverse DNS", "host"},
	[PTR_UNCONFIRMED] = {"HOST_PTR_UNCONFIRMED", 1.0,
			     "the client's name in reverse DNS does not "
			     "lead back to its address",
			     "host"},
	[HELO_MISSING] = {"HOST_HELO_MISSING", 1.0,
			  "the client gave no HELO name", "host"},
	[HELO_BARE_IP] = {"HOST_HELO_BARE_IP", 3.0,
			  "the HELO name is an address without brackets",
			  "host"},
	[HELO_BAD_LITERAL] = {"HOST_HELO_BAD_LITERAL", 4.5,
			      "the HELO name is no valid address in brackets",
			      "host"},
	[HELO_OTHER_ADDRESS] = {"HOST_HELO_OTHER_ADDRESS", 2.0,
				"the HELO name is an address, but not the "
				"client's",
				"host"},
	[HELO_NOT_FQDN] = {"HOST_HELO_NOT_FQDN", 2.0,
			   "the HELO name is no full host name", "host"},
	[HELO_NO_ADDRESS] = {"HOST_HELO_NO_ADDRESS", 0.5,
			     "the HELO name has no address in DNS", "host"},
	[SENDER_NO_MAIL] = {"HOST_SENDER_NO_MAIL", 1.5,
			    "no mail can reach the envelope sender's domain",
			    "host"},
	[SENDER_NO_MAIL + 1] = {0},
};

/* One run of judge(). */
struct round {
	struct mail *mail;
	const struct host_conf *conf;
	struct verdict *verdict;
	bool waiting;
	struct buf failures; /* what DNS did not tell */
};

/* An answer, or NULL when there is none, yet or ever. */
static const struct dns_answer *ask(struct round *r, enum dns_type type,
				    struct slice name)
{
	const struct dns_answer *answer = lookup(r->mail->lookups, type, name);

	if (!answer) {
		r->waiting = true;
		return NULL;
	}
	if (answer->status != DNS_TEMPFAIL)
		return answer;
	buf_printf(&r->failures, "%sno answer for the %s record of %.*s",
		   r->failures.n > 0 ? "; " : "", dns_type_name(type),
		   SLICE_FMT(name));
	return NULL;
}

static struct slice reverse_name(struct mail *mail)
{
	const struct ip *ip = &mail->conn->client;

	return ip_reverse_name(mail->arena, ip,
			       ip->family == IP_V4 ? SLICE("in-addr.arpa")
						   : SLICE("ip6.arpa"));
}

static bool has_address(const struct dns_answer *answer, const struct ip *ip)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct ip other;

		if (ip_from_bytes(answer->records[i].data.p,
				  answer->records[i].data.n, &other) &&
		    ip_eq(&other, ip))
			return true;
	}
	return false;
}

/* Whether one of the names has the client's address. */
static bool confirm(struct round *r, const struct dns_answer *ptr,
		    bool *known_r)
{
	const struct ip *ip = &r->mail->conn->client;
	struct auth_iprev *iprev = &r->verdict->auth.iprev;
	bool found = false;

	*known_r = true;
	for (size_t i = 0; i < ptr->count && i < PTR_MAX; i++) {
		struct slice name = ptr->records[i].data;
		const struct dns_answer *answer =
			ask(r, ip->family == IP_V4 ? DNS_A : DNS_AAAA, name);

		if (!answer) {
			*known_r = false;
		} else if (!found && has_address(answer, ip)) {
			found = true;
			iprev->name = name;
		}
	}
	return found;
}

static void judge_reverse(struct round *r)
{
	struct slice client = r->mail->conn->client_text;
	struct auth_iprev *iprev = &r->verdict->auth.iprev;
	const struct dns_answer *ptr;
	bool known;

	*iprev = (struct auth_iprev){AUTH_NONE, SLICE_NONE};
	if (r->mail->conn->ptr_name.n > 0) {
		*iprev =
			(struct auth_iprev){AUTH_PASS, r->mail->conn->ptr_name};
		return;
	}
	if (r->conf->skip_private && ip_is_private(&r->mail->conn->client))
		return;
	iprev->result = AUTH_TEMPERROR;
	ptr = ask(r, DNS_PTR, reverse_name(r->mail));
	if (!ptr)
		return;
	if (ptr->status != DNS_FOUND || ptr->count == 0) {
		iprev->result = AUTH_PERMERROR;
		verdict_hit(r->verdict, &symbols[NO_PTR],
			    "%.*s has no name in reverse DNS",
			    SLICE_FMT(client));
		return;
	}
	if (confirm(r, ptr, &known)) {
		iprev->result = AUTH_PASS;
		return;
	}
	iprev->name = ptr->records[0].data;
	if (!known)
		return;
	iprev->result = AUTH_FAIL;
	verdict_hit(r->verdict, &symbols[PTR_UNCONFIRMED],
		    "reverse DNS names %.*s as %.*s, but that name does not "
		    "have this address",
		    SLICE_FMT(client), SLICE_FMT(iprev->name));
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" */
static bool read_literal(struct slice helo, struct ip *ip_r)
{
	struct slice text = slice_sub(helo, 1, helo.n - 1);

	if (helo.n < 2 || helo.p[helo.n - 1] != ']')
		return false;
	if (slice_starts_nocase(text, SLICE("IPv6:")))
		return ip_parse(slice_sub(text, 5, text.n), ip_r);
	return ip_parse(text, ip_r) && slice_find(text, 0, ':') == text.n;
}

static void judge_literal(struct round *r, struct slice helo)
{
	struct ip ip;

	if (!read_literal(helo, &ip))
		verdict_hit(r->verdict, &symbols[HELO_BAD_LITERAL],
			    "HELO '%.*s' is no valid address in brackets",
			    SLICE_FMT(helo));
	else if (!ip_eq(&ip, &r->mail->conn->client))
		verdict_hit(r->verdict, &symbols[HELO_OTHER_ADDRESS],
			    "HELO is %.*s, but the client is %.*s",
			    SLICE_FMT(helo),
			    SLICE_FMT(r->mail->conn->client_text));
}

/* A host name of two labels or more, the last of them not a number. */
static bool host_name(struct round *r, struct slice text, struct slice *name_r)
{
	struct slice last;

	if (!domain_normalise(r->mail->arena, text, name_r) ||
	    !domain_is_fqdn(*name_r))
		return false;
	last = domain_tail(*name_r, 1);
	for (size_t i = 0; i < last.n; i++)
		if (!ascii_is_digit(last.p[i]))
			return true;
	return false;
}

/* Whether the name has no address; asks for both kinds at once. */
static bool has_none(struct round *r, struct slice name)
{
	const struct dns_answer *v4 = ask(r, DNS_A, name);
	const struct dns_answer *v6 = ask(r, DNS_AAAA, name);

	return v4 && v6 && v4->status != DNS_FOUND && v6->status != DNS_FOUND;
}

static void judge_helo(struct round *r)
{
	struct slice helo = r->mail->conn->helo, name;
	struct ip ip;

	if (helo.n == 0)
		verdict_hit(r->verdict, &symbols[HELO_MISSING], NULL);
	else if (helo.p[0] == '[')
		judge_literal(r, helo);
	else if (ip_parse(helo, &ip))
		verdict_hit(r->verdict, &symbols[HELO_BARE_IP],
			    "HELO is %.*s, an address without brackets",
			    SLICE_FMT(helo));
	else if (!host_name(r, helo, &name))
		verdict_hit(r->verdict, &symbols[HELO_NOT_FQDN],
			    "HELO '%.*s' is no full host name",
			    SLICE_FMT(helo));
	else if (has_none(r, name))
		verdict_hit(r->verdict, &symbols[HELO_NO_ADDRESS],
			    "HELO name %.*s has no address in DNS",
			    SLICE_FMT(name));
}

/* Where answers would go (RFC 5321 5.1; RFC 7505 for the null MX). */
static void judge_sender(struct round *r)
{
	struct slice domain = r->mail->sender_address.domain;
	const struct dns_answer *mx;

	if (domain_labels(domain) < 2 || domain.p[0] == '[')
		return;
	mx = ask(r, DNS_MX, domain);
	if (!mx)
		return;
	if (mx->status == DNS_FOUND && mx->count == 1 &&
	    mx->records[0].data.n == 0)
		verdict_hit(r->verdict, &symbols[SENDER_NO_MAIL],
			    "%.*s says that it takes no mail (null MX)",
			    SLICE_FMT(domain));
	else if (mx->status == DNS_NXDOMAIN)
		verdict_hit(r->verdict, &symbols[SENDER_NO_MAIL],
			    "%.*s does not exist", SLICE_FMT(domain));
	else if (mx->status == DNS_NODATA && has_none(r, domain))
		verdict_hit(r->verdict, &symbols[SENDER_NO_MAIL],
			    "%.*s has neither mail server nor address",
			    SLICE_FMT(domain));
}

static enum step judge(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict)
{
	struct round r = {.mail = mail,
			  .conf = ready,
			  .verdict = verdict,
			  .failures = BUF(mail->arena)};
	size_t hits = verdict->hit_count;

	(void)index;
	if (!r.conf->enabled || !mail_is_inbound(mail)) {
		verdict_outcome(verdict, OUTCOME_NOT_RUN, "%s",
				r.conf->enabled
					? "only for mail from outside"
					: "switched off (host.enabled)");
		return STEP_DONE;
	}
	judge_reverse(&r);
	judge_helo(&r);
	judge_sender(&r);
	if (r.waiting)
		return STEP_WAIT;
	if (r.failures.n > 0)
		verdict_outcome(verdict,
				verdict->hit_count > hits ? OUTCOME_FAIL
							  : OUTCOME_TEMPERROR,
				"%.*s", SLICE_FMT(buf_slice(&r.failures)));
	return STEP_DONE;
}

static void start(struct mail *mail, unsigned index, const void *ready,
		  enum stage stage)
{
	struct round r = {.mail = mail,
			  .conf = ready,
			  .verdict = mail->verdict,
			  .failures = BUF(mail->arena)};
	struct slice name;

	(void)index;
	if (!r.conf->enabled || !mail_is_inbound(mail))
		return;
	if (stage == STAGE_CONNECT && mail->conn->ptr_name.n == 0 &&
	    !(r.conf->skip_private && ip_is_private(&mail->conn->client)))
		(void)ask(&r, DNS_PTR, reverse_name(mail));
	if (stage == STAGE_HELO && mail->conn->helo.n > 0 &&
	    host_name(&r, mail->conn->helo, &name))
		(void)has_none(&r, name);
}

static void limits(const void *ready, int64_t *wait_ms_r, int64_t *total_ms_r)
{
	const struct host_conf *conf = ready;

	*wait_ms_r = conf->timeout.ms;
	/* PTR, and then the addresses of its names. */
	*total_ms_r = conf->timeout.ms * 2;
}

const struct check check_host = {
	.name = "host",
	.doc = "the client's reverse DNS and HELO name, the sender's domain",
	.symbols = symbols,
	.settings = &settings,
	.needs = STAGE_ENVELOPE,
	.limits = limits,
	.start = start,
	.judge = judge,
};
