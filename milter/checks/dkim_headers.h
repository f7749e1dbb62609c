/*
 * The header fields that a signature covers (RFC 6376 3.4.1, 3.4.2, 3.7,
 * 5.4.2): the hash over them, and what it leaves open.
 */
#ifndef GATEPOST_CHECKS_DKIM_HEADERS_H
#define GATEPOST_CHECKS_DKIM_HEADERS_H

#include "milter/checks/dkim_crypto.h"
#include "milter/engine/mail.h"

/* `field` is the index of the signature's own field among the headers. */
void dkim_headers_hash(struct dkim_hash *hash, const struct mail *mail,
		       size_t field, const struct dkim_signature *sig);
/*
 * A field that may stand once only (RFC 5322 3.6, RFC 2045 3), that the
 * signature covers, and that stands in the message more often than it is
 * covered: its name; empty if there is none. Reader programs show the first
 * one, the signature covers the last (RFC 6376 8.15).
 */
struct slice dkim_headers_added(const struct mail *mail,
				const struct dkim_signature *sig);

#endif
