/*
 * Encodings of mail bodies as forgiving readers take them (RFC 2045 6, and
 * uuencode): what does not belong is passed over.
 */
#ifndef GATEPOST_SCAN_DECODE_H
#define GATEPOST_SCAN_DECODE_H

#include "common/base/arena.h"

/*
 * Base64: bytes outside of the alphabet are skipped. Padding ends a group;
 * what follows it begins another one. *padded_r: what one reads who stops
 * at the first padding, the beginning of the same bytes.
 */
struct slice decode_base64(struct arena *arena, struct slice text,
			   struct slice *padded_r);
struct slice decode_quoted(struct arena *arena, struct slice text);
/*
 * The first uuencoded file in the text: its name and bytes, and in *rest
 * what follows. False: there is none.
 */
bool decode_uu(struct arena *arena, struct slice *rest, struct slice *name_r,
	       struct slice *bytes_r);
/* Whether this may well be base64 though nobody says so. */
bool decode_looks_base64(struct slice text);
/*
 * The next run of lines that look like base64, whatever stands around it;
 * *rest is what follows. False: there is none.
 */
bool decode_next_run(struct slice *rest, struct slice *run_r);
/*
 * Whether most of its '=' are what quoted-printable makes of bytes and line
 * ends; in bare HTML most stand before a value.
 */
bool decode_looks_quoted(struct slice text);

#endif
