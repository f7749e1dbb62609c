/*
 * Encoded words (RFC 2047): "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" as header fields
 * write text that is not ASCII.
 */
#ifndef GATEPOST_MAIL_ENCODED_H
#define GATEPOST_MAIL_ENCODED_H

#include "common/base/arena.h"

/*
 * The text with its encoded words decoded, as reader programs do: inside
 * quotes too, and without the blanks between two of them. The bytes come
 * out in the charset they were written in, which is not converted; ASCII
 * is the same in all that mail uses, but for UTF-16. What is no valid
 * encoded word stays as it is.
 */
struct slice encoded_decode(struct arena *a, struct slice text);

#endif
