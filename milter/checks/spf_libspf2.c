/*
 * libspf2 over our own look-ups. The library blocks, trusts its input and
 * bends RFC 7208 in many places, so it sees as little as possible:
 *
 * - A record goes through our parser first and is handed over rebuilt:
 *   directives, then redirect= (it evaluates that where it stands). Other
 *   modifiers stay out, so it never fetches an explanation.
 * - It drops without a word what does not fit its 511 bytes a record; the
 *   number of directives it kept tells, and the result is then permerror.
 * - It counts terms per record and no void look-ups: we count both here,
 *   over the whole evaluation, and overrule its result.
 * - It ends the process when a look-up returns NULL: ours never does. A
 *   missing answer is told to it as a temporary failure and the run is
 *   repeated when the answer has come.
 *
 * What remains is its own: no /0 prefixes, loopback clients always pass, no
 * explanations, a byte lost in reversed macros such as %{l1r}. All objects of
 * the library live for one run; nothing is shared between threads.
 */
#include "milter/checks/spf_libspf2.h"
#include "common/base/buf.h"
#include "common/mail/domain.h"
#include "milter/checks/spf_record.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Without this its headers declare ns_type a second time. */
#define HAVE_NS_TYPE 1
#include <spf2/spf.h>

#define NAMES_MAX 10 /* of MX and of PTR (RFC 7208 4.6.4) */
#define SENDER_MAX 320

struct session {
	const struct spf_query *query;
	bool pending;
	bool failed;	  /* some answer was DNS_TEMPFAIL */
	bool none;	  /* the domain itself has no record */
	unsigned records; /* of SPF, fetched so far */
	unsigned terms, voids;
	/* Hosts of the last MX or PTR answer: their addresses are no terms. */
	const struct dns_answer *hosts;
	bool overruled;
	struct slice why;
};

static void overrule(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void overrule(struct session *s, const char *format, ...)
{
	va_list args;

	if (s->overruled)
		return;
	s->overruled = true;
	va_start(args, format);
	s->why = arena_vprintf(s->query->arena, format, args);
	va_end(args);
}

static void count_term(struct session *s)
{
	if (++s->terms > s->query->lookup_limit)
		overrule(s, "it takes more than %u DNS lookups",
			 s->query->lookup_limit);
}

static void count_void(struct session *s)
{
	if (++s->voids > s->query->void_limit)
		overrule(s, "more than %u of its DNS lookups find nothing",
			 s->query->void_limit);
}

static bool is_host_of(const struct dns_answer *hosts, struct slice name)
{
	for (size_t i = 0; hosts && i < hosts->count; i++)
		if (slice_eq_nocase(hosts->records[i].data, name))
			return true;
	return false;
}

static bool type_of(ns_type type, enum dns_type *type_r)
{
	switch (type) {
	case ns_t_a:
		*type_r = DNS_A;
		return true;
	case ns_t_aaaa:
		*type_r = DNS_AAAA;
		return true;
	case ns_t_mx:
		*type_r = DNS_MX;
		return true;
	case ns_t_ptr:
		*type_r = DNS_PTR;
		return true;
	default:
		return false;
	}
}

/* The library has no answer for "out of memory" but a crash of its own. */
static SPF_dns_rr_t *empty_answer(SPF_dns_server_t *server, const char *name,
				  ns_type type, SPF_dns_stat_t status)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, type, 0, status);

	if (!rr)
		abort();
	return rr;
}

static void add_record(SPF_dns_rr_t *rr, const struct dns_record *record)
{
	size_t room = record->data.n + 1;
	int at = rr->num_rr;

	if (room < sizeof(SPF_dns_rr_data_t))
		room = sizeof(SPF_dns_rr_data_t);
	if (SPF_dns_rr_buf_realloc(rr, at, room) != SPF_E_SUCCESS)
		abort();
	memset(rr->rr[at], 0, room);
	/* Every member of the union begins at its first byte. */
	memcpy(rr->rr[at], record->data.p, record->data.n);
	rr->num_rr++;
}

/* Whether the bytes are what the library will take them for. */
static bool is_sound(enum dns_type type, struct slice data)
{
	switch (type) {
	case DNS_A:
		return data.n == 4;
	case DNS_AAAA:
		return data.n == 16;
	default:
		return data.n > 0 && data.n <= 253 && slice_is_printable(data);
	}
}

