/*
 * The record as bytes: how workers send it to the recorder and how the
 * history keeps it. Fields are tagged, so that a reader skips what a later
 * version has added, and finds empty what an earlier one did not know.
 */
#ifndef GATEPOST_VERDICT_WIRE_H
#define GATEPOST_VERDICT_WIRE_H

#include "common/verdict/record.h"

/* No packed record is larger; what is too long is cut. */
#define RECORD_PACKED_MAX (192 * 1024)

void record_pack(struct buf *out, const struct record *record);
/*
 * Reads what record_pack() wrote; texts are slices into `packed`, lists live
 * in the arena. False if the bytes are not a record.
 */
bool record_unpack(struct arena *arena, struct slice packed,
		   struct record *record_r);
/* Whether its `probe` is set; costs less than to unpack it. */
bool record_packed_is_probe(struct slice packed);

#endif
