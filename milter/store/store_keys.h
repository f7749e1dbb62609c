/*
 * The names under which the state is kept: fingerprints, so that they are
 * short, of one length, and say nothing of who writes to whom.
 */
#ifndef GATEPOST_STORE_KEYS_H
#define GATEPOST_STORE_KEYS_H

#include "common/base/slice.h"

#define STORE_KEY 16

/* 80 bits of a SHA-256 over the parts, each with its length; base32. */
void store_key(const struct slice *parts, size_t count,
	       char key_r[STORE_KEY + 1]);

#endif
