/*
 * Answers with their aliases. A resolver puts them in order: each CNAME
 * before what it leads to (RFC 1034 4.3.2), so one pass follows them.
 */
#include "milter/net/dns_message.h"

#include "milter/net/dns_rdata.h"

#define HEADER 12
#define TYPE_CNAME 5
#define TYPE_SOA 6
#define CLASS_IN 1
/* Type, class, TTL and length, between a record's name and its data. */
#define RECORD_HEAD 10
/* An SOA record ends with five numbers of four bytes. */
#define SOA_NUMBERS 20

struct section {
	struct slice message;
	size_t at;
	unsigned left; /* records not read yet */
};

struct record {
	struct dns_name owner;
	unsigned type;
	uint32_t ttl;
	size_t at, n; /* its data */
};

static uint32_t number(struct slice s, size_t at, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)s.p[at + i];
	return value;
}

/* 1, 0 at the end of the section, -1 if it is malformed. */
static int next_record(struct section *s, struct record *record_r)
{
	size_t at;

	if (s->left == 0)
		return 0;
	s->left--;
	if (!dns_name_read(s->message, &s->at, &record_r->owner) ||
	    s->message.n - s->at < RECORD_HEAD)
		return -1;
	at = s->at;
	record_r->type = number(s->message, at, 2);
	/* RFC 2181 8: a TTL with the highest bit set counts as 0. */
	record_r->ttl = number(s->message, at + 4, 4);
	if (record_r->ttl > INT32_MAX)
		record_r->ttl = 0;
	record_r->at = at + RECORD_HEAD;
	record_r->n = number(s->message, at + 8, 2);
	if (number(s->message, at + 2, 2) != CLASS_IN)
		record_r->type = 0;
	if (record_r->n > s->message.n - record_r->at)
		return -1;
	s->at = record_r->at + record_r->n;
	return 1;
}

/* Reads the question and leaves the section at the answers. */
static bool begin(struct slice message, struct section *s,
		  struct dns_name *question_r)
{
	*s = (struct section){.message = message, .at = HEADER};
	if (message.n < HEADER || number(message, 4, 2) != 1 ||
	    !dns_name_read(message, &s->at, question_r) ||
	    message.n - s->at < 4)
		return false;
	s->at += 4;
	s->left = number(message, 6, 2);
	return true;
}

static void lower_ttl(struct dns_message *message, uint32_t ttl)
{
	if (ttl < message->ttl)
		message->ttl = ttl;
}

/*
 * Collects what answers `target`, which follows the aliases. Returns how
 * many records were left out, -1 if the section is malformed.
 */
static int read_answers(struct arena *a, enum dns_type type, struct section *s,
			struct dns_name *target, struct dns_message *message_r)
{
	struct record record;
	int status, bad = 0;

	while ((status = next_record(s, &record)) > 0) {
		size_t at = record.at;

		if (!dns_name_eq(&record.owner, target) ||
		    (record.type != TYPE_CNAME && record.type != type))
			continue;
		lower_ttl(message_r, record.ttl);
		if (record.type == TYPE_CNAME) {
			if (!dns_name_read(s->message, &at, target) ||
			    at != record.at + record.n)
				return -1;
		} else if (dns_rdata_decode(
				   a, type, s->message, at, record.n,
				   &message_r->records[message_r->count])) {
			message_r->count++;
		} else {
			bad++;
		}
	}
	return status < 0 ? -1 : bad;
}

/* How long the absence that the section tells of may be kept. */
static bool read_absence(struct section *s, struct dns_message *message_r)
{
	struct record record;
	uint32_t ttl = 0;
	int status;

	while ((status = next_record(s, &record)) > 0) {
		size_t minimum = record.at + record.n - 4;

		if (record.type != TYPE_SOA || record.n < SOA_NUMBERS + 2)
			continue;
		ttl = number(s->message, minimum, 4);
		if (record.ttl < ttl)
			ttl = record.ttl;
	}
	lower_ttl(message_r, ttl);
	return status == 0;
}

bool dns_message_decode(struct arena *a, enum dns_type type,
			struct slice message, struct dns_message *message_r)
{
	struct dns_name target;
	struct section s;
	int bad;

	*message_r = (struct dns_message){.ttl = INT32_MAX};
	if (!begin(message, &s, &target))
		return false;
	message_r->rcode = number(message, 3, 1) & 15;
	/* No record takes fewer bytes than this. */
	if (s.left > (message.n - s.at) / (RECORD_HEAD + 1))
		return false;
	message_r->records = ARENA_ARRAY(a, struct dns_record, s.left);
	bad = read_answers(a, type, &s, &target, message_r);
	if (bad < 0 || (bad > 0 && message_r->count == 0))
		return false;
	if (message_r->count > 0)
		return true;
	s.left = number(message, 8, 2);
	return read_absence(&s, message_r);
}
