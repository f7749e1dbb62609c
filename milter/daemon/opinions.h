/*
 * What users say of their messages, as the recorder hears it: a thread
 * takes datagrams (common/verdict/feedback.h) from a socket that anyone on
 * the host may write to, and keeps some of them until the archive has noted
 * them. What comes above that is dropped, and counted.
 */
#ifndef GATEPOST_DAEMON_OPINIONS_H
#define GATEPOST_DAEMON_OPINIONS_H

#include "common/base/err.h"
#include "common/verdict/feedback.h"
#include "milter/daemon/counters.h"
#include "milter/daemon/vouch.h"
#include "milter/store/history.h"

struct opinions;

/* An opinion, with the bytes that it points into. */
struct opinion {
	struct feedback feedback;
	char text[FEEDBACK_MAX];
};

/*
 * `socket` for datagrams; below 0: nobody tells anything. The vouch and the
 * slot outlive it.
 */
struct opinions *opinions_new(int socket, struct vouch *vouch,
			      struct counter_slot *slot, struct err *err);
/* The oldest that waits; false: there is none. */
bool opinions_take(struct opinions *opinions, struct opinion *opinion_r);
/*
 * Counts what came of it, and lets the sender of a released message through
 * greylisting. May wait for the store, briefly.
 */
void opinions_follow(struct opinions *opinions, struct arena *arena,
		     const struct feedback *feedback,
		     const struct history_noted *noted);
/* One that could not be noted. */
void opinions_lose(struct opinions *opinions);
/* Takes no more: what waits is for the archive's last round. */
void opinions_end(struct opinions *opinions);
void opinions_free(struct opinions **opinions);

#endif
