/* Many threads that ask a store for the same kind of thing, and figures. */
#ifndef GATEPOST_TESTS_STORE_LOAD_H
#define GATEPOST_TESTS_STORE_LOAD_H

#include "milter/store/store.h"

enum store_load_kind {
	STORE_LOAD_FIRST,  /* first tries, each of another sender */
	STORE_LOAD_SAME,   /* tries; senders are the same in all threads */
	STORE_LOAD_RATE,   /* takes one of "limit" of one subject */
	STORE_LOAD_TRUST,  /* reads */
};

struct store_load {
	struct store *store;
	enum store_load_kind kind;
	unsigned threads, count;	/* calls of each thread */
	const char *name;		/* part of all senders and subjects */
	int64_t limit;			/* of a rate */
	int64_t pause_us;		/* between two calls */
};

/* Runs it and prints a line of NAME=VALUE. */
void store_load_run(const struct store_load *load);

#endif
