/* HMAC-SHA256 (RFC 2104) with a key of any length, for calls that go out. */
#ifndef GATEPOST_VERDICT_HMAC_H
#define GATEPOST_VERDICT_HMAC_H

#include "common/base/slice.h"

#define HMAC_HEX 64

/*
 * Over the parts one after the other, in lower-case hexadecimal and
 * NUL-terminated. false: OpenSSL does not do it.
 */
bool hmac_sha256(struct slice key, const struct slice *parts, size_t count,
		 char hex_r[HMAC_HEX + 1]);

#endif
