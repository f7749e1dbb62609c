/*
 * A message from a file, as an MTA would pass it to the milter: fields
 * exactly as they stand, the body with CRLF line ends.
 */
#ifndef GATEPOST_CLI_MESSAGE_H
#define GATEPOST_CLI_MESSAGE_H

#include "common/base/err.h"
#include "milter/engine/engine.h"

/* Reads the whole of `path` ("-": standard input) into the arena. */
int message_read(struct arena *arena, const char *path, struct slice *text_r,
		 struct err *err);
/*
 * Feeds header and body to the mail and tells the engine that both stages
 * are complete. Line ends may be LF or CRLF. -1 past the limits.
 */
int message_feed(struct mail *mail, struct slice text, struct err *err);

#endif