static const struct dns_answer *ask(struct session *s, enum dns_type type,
				    struct slice name)
{
	const struct dns_answer *answer;
	bool address = type == DNS_A || type == DNS_AAAA;

	if (!address || !is_host_of(s->hosts, name))
		count_term(s);
	if (s->overruled)
		return NULL;
	answer = lookup(s->query->lookups, type, name);
	if (!answer) {
		s->pending = true;
		return NULL;
	}
	if (answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN)
		count_void(s);
	if (!address)
		s->hosts = answer;
	if (type == DNS_MX && answer->count > NAMES_MAX)
		overrule(s, "%.*s has more than %d MX records", SLICE_FMT(name),
			 NAMES_MAX);
	return answer;
}

static SPF_dns_rr_t *lookup_rr(SPF_dns_server_t *server, const char *domain,
			       ns_type ns_type, int should_cache)
{
	struct session *s = server->hook;
	const struct dns_answer *answer;
	enum dns_type type;
	SPF_dns_rr_t *rr;

	(void)should_cache;
	if (!type_of(ns_type, &type))
		return empty_answer(server, domain, ns_type, NO_DATA);
	answer = s->overruled ? NULL : ask(s, type, slice_cstr(domain));
	if (!answer)
		return empty_answer(server, domain, ns_type, TRY_AGAIN);
	switch (answer->status) {
	case DNS_FOUND:
		break;
	case DNS_NODATA:
		return empty_answer(server, domain, ns_type, NO_DATA);
	case DNS_NXDOMAIN:
		return empty_answer(server, domain, ns_type, HOST_NOT_FOUND);
	case DNS_TEMPFAIL:
		/* Below ptr, errors mean no match. */
		if (type == DNS_PTR)
			return empty_answer(server, domain, ns_type,
					    HOST_NOT_FOUND);
		s->failed = true;
		return empty_answer(server, domain, ns_type, TRY_AGAIN);
	}
	rr = empty_answer(server, domain, ns_type, NETDB_SUCCESS);
	for (size_t i = 0; i < answer->count; i++)
		if (is_sound(type, answer->records[i].data) &&
		    (type != DNS_PTR || rr->num_rr < NAMES_MAX))
			add_record(rr, &answer->records[i]);
	if (rr->num_rr == 0)
		rr->herrno = NO_DATA;
	return rr;
}

/* The record as the library shall see it. */
static char *rebuild(struct arena *a, struct spf_record record)
{
	struct buf b = BUF(a);
	struct spf_directive directive;

	buf_add_text(&b, "v=spf1");
	while (spf_record_next(&record.terms, &directive)) {
		buf_add_char(&b, ' ');
		buf_add(&b, directive.text);
	}
	if (record.redirect.n > 0) {
		buf_add_text(&b, " redirect=");
		buf_add(&b, record.redirect);
	}
	return arena_cstr(a, buf_slice(&b));
}

static SPF_errcode_t compile(struct session *s, SPF_server_t *server,
			     SPF_response_t *response, SPF_record_t **record_r,
			     struct slice txt)
{
	struct spf_record record;
	struct spf_fault fault;
	SPF_errcode_t code;

	if (!spf_record_parse(txt, &record, &fault)) {
		overrule(s, "a record is bad: '%.*s' %s", SLICE_FMT(fault.term),
			 fault.what);
		return SPF_E_SYNTAX;
	}
	code = SPF_record_compile(server, response, record_r,
				  rebuild(s->query->arena, record));
	if (code == SPF_E_SUCCESS && *record_r &&
	    (*record_r)->num_mech !=
		    record.directives + (record.redirect.n > 0)) {
		overrule(s, "a record is too long for libspf2");
		return SPF_E_BIG_MECH;
	}
	return code;
}

