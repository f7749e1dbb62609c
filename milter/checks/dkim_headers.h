/*
 * The hash over the signed header fields (RFC 6376 3.4.1, 3.4.2, 3.7, 5.4.2)
 * for signatures that libopendkim cannot take; see `plain` in
 * dkim_signature.h.
 */
#ifndef GATEPOST_CHECKS_DKIM_HEADERS_H
#define GATEPOST_CHECKS_DKIM_HEADERS_H

#include "milter/checks/dkim_crypto.h"
#include "milter/engine/mail.h"

/* `field` is the index of the signature's own field among the headers. */
void dkim_headers_hash(struct dkim_hash *hash, const struct mail *mail,
		       size_t field, const struct dkim_signature *sig);

#endif
