/* Base64 (RFC 4648 4), as mail writes it: blanks anywhere, padding optional. */
#ifndef GATEPOST_BASE_BASE64_H
#define GATEPOST_BASE_BASE64_H

#include "common/base/arena.h"

struct slice base64_encode(struct arena *a, struct slice bytes);
/*
 * Skips SP, HTAB, CR and LF. False where another byte stands in the text,
 * where a byte is incomplete, or where padding is misplaced.
 */
bool base64_decode(struct arena *a, struct slice text, struct slice *bytes_r);

#endif
