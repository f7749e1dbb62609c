/*
 * A notice as a message (RFC 5322), and what makes bytes of hostile mail
 * fit for one: nothing of them may begin a header field, a line, an encoded
 * word, or a link that a reader program would make of it.
 */
#ifndef GATEPOST_DAEMON_NOTICE_LETTER_H
#define GATEPOST_DAEMON_NOTICE_LETTER_H

#include "common/base/buf.h"

/* Longer values are cut, and end in "...". */
#define NOTICE_VALUE_MAX 200

/*
 * One line of UTF-8 that can be shown: what cannot is \xNN. `decode`:
 * encoded words (RFC 2047) are decoded before.
 */
struct slice notice_value(struct arena *arena, struct slice raw, bool decode);
/* "://" becomes "[:]//". */
void notice_add_unlinked(struct buf *out, struct slice text);

/* "Name: value" CR LF; in encoded words where it is not plain ASCII. */
void notice_add_field(struct buf *out, const char *name, struct slice value);

struct notice_letter {
	const char *from;
	struct slice to;
	struct slice message_id;	/* without <> */
	int64_t time_ms;		/* wall clock */
	struct slice fields;		/* further ones, each with CR LF */
	struct slice body;		/* UTF-8, lines end in LF */
};
/*
 * The message. It says that a program wrote it (RFC 3834), so that no
 * program answers. A body that is not short lines of ASCII is written as
 * quoted-printable.
 */
struct slice notice_letter_write(struct arena *arena,
				 const struct notice_letter *letter);

#endif
