/*
 * One connection to clamd: a command, what belongs to it, and the reply, a
 * step at a time and without waiting but where that is asked for.
 */
#ifndef GATEPOST_NET_CLAMD_TALK_H
#define GATEPOST_NET_CLAMD_TALK_H

#include "common/base/arena.h"
#include "milter/net/clamd_address.h"

enum clamd_payload {
	CLAMD_NO_PAYLOAD,
	CLAMD_BY_DESCRIPTOR,	/* FILDES: unix sockets only */
	CLAMD_IN_CHUNKS,	/* INSTREAM */
};

enum clamd_stage {
	CLAMD_DIALLING,		/* no address took it yet; to be tried again */
	CLAMD_CONNECTING,
	CLAMD_TALKING,
	CLAMD_ENDED,		/* the socket is closed */
};

#define CLAMD_REPLY_MAX 1024

struct clamd_talk {
	struct clamd_addresses addresses;
	size_t at, tried;	/* which of them; how many */
	enum clamd_stage stage;
	bool connected;		/* once it was */
	int error;		/* errno of what failed last */
	int fd;
	enum clamd_payload payload;
	int message;		/* its descriptor; of the caller */
	uint64_t size, offset;	/* its bytes; those handed out */
	bool unreadable;	/* pread() failed, or it is shorter */
	char *out;		/* being sent */
	size_t out_room, out_n, out_at;
	bool last_out;		/* nothing comes after that */
	bool all_sent;
	bool deaf;		/* clamd takes no more */
	char reply[CLAMD_REPLY_MAX];
	size_t reply_n;
	bool reply_whole;	/* with its end */
};

/*
 * Begins at address `first`; `command` without its NUL. What it allocates
 * lives in the arena; clamd_talk_end() closes.
 */
void clamd_talk_begin(struct clamd_talk *talk, struct arena *arena,
		      const struct clamd_addresses *addresses, size_t first,
		      struct slice command);
/* Before the first step. */
void clamd_talk_set_message(struct clamd_talk *talk, struct arena *arena,
			    enum clamd_payload payload, int fd, uint64_t size);
/* Goes on until it ended (true) or until_ms has come; one step at least. */
bool clamd_talk_wait(struct clamd_talk *talk, int64_t until_ms);
void clamd_talk_end(struct clamd_talk *talk);

static inline struct slice clamd_talk_reply(const struct clamd_talk *talk)
{
	return (struct slice){talk->reply, talk->reply_n};
}

#endif
