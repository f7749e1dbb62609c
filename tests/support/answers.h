/*
 * A resolver that reads its answers from a text, for unit tests: no
 * network, no threads. One record a line:
 *
 *	example.org TXT v=spf1 -all
 *	example.org MX 10 mail.example.org
 *	mail.example.org A 192.0.2.1
 *	slow.example.org TXT TEMPFAIL
 *	alias.example.org CNAME example.org
 *
 * TXT: the rest of the line is the data; \DDD escapes a byte. Names not in
 * the text are NXDOMAIN; names with other types, or below which names
 * stand, NODATA. `TEMPFAIL` as the data makes that type (type ANY: all
 * types) fail. Lines that start with '#' and empty lines do not count.
 */
#ifndef GATEPOST_TESTS_ANSWERS_H
#define GATEPOST_TESTS_ANSWERS_H

#include "milter/net/resolver.h"

struct answers;

struct answers *answers_new(const char *text);
void answers_free(struct answers **answers);
struct resolver *answers_resolver(struct answers *answers);
/*
 * When late is set, every question is answered only by answers_deliver(),
 * as a slow server would; for testing that checks can wait.
 */
void answers_set_late(struct answers *answers, bool late);
/* Delivers what is outstanding; returns how many answers that was. */
unsigned answers_deliver(struct answers *answers);
/* Questions asked so far (repeated ones included). */
unsigned answers_asked(const struct answers *answers);

#endif
