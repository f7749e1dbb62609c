/*
 * Content negotiation (RFC 9110 12.5.1): how much a client wants a media
 * type, by its field Accept. Pure functions over bytes from outside.
 */
#ifndef GATEPOST_DAEMON_ACCEPT_H
#define GATEPOST_DAEMON_ACCEPT_H

#include "common/base/slice.h"

#define ACCEPT_MOST 1000

struct media {
	struct slice type, subtype;	/* "text", "plain" */
	struct slice version;		/* of its parameter "version" */
};

/*
 * How much it is wanted: 0 (not at all) to ACCEPT_MOST, by the most exact
 * range that covers it, as in q=0.5 for 500. A range without a version
 * covers every one. `named`: ranges with a '*' do not count. An unreadable
 * range is left out.
 */
unsigned accept_weight(struct slice accept, const struct media *media,
		       bool named);

#endif
