/*
 * One SMTP session's worth of milter traffic: connect, HELO, and each
 * message through every filter of the chain in turn. A later filter sees
 * the header as the earlier ones left it, as in Postfix.
 */
#ifndef GATEPOST_TESTS_BENCH_SESSION_H
#define GATEPOST_TESTS_BENCH_SESSION_H

#include "tests/bench/filter.h"
#include "tests/bench/tally.h"

#define CHAIN_MAX 4

struct session {
	unsigned number;	/* part of the queue ids */
	uint64_t played;
	unsigned fresh;		/* per cent of senders never seen before */
	int64_t born_ms;	/* part of their names */
	struct filter filters[CHAIN_MAX];
	size_t filter_count;
	struct macros macros;
	struct arena *arena;	/* reset for each message */
	struct field *fields;	/* the header section as it now stands */
	size_t field_count, own_field;
	struct edits edits;
	char queue_id[24], client[160];
	void (*done)(void *context, const struct message *m,
		     const struct outcome *o);
	void *context;
};

void session_init(struct session *s, unsigned number,
		  const struct endpoint *endpoints, size_t count);
void session_free(struct session *s);
/* Calls s->done for each message of the visit, in order. */
void session_visit(struct session *s, const struct visit *visit);

#endif
