/*
 * What a user did with messages, as the mailbox side tells it: one datagram
 * of text, a tag list (common/mail/tags.h):
 *
 *   v=1; said=ham; how=release; allow=yes; user=b@example.org; id=ID,ID,ID
 *
 * A client may move a thousand messages at once, and the kernel keeps but
 * ten datagrams for a reader, so one tells of many messages.
 *
 * Anyone on the host may send one, so it proves nothing: who reads it asks
 * the history whether there is such a message.
 */
#ifndef GATEPOST_VERDICT_FEEDBACK_H
#define GATEPOST_VERDICT_FEEDBACK_H

#include "common/base/slice.h"

/* The longest datagram, in bytes. */
#define FEEDBACK_MAX 4096
#define FEEDBACK_ID_MAX 64
#define FEEDBACK_IDS_MAX 200
#define FEEDBACK_USER_MAX 254
/* The socket, below run_dir. */
#define FEEDBACK_SOCKET "feedback"

enum feedback_said { FEEDBACK_HAM, FEEDBACK_SPAM };
enum feedback_how {
	FEEDBACK_RELEASE,	/* moved out of quarantine */
	FEEDBACK_MOVE,		/* into Junk, or out of it */
	FEEDBACK_COPY,		/* the same, the original stays */
	FEEDBACK_FLAG,		/* $Junk or $NotJunk */
};
#define FEEDBACK_SAIDS 2
#define FEEDBACK_HOWS 4

struct feedback {
	/* Of the records: letters and digits, with ',' between. */
	struct slice ids;
	struct slice user;	/* whose mailbox; printable, no blank, no ';' */
	enum feedback_said said;
	enum feedback_how how;
	bool allow;		/* of a release: let its sender through
				 * greylisting from now on */
};

/* "ham", "spam"; "release", "move", "copy", "flag" */
const char *feedback_said_word(enum feedback_said said);
const char *feedback_how_word(enum feedback_how how);

/* Whether it may be the id of a record. */
bool feedback_is_id(struct slice id);
/* Its bytes in text_r, without a NUL; 0: it cannot be told. */
size_t feedback_write(const struct feedback *feedback,
		      char text_r[FEEDBACK_MAX]);
/* False: it is none. The slices point into the text. */
bool feedback_read(struct slice text, struct feedback *feedback_r);

#endif
