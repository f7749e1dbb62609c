/*
 * The canonical form of a message body and its hash (RFC 6376 3.4.3, 3.4.4),
 * from chunks of any size. CRLF is a line end; a CR or LF alone is a byte
 * like any other, as it was when it was signed.
 */
#ifndef GATEPOST_CHECKS_DKIM_BODY_H
#define GATEPOST_CHECKS_DKIM_BODY_H

#include "milter/checks/dkim_crypto.h"

struct dkim_body {
	enum dkim_canon canon;
	uint64_t limit;		/* l=; UINT64_MAX without */
	uint64_t length;	/* canonical bytes so far, limit or not */
	struct dkim_hash *hash; /* NULL: only count */
	/* What is held back until it is known to matter. */
	uint64_t line_ends;
	bool cr, blank;
};

void dkim_body_add(struct dkim_body *body, struct slice chunk);
/* Afterwards `length` is that of the whole canonical body. */
void dkim_body_end(struct dkim_body *body);

#endif
