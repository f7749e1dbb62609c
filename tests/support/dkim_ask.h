/* Messages with signatures, through the DKIM check alone. */
#ifndef GATEPOST_TESTS_DKIM_ASK_H
#define GATEPOST_TESTS_DKIM_ASK_H

#include "tests/support/judged.h"

/* A bench with only the DKIM check. */
struct bench *dkim_bench(const char *conf, const char *zones, bool late);
/* With CRLF line ends, whatever it had. */
struct slice dkim_crlf(struct arena *a, struct slice text);
/*
 * A whole message with CRLF line ends, from an outside client. The body
 * comes in chunks of `chunk` bytes (0: one piece). Free it with mail_free().
 */
struct mail *dkim_ask(struct bench *bench, struct slice message, size_t chunk);
/* The result words in order, with blanks between; "none" without any. */
const char *dkim_words(const struct mail *mail);
/* As above, each word followed by the reason in parentheses. */
const char *dkim_reasons(const struct mail *mail);

#endif
