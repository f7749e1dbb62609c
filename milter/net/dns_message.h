/* An answer as a DNS message (RFC 1035 4.1). */
#ifndef GATEPOST_NET_DNS_MESSAGE_H
#define GATEPOST_NET_DNS_MESSAGE_H

#include "milter/net/resolver.h"

struct dns_message {
	unsigned rcode;
	/*
	 * Seconds: the least of the records that lead to the answer; for
	 * the absence of records what RFC 2308 5 says, 0 without an SOA.
	 */
	uint32_t ttl;
	size_t count;
	struct dns_record *records;
};

/*
 * Reads the records of one type that answer the message's only question,
 * following aliases within the message; they live in the arena. Records
 * whose data is malformed are left out. False if the message itself is
 * malformed, or if no more than malformed records answer.
 */
bool dns_message_decode(struct arena *a, enum dns_type type,
			struct slice message, struct dns_message *message_r);

#endif
