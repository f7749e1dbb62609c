/*
 * DNS data between its wire form and ours. What comes in was written by
 * whoever runs a zone, so every length is checked.
 */
#ifndef GATEPOST_NET_DNS_RDATA_H
#define GATEPOST_NET_DNS_RDATA_H

#include "milter/net/resolver.h"

/*
 * One record from its uncompressed RDATA (RFC 1035 3.3, RFC 3596), in the
 * arena, as resolver.h describes it. In host names a dot inside a label, a
 * backslash and bytes that are not printable become \DDD, so a name cannot
 * pass for another. False if the data is not what the type demands.
 */
bool dns_rdata_decode(struct arena *a, enum dns_type type, struct slice rdata,
		      struct dns_record *record_r);

/* Room for any name that dns_name_print() can write. */
#define DNS_NAME_TEXT_MAX (253 * 4 + 2)

/*
 * A name as the text that resolver libraries read: absolute (a last dot),
 * NUL-terminated, with \DDD for all but letters, digits, '-', '_' and the
 * dots between labels. False for names that are empty or over 253 bytes.
 */
bool dns_name_print(struct slice name, char text_r[DNS_NAME_TEXT_MAX]);

#endif
