/*
 * A labelled set of messages, read once before the clock starts. The folder
 * holds messages with CRLF line ends and a file `index`; each of its lines
 * has tab-separated fields:
 *
 *	visit  class  client  name  helo  sender  recipient[,…]  file
 *
 * Lines that follow each other with the same visit are messages of one SMTP
 * session. What goes over the wire is kept with its final NUL ("text"), so
 * that sending copies nothing but bytes.
 */
#ifndef GATEPOST_TESTS_BENCH_MAILSET_H
#define GATEPOST_TESTS_BENCH_MAILSET_H

#include "common/base/arena.h"
#include "common/base/err.h"

#define CLASSES_MAX 32

struct field {
	struct slice name;	/* text */
	struct slice value;	/* text: all after the colon, folds as LF */
};

struct message {
	const char *file;
	unsigned class;		/* index into mailset.classes */
	struct slice sender;	/* text, in angle brackets */
	struct slice *rcpts;	/* texts, in angle brackets */
	size_t rcpt_count;
	struct field *fields;
	size_t field_count;
	struct slice body;	/* CRLF line ends */
	size_t size;
};

/* One SMTP session of one client. */
struct visit {
	struct slice client, name, helo;	/* texts */
	bool ipv6;
	struct message *messages;
	size_t count;
};

struct mailset {
	struct arena *arena;
	struct visit *visits;
	size_t visit_count;
	struct message *messages;
	size_t message_count;
	const char *classes[CLASSES_MAX];
	unsigned class_count;
};

int mailset_load(const char *folder, struct mailset *set_r, struct err *err);
void mailset_free(struct mailset *set);

#endif
