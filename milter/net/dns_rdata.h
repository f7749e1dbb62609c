/*
 * The parts of a DNS message: names and the data of records. They were
 * written by whoever runs a zone, so every length and every pointer is
 * checked.
 */
#ifndef GATEPOST_NET_DNS_RDATA_H
#define GATEPOST_NET_DNS_RDATA_H

#include "milter/net/resolver.h"

#define DNS_NAME_WIRE_MAX 255

/* A name in wire form (RFC 1035 3.1), not compressed, in lower case. */
struct dns_name {
	size_t n;
	unsigned char wire[DNS_NAME_WIRE_MAX];
};

/*
 * The name at *at of a message, its compression undone (RFC 1035 4.1.4);
 * *at is then behind it. False if it is malformed or runs in circles.
 */
bool dns_name_read(struct slice message, size_t *at, struct dns_name *name_r);
bool dns_name_eq(const struct dns_name *a, const struct dns_name *b);

/*
 * One record from its RDATA, n bytes at `at` of a message (RFC 1035 3.3,
 * RFC 3596), in the arena, as resolver.h describes it. In host names a dot
 * inside a label, a backslash and bytes that are not printable become \DDD,
 * so a name cannot pass for another. False if the data is not what the type
 * demands.
 */
bool dns_rdata_decode(struct arena *a, enum dns_type type,
		      struct slice message, size_t at, size_t n,
		      struct dns_record *record_r);

/* Room for any name that dns_name_print() can write. */
#define DNS_NAME_TEXT_MAX (253 * 4 + 2)

/*
 * A name as the text that resolver libraries read: absolute (a last dot),
 * NUL-terminated, with \DDD for all but letters, digits, '-', '_' and the
 * dots between labels. False for impossible names: labels that are empty or
 * over 63 bytes, more than 253 in all.
 */
bool dns_name_print(struct slice name, char text_r[DNS_NAME_TEXT_MAX]);

#endif
