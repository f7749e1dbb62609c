/*
 * What is written and what is asked for go through the same few functions,
 * so that they meet. A domain is one whichever way it is spelt; the rest of
 * an address, and names, lose the case of their ASCII letters; ids are kept
 * as they are.
 */
#include "milter/store/history_terms.h"
#include "common/base/buf.h"
#include "common/base/ip.h"
#include "common/mail/address.h"
#include "common/mail/domain.h"
#include "common/verdict/fingerprint.h"

#include <stdlib.h>
#include <string.h>

#define STORY_BYTES 16 /* of the digest; twice as many letters */

struct list {
	struct arena *arena;
	struct history_term *v;
	size_t n;
	int64_t number;
};

/* Doing it twice is doing it once. */
static struct slice cut(struct slice s)
{
	return slice_trim(slice_sub(slice_trim(s), 0, HISTORY_VALUE_MAX));
}

static struct slice lower(struct arena *arena, struct slice s)
{
	return arena_lower(arena, cut(s));
}

/* Symbols are written in capitals everywhere. */
static struct slice upper(struct arena *arena, struct slice s)
{
	struct slice copy = arena_dup(arena, cut(s));
	char *p = (char *)copy.p;

	for (size_t i = 0; i < copy.n; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 32);
	return copy;
}

/* Without one pair of angle brackets. */
static struct slice bare(struct slice s)
{
	s = slice_trim(s);
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return slice_sub(s, 1, s.n - 1);
	return s;
}

static struct slice domain(struct arena *arena, struct slice name)
{
	struct slice normal;

	return domain_normalise(arena, name, &normal) ? normal
						      : lower(arena, name);
}

/* *domain_r: the domain's term; for an address without one, the whole. */
static struct slice split(struct arena *arena, struct slice path,
			  struct slice *domain_r)
{
	struct buf address = BUF(arena);
	struct slice local, name;

	path = bare(path);
	address_split(path, &local, &name);
	if (name.n == 0) {
		*domain_r = domain(arena, path);
		return lower(arena, path);
	}
	*domain_r = domain(arena, name);
	buf_add(&address, lower(arena, local));
	buf_add_char(&address, '@');
	buf_add(&address, *domain_r);
	return cut(buf_slice(&address));
}

struct slice history_address(struct arena *arena, struct slice address)
{
	struct slice unused;

	return split(arena, address, &unused);
}

/* What stands between < and >, if they are there. */
static struct slice message_id(struct slice field)
{
	size_t from = slice_find(field, 0, '<');
	size_t to = slice_find(field, from, '>');

	if (to < field.n)
		return slice_sub(field, from + 1, to);
	return slice_trim(field);
}

static struct slice net_text(struct arena *arena, const struct ip *ip)
{
	struct ip base = *ip;
	struct slice text;

	if (ip->family == IP_V4)
		base.b[3] = 0;
	else
		memset(base.b + 8, 0, 8);
	text = ip_text(arena, &base);
	return arena_printf(arena, "%.*s/%s", SLICE_FMT(text),
			    ip->family == IP_V4 ? "24" : "64");
}

static void add(struct list *list, enum history_kind kind, struct slice value)
{
	if (list->n < HISTORY_TERMS_MAX)
		list->v[list->n++] =
			(struct history_term){kind, cut(value), list->number};
}

static void add_known(struct list *list, enum history_kind kind,
		      struct slice value)
{
	if (value.n > 0)
		add(list, kind, value);
}

static void add_address(struct list *list, enum history_kind kind,
			enum history_kind domain_kind, struct slice path)
{
	struct slice name;

	add(list, kind, split(list->arena, path, &name));
	add_known(list, domain_kind, name);
}

static void add_client(struct list *list, const struct record *record)
{
	struct arena *arena = list->arena;
	struct ip ip;

	if (ip_parse(record->client, &ip)) {
		add(list, KIND_CLIENT, ip_text(arena, &ip));
		add(list, KIND_CLIENT_NET, net_text(arena, &ip));
	} else {
		/* A socket, say: found as if it were its name. */
		add_known(list, KIND_CLIENT_NAME,
			  domain(arena, record->client));
	}
	add_known(list, KIND_CLIENT_NAME, domain(arena, record->client_name));
}

/* Recipients come last: there may be more than there is room for. */
size_t history_terms(struct arena *arena, const struct record *record,
		     int64_t number,
		     struct history_term terms_r[HISTORY_TERMS_MAX])
{
	struct list list = {arena, terms_r, 0, number};

	add_known(&list, KIND_ID, record->id);
	add_known(&list, KIND_QUEUE, record->queue_id);
	add_known(&list, KIND_MESSAGE_ID, message_id(record->message_id));
	add_client(&list, record);
	add_known(&list, KIND_USER, lower(arena, record->user));
	add_known(&list, KIND_ACTION, lower(arena, record->action));
	add_known(&list, KIND_DIRECTION, lower(arena, record->direction));
	add(&list, KIND_STORY, history_story(arena, record));
	add_address(&list, KIND_SENDER, KIND_SENDER_DOMAIN, record->sender);
	for (size_t i = 0; i < record->symbol_count; i++)
		add_known(&list, KIND_SYMBOL,
			  upper(arena, record->symbols[i].name));
	for (size_t i = 0; i < record->rcpt_count && list.n < HISTORY_TERMS_MAX;
	     i++)
		add_address(&list, KIND_RECIPIENT, KIND_RECIPIENT_DOMAIN,
			    record->rcpts[i]);
	return list.n;
}

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp_nocase(*(const struct slice *)a,
				*(const struct slice *)b);
}