static SPF_errcode_t get_spf(SPF_server_t *server, SPF_request_t *request,
			     SPF_response_t *response, SPF_record_t **record_r)
{
	struct session *s = server->resolver->hook;
	struct slice domain = slice_cstr(request->cur_dom);
	const struct dns_answer *answer;
	const struct slice *found = NULL;

	*record_r = NULL;
	/* All but the first are the work of include and redirect. */
	if (s->records++ > 0)
		count_term(s);
	if (s->overruled)
		return SPF_E_DNS_ERROR;
	answer = lookup(s->query->lookups, DNS_TXT, domain);
	s->pending |= !answer;
	s->failed |= answer && answer->status == DNS_TEMPFAIL;
	if (!answer || answer->status == DNS_TEMPFAIL)
		return SPF_E_DNS_ERROR;
	for (size_t i = 0; i < answer->count; i++) {
		if (!spf_record_is(answer->records[i].data))
			continue;
		if (found) {
			overrule(s, "%.*s has more than one SPF record",
				 SLICE_FMT(domain));
			return SPF_E_MULTIPLE_RECORDS;
		}
		found = &answer->records[i].data;
	}
	if (!found) {
		s->none = s->records == 1;
		return SPF_E_NOT_SPF;
	}
	return compile(s, server, response, record_r, *found);
}

/* Nothing of the sender but a plain address may reach its macros. */
static char *plain_sender(const struct spf_query *query)
{
	struct slice sender = query->sender;

	if (sender.n > SENDER_MAX || !slice_is_printable(sender) ||
	    slice_find(sender, 0, '@') != slice_rfind(sender, '@'))
		sender = arena_printf(query->arena, "postmaster@%.*s",
				      SLICE_FMT(query->domain));
	return arena_cstr(query->arena, sender);
}

static SPF_request_t *new_request(SPF_server_t *server,
				  const struct spf_query *query)
{
	SPF_request_t *request = SPF_request_new(server);
	struct in_addr four;
	struct in6_addr six;

	if (!request)
		abort();
	if (query->client.family == IP_V6) {
		memcpy(&six, query->client.b, sizeof(six));
		SPF_request_set_ipv6(request, six);
	} else {
		memcpy(&four, query->client.b, sizeof(four));
		SPF_request_set_ipv4(request, four);
	}
	/* The sender first: the HELO name must not stand in for it. */
	SPF_request_set_env_from(request, plain_sender(query));
	if (slice_is_printable(query->helo) && query->helo.n > 0 &&
	    query->helo.n <= 253)
		SPF_request_set_helo_dom(request,
					 arena_cstr(query->arena, query->helo));
	return request;
}

static enum auth_result result_of(const struct session *s,
				  SPF_response_t *response)
{
	if (s->overruled)
		return AUTH_PERMERROR;
	if (s->failed)
		return AUTH_TEMPERROR;
	if (s->none)
		return AUTH_NONE;
	switch (response ? SPF_response_result(response)
			 : SPF_RESULT_PERMERROR) {
	case SPF_RESULT_NEUTRAL:
		return AUTH_NEUTRAL;
	case SPF_RESULT_PASS:
		return AUTH_PASS;
	case SPF_RESULT_FAIL:
		return AUTH_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return AUTH_SOFTFAIL;
	case SPF_RESULT_NONE:
		return AUTH_NONE;
	default:
		return AUTH_PERMERROR;
	}
}

static void run(struct session *s, struct spf_outcome *outcome_r)
{
	SPF_dns_server_t layer = {.lookup = lookup_rr,
				  .get_spf = get_spf,
				  .name = "gatepost",
				  .hook = s};
	SPF_server_t *server = SPF_server_new_dns(&layer, 0);
	SPF_request_t *request;
	SPF_response_t *response = NULL;

	if (!server)
		abort();
	request = new_request(server, s->query);
	(void)SPF_request_query_mailfrom(request, &response);
	if (!s->pending)
		outcome_r->result = result_of(s, response);
	SPF_response_free(response);
	SPF_request_free(request);
	SPF_server_free(server);
}

enum step spf_libspf2_evaluate(const struct spf_query *query,
			       struct spf_outcome *outcome_r)
{
	struct session s = {.query = query};

	*outcome_r = (struct spf_outcome){0};
	if (domain_labels(query->domain) >= 2 && query->domain.p[0] != '[')
		run(&s, outcome_r);
	if (s.pending)
		return STEP_WAIT;
	outcome_r->reason = spf_reason(query, outcome_r->result, s.why);
	return STEP_DONE;
}
