/*
 * What is said between us and a mail server, followed line by line: how far
 * it is, what was answered last, and whether addresses in UTF-8 are taken.
 */
#ifndef GATEPOST_NET_DELIVER_DIALOGUE_H
#define GATEPOST_NET_DELIVER_DIALOGUE_H

#include "common/base/slice.h"

#define REPLY_MAX 300

enum stage { GREETING, EHLO, STARTTLS, MAIL, RCPT, DATA, MESSAGE };

struct dialogue {
	int64_t deadline_ms;	/* monotonic */
	enum stage stage;
	size_t rcpts;		/* commands RCPT that were sent */
	bool needs_utf8, has_utf8;
	bool quitting;		/* what comes is no longer the point */
	bool reply_ended;	/* what comes begins another reply */
	char reply[REPLY_MAX];	/* the last one, its lines joined */
	size_t reply_n;
};

/* A command goes out. After QUIT, the deadline is a second away at most. */
void dialogue_command(struct dialogue *dialogue, struct slice line);
/* A line of a reply has come. */
void dialogue_reply(struct dialogue *dialogue, struct slice line);
/* Such as "RCPT TO" or "the message", for errors. */
const char *dialogue_stage_word(enum stage stage);

#endif
