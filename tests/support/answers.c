/* The resolver of the unit tests. Small zones: linear search will do. */
#include "tests/support/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 4096
#define CHAIN_MAX 8

struct row {
	struct slice name, type, data;
};

struct late {
	struct late *next;
	struct dns_waiter *waiter;
	enum dns_type type;
	struct slice name;
};

struct answers {
	struct resolver resolver;	/* first, so that ask() finds us */
	struct arena *arena;
	struct row *rows;
	size_t count;
	bool late;
	unsigned asked;
	struct late *queue;
};

static struct slice word(struct slice *line)
{
	struct slice trimmed = slice_trim(*line);
	size_t n = 0;

	while (n < trimmed.n && !ascii_is_wsp(trimmed.p[n]))
		n++;
	*line = slice_sub(trimmed, n, trimmed.n);
	return slice_sub(trimmed, 0, n);
}

static struct slice unescape(struct arena *a, struct slice s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 3 < s.n && ascii_is_digit(s.p[i + 1])) {
			out[n++] = (char)((s.p[i + 1] - '0') * 100 +
					  (s.p[i + 2] - '0') * 10 +
					  (s.p[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = s.p[i];
		}
	}
	return (struct slice){out, n};
}

static struct slice no_last_dot(struct slice name)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

static bool below(struct slice name, struct slice parent)
{
	return name.n > parent.n && slice_ends_nocase(name, parent) &&
	       name.p[name.n - parent.n - 1] == '.';
}

static bool add_record(struct answers *z, const struct row *row,
		       enum dns_type type, struct dns_record *record_r)
{
	struct slice data = row->data;
	struct ip ip;
	uint64_t preference = 0;

	switch (type) {
	case DNS_A:
	case DNS_AAAA: {
		char raw[16];
		size_t n = type == DNS_A ? 4 : 16;

		if (!ip_parse(data, &ip)) {
			fprintf(stderr, "answers: bad address '%.*s'\n",
				SLICE_FMT(data));
			abort();
		}
		memset(raw, 0, sizeof(raw));
		if (type == DNS_AAAA && ip.family == IP_V4) {
			raw[10] = raw[11] = (char)0xff;
			memcpy(raw + 12, ip.b, 4);
		} else {
			memcpy(raw, ip.b, n);
		}
		record_r->data =
			arena_dup(z->arena, (struct slice){raw, n});
		return true;
	}
	case DNS_MX:
		if (!slice_to_u64(word(&data), &preference))
			abort();
		record_r->preference = (uint16_t)preference;
		/* fall through */
	case DNS_PTR:
		record_r->data = arena_lower(z->arena,
					     no_last_dot(slice_trim(data)));
		return true;
	case DNS_TXT:
		record_r->data = data;
		return true;
	}
	return false;
}

static struct dns_answer *resolve(struct answers *z, enum dns_type type,
				  struct slice name, int depth)
{
	struct dns_record found[256];
	size_t count = 0;
	bool exists = false;

	name = no_last_dot(name);
	for (size_t i = 0; i < z->count && count < 256; i++) {
		const struct row *row = &z->rows[i];

		if (below(row->name, name))
			exists = true;
		if (!slice_eq_nocase(row->name, name))
			continue;
		exists = true;
		if (slice_eq_nocase(row->type, SLICE("CNAME")) &&
		    depth < CHAIN_MAX)
			return resolve(z, type, row->data, depth + 1);
		if (!slice_eq_nocase(row->type, SLICE("ANY")) &&
		    !slice_eq_nocase(row->type,
				     slice_cstr(dns_type_name(type))))
			continue;
		if (slice_eq(row->data, SLICE("TEMPFAIL")))
			return dns_answer_new(DNS_TEMPFAIL, false, 0,
					      "SERVFAIL", NULL, 0);
		found[count] = (struct dns_record){0};
		if (add_record(z, row, type, &found[count]))
			count++;
	}
	return dns_answer_new(count	? DNS_FOUND
			      : exists	? DNS_NODATA
					: DNS_NXDOMAIN,
			      false, 60, NULL, found, count);
}

static const struct dns_answer *ask(struct resolver *resolver,
				    enum dns_type type, struct slice name,
				    struct dns_waiter *waiter)
{
	struct answers *z = (struct answers *)resolver;
	struct late *late;

	z->asked++;
	if (!z->late)
		return resolve(z, type, name, 0);
	late = ARENA_NEW(z->arena, struct late);
	*late = (struct late){z->queue, waiter, type,
			      arena_dup(z->arena, name)};
	z->queue = late;
	return NULL;
}

static void cancel(struct resolver *resolver, struct dns_waiter *waiter)
{
	struct answers *z = (struct answers *)resolver;

	for (struct late **at = &z->queue; *at; at = &(*at)->next) {
		if ((*at)->waiter == waiter) {
			*at = (*at)->next;
			return;
		}
	}
}

struct answers *answers_new(const char *text)
{
	struct arena *arena = arena_new(65536);
	struct answers *z = ARENA_NEW(arena, struct answers);
	struct slice rest = arena_dup(arena, slice_cstr(text)), line;

	z->arena = arena;
	z->resolver = (struct resolver){ask, cancel};
	z->rows = ARENA_ARRAY(arena, struct row, RECORDS_MAX);
	while (slice_next(&rest, '\n', &line) && z->count < RECORDS_MAX) {
		struct row row;

		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		row.name = no_last_dot(word(&line));
		row.type = word(&line);
		row.data = unescape(arena, slice_trim(line));
		z->rows[z->count++] = row;
	}
	return z;
}

void answers_free(struct answers **answers)
{
	struct arena *arena = (*answers)->arena;

	arena_free(&arena);
	*answers = NULL;
}

struct resolver *answers_resolver(struct answers *answers)
{
	return &answers->resolver;
}

void answers_set_late(struct answers *answers, bool late)
{
	answers->late = late;
}

unsigned answers_deliver(struct answers *answers)
{
	unsigned delivered = 0;

	while (answers->queue) {
		struct late *late = answers->queue;

		answers->queue = late->next;
		late->waiter->done(late->waiter,
				   resolve(answers, late->type, late->name, 0));
		delivered++;
	}
	return delivered;
}

unsigned answers_asked(const struct answers *answers)
{
	return answers->asked;
}