/* The order of recipients may be another one when a message comes back. */
static size_t story_parts(struct arena *arena, const struct record *record,
			  struct slice *parts)
{
	struct slice id = message_id(record->message_id);
	size_t n = 0;

	parts[n++] = history_address(arena, record->sender);
	if (id.n > 0) {
		parts[n++] = id;
		return n;
	}
	for (size_t i = 0; i < record->rcpt_count; i++)
		parts[n++] = history_address(arena, record->rcpts[i]);
	qsort(parts + 1, n - 1, sizeof(*parts), by_bytes);
	parts[n++] = slice_trim(record->subject);
	/* Never the parts of one with a Message-ID. */
	parts[n++] = SLICE_NONE;
	return n;
}

struct slice history_story(struct arena *arena, const struct record *record)
{
	static const char digits[] = "0123456789abcdef";
	struct slice *parts =
		ARENA_ARRAY(arena, struct slice, record->rcpt_count + 3);
	size_t n = story_parts(arena, record, parts);
	unsigned char digest[FINGERPRINT];
	char *text = arena_alloc(arena, 2 * STORY_BYTES + 1);

	fingerprint(parts, n, digest);
	for (size_t i = 0; i < STORY_BYTES; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	return (struct slice){text, 2 * (size_t)STORY_BYTES};
}

/* ---- what somebody looks for ---- */

/* Without "@" it is a domain, or the whole of a name like "root". */
static void address_filter(struct arena *arena, struct slice value,
			   enum history_kind domain_kind,
			   struct history_term *term_r)
{
	struct slice name = bare(value);
	size_t at = slice_rfind(name, '@');

	if (at == 0 && name.n > 1)
		name = slice_sub(name, 1, name.n);
	else if (at < name.n || name.n == 0)
		domain_kind = term_r->kind;
	term_r->value = domain_kind == term_r->kind
				? history_address(arena, value)
				: domain(arena, name);
	term_r->kind = domain_kind;
}

static int client_filter(struct arena *arena, struct slice value,
			 struct history_term *term_r, struct err *err)
{
	struct ip_net net;
	struct ip ip;

	if (ip_parse(value, &ip)) {
		term_r->kind = KIND_CLIENT;
		term_r->value = ip_text(arena, &ip);
	} else if (!ip_net_parse(value, &net)) {
		term_r->kind = KIND_CLIENT_NAME;
		term_r->value = domain(arena, value);
	} else if (net.bits == (net.base.family == IP_V4 ? 24 : 64)) {
		term_r->kind = KIND_CLIENT_NET;
		term_r->value = net_text(arena, &net.base);
	} else {
		return err_set(err,
			       "%.*s: clients are found by their address, its "
			       "/24 (of IPv6: its /64) or their name",
			       SLICE_FMT(cut(value)));
	}
	return 0;
}

enum history_kind history_key_kind(enum history_key key)
{
	static const enum history_kind kinds[HISTORY_KEYS] = {
		[HISTORY_ID] = KIND_ID,
		[HISTORY_QUEUE] = KIND_QUEUE,
		[HISTORY_MESSAGE_ID] = KIND_MESSAGE_ID,
		[HISTORY_SENDER] = KIND_SENDER,
		[HISTORY_RECIPIENT] = KIND_RECIPIENT,
		[HISTORY_CLIENT] = KIND_CLIENT,
		[HISTORY_USER] = KIND_USER,
		[HISTORY_ACTION] = KIND_ACTION,
		[HISTORY_DIRECTION] = KIND_DIRECTION,
		[HISTORY_SYMBOL] = KIND_SYMBOL,
		[HISTORY_STORY] = KIND_STORY,
	};

	return kinds[key];
}

static int direction_filter(struct history_term *term, struct err *err)
{
	if (slice_eq(term->value, SLICE("in")) ||
	    slice_eq(term->value, SLICE("out")))
		return 0;
	return err_set(err, "%.*s: a direction is in or out",
		       SLICE_FMT(term->value));
}

static int find_term(struct arena *arena, struct slice value,
		     const struct history_filter *filter,
		     struct history_term *term_r, struct err *err)
{
	switch (filter->key) {
	case HISTORY_SENDER:
		address_filter(arena, value, KIND_SENDER_DOMAIN, term_r);
		return 0;
	case HISTORY_RECIPIENT:
		address_filter(arena, value, KIND_RECIPIENT_DOMAIN, term_r);
		return 0;
	case HISTORY_CLIENT:
		return client_filter(arena, value, term_r, err);
	case HISTORY_MESSAGE_ID:
		term_r->value = message_id(value);
		return 0;
	case HISTORY_SYMBOL:
		term_r->value = upper(arena, value);
		return 0;
	case HISTORY_USER:
	case HISTORY_ACTION:
		term_r->value = lower(arena, value);
		return 0;
	case HISTORY_DIRECTION:
		term_r->value = lower(arena, value);
		return direction_filter(term_r, err);
	default:
		term_r->value = value;
		return 0;
	}
}

int history_filter_term(struct arena *arena,
			const struct history_filter *filter,
			struct history_term *term_r, struct err *err)
{
	struct slice value = slice_trim(filter->value);

	*term_r = (struct history_term){.kind = history_key_kind(filter->key)};
	if (value.n == 0 && filter->key != HISTORY_SENDER &&
	    filter->key != HISTORY_RECIPIENT)
		return err_set(err, "nothing has an empty value there: say "
				    "what is to be found");
	if (find_term(arena, value, filter, term_r, err) < 0)
		return -1;
	term_r->value = cut(term_r->value);
	return 0;
}
