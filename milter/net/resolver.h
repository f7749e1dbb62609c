/*
 * What the engine asks of a resolver, and what it answers. dns.c is the
 * real one; tests use one that reads its answers from a file.
 *
 * Answers are immutable and shared between messages, so they are counted:
 * whoever holds one drops it with dns_answer_unref().
 */
#ifndef GATEPOST_NET_RESOLVER_H
#define GATEPOST_NET_RESOLVER_H

#include "common/base/ip.h"

#include <stdatomic.h>

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
};

enum dns_status {
	DNS_FOUND,	/* at least one record of the type */
	DNS_NODATA,	/* the name exists, without that type */
	DNS_NXDOMAIN,	/* the name does not exist */
	DNS_TEMPFAIL,	/* timeout, SERVFAIL, bogus: no answer can be had */
};

struct dns_record {
	/*
	 * A, AAAA: 4 or 16 bytes. TXT: the character-strings joined. PTR,
	 * MX: the host name in lower case without its last dot ("" for the
	 * root). TXT bytes are otherwise exactly as published.
	 */
	struct slice data;
	uint16_t preference;	/* MX only */
};

struct dns_answer {
	atomic_uint refs;
	enum dns_status status;
	bool secure;		/* validated by DNSSEC */
	uint32_t ttl;		/* seconds it may be kept */
	const char *why;	/* for DNS_TEMPFAIL: a static text */
	size_t count;
	const struct dns_record *records;
};

/*
 * One outstanding question of one asker. `done` runs once, on a thread of
 * the resolver, with a reference that the asker then owns; it must only
 * store the answer and wake someone. The asker keeps the waiter alive until
 * done has run or cancel has returned.
 */
struct dns_waiter {
	void (*done)(struct dns_waiter *waiter, const struct dns_answer *answer);
	struct dns_waiter *next;	/* the resolver's */
	struct dns_waiter **prev;
	void *question;
};

struct resolver {
	/*
	 * Returns an answer (a reference the caller owns) when one is in
	 * hand; otherwise NULL, and waiter->done will be called. `name` is
	 * an A-label name without a last dot, of any case.
	 */
	const struct dns_answer *(*ask)(struct resolver *resolver,
					enum dns_type type, struct slice name,
					struct dns_waiter *waiter);
	/* Afterwards `done` will not run; harmless when it already has. */
	void (*cancel)(struct resolver *resolver, struct dns_waiter *waiter);
};

struct dns_answer *dns_answer_ref(const struct dns_answer *answer);
/* Drops a reference; NULL is fine. */
void dns_answer_unref(const struct dns_answer *answer);
/*
 * An answer in one block of memory, with one reference; the records'
 * bytes are copied.
 */
struct dns_answer *dns_answer_new(enum dns_status status, bool secure,
				  uint32_t ttl, const char *why,
				  const struct dns_record *records,
				  size_t count);
/* A DNS_TEMPFAIL answer, "no answer in time": one reference for the caller. */
const struct dns_answer *dns_answer_timeout(void);
/* "A", "TXT" … */
const char *dns_type_name(enum dns_type type);

#endif
