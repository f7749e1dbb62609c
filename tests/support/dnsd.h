/*
 * A DNS server in a thread, on a loopback port of its own: UDP, A and TXT
 * questions only. The first label of a name says what happens to it:
 *
 *	nx		NXDOMAIN		nodata	no records
 *	fail		SERVFAIL		silent	no answer
 *	ttlN		an A record with a TTL of N seconds
 *	bad		an A record of three bytes
 *	anything else	192.0.2.1, or the text "hello", for 300 s
 */
#ifndef GATEPOST_TESTS_DNSD_H
#define GATEPOST_TESTS_DNSD_H

#include "common/base/slice.h"

struct dnsd;

struct dnsd *dnsd_new(void);
void dnsd_free(struct dnsd **dnsd);
/* "127.0.0.1@PORT", as long as the server lives. */
struct slice dnsd_address(const struct dnsd *dnsd);
/* Questions that have come so far. */
unsigned dnsd_asked(const struct dnsd *dnsd);
/* While held, questions are counted and kept; then they are answered. */
void dnsd_hold(struct dnsd *dnsd, bool hold);

#endif
