/*
 * Fingerprints: SHA-256 over a list of parts, for names that must be short,
 * of one length, and tell nothing of what they were made from.
 */
#ifndef GATEPOST_VERDICT_FINGERPRINT_H
#define GATEPOST_VERDICT_FINGERPRINT_H

#include "common/base/slice.h"

#define FINGERPRINT 32

/*
 * The digest of the parts, each preceded by its length (8 bytes, least
 * first), so that {"ab", "c"} and {"a", "bc"} differ.
 */
void fingerprint(const struct slice *parts, size_t count,
		 unsigned char digest_r[FINGERPRINT]);
/* The SHA-256 of the bytes alone, as sha256sum tells it. */
void fingerprint_bytes(struct slice bytes,
		       unsigned char digest_r[FINGERPRINT]);

#endif
