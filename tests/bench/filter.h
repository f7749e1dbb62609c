/*
 * One filter as an MTA sees it: a connection, what was negotiated, and the
 * state that replies put it in. Acts as Postfix 3.7 does with protocol 6.
 */
#ifndef GATEPOST_TESTS_BENCH_FILTER_H
#define GATEPOST_TESTS_BENCH_FILTER_H

#include "common/base/arena.h"
#include "tests/bench/macros.h"
#include "tests/bench/wire.h"

enum reply {
	REPLY_CONTINUE,		/* go on; also: nothing had to be asked */
	REPLY_DISCARD,
	REPLY_REJECT,
	REPLY_TEMPFAIL,
	REPLY_LOST,		/* connection refused or lost, nonsense */
};

enum event {
	EVENT_CONNECT,
	EVENT_HELO,
	EVENT_MAIL,
	EVENT_RCPT,
	EVENT_DATA,
	EVENT_HEADER,
	EVENT_EOH,
	EVENT_BODY,
	EVENT_EOM,
};

struct header_edit {
	char code;		/* SMFIR_ADDHEADER, _INSHEADER, _CHGHEADER */
	uint32_t index;
	struct slice name, value;	/* with final NUL, in the arena */
};

#define EDITS_MAX 64

/* What a filter asked for at end-of-message. */
struct edits {
	struct arena *arena;
	struct header_edit edit[EDITS_MAX];
	size_t count;
	bool quarantine;
};

struct filter {
	const struct endpoint *endpoint;
	struct wire wire;
	uint32_t protocol;	/* SMFIP_* bits of the filter's answer */
	struct macro_list macros[MACRO_STAGES];
	char skip;		/* code of which it wants no more now */
	bool session_over;	/* wants nothing more of this session */
	bool message_over;	/* wants nothing more of this message */
	enum reply standing;	/* the answer for a session that is over */
};

void filter_init(struct filter *f, const struct endpoint *endpoint);
void filter_free(struct filter *f);

/* Connects and negotiates. Failure puts the filter in `standing` LOST. */
void filter_open(struct filter *f);
/*
 * Sends the macros of the event and the event, unless the filter declined
 * it, and reads the reply, unless it promised none. `edits` is filled at
 * EVENT_EOM and may be NULL before.
 */
enum reply filter_event(struct filter *f, enum event event,
			const struct macros *macros, const struct slice *parts,
			size_t count, struct edits *edits);
/* A new message begins in the same session. */
void filter_begin_message(struct filter *f);
/* What Postfix sends after each message, good or bad. */
void filter_abort(struct filter *f);
/* Before other work: smtpd hands the connection to cleanup so. */
void filter_flush(struct filter *f);
void filter_quit(struct filter *f);
/* Whether header values keep their leading space. */
bool filter_wants_space(const struct filter *f);

#endif
