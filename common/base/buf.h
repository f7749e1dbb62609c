/*
 * Growable bytes inside an arena. Growing copies, and the old bytes stay in
 * the arena until it is freed, so build a text once and take its slice.
 */
#ifndef GATEPOST_BASE_BUF_H
#define GATEPOST_BASE_BUF_H

#include "common/base/arena.h"

struct buf {
	struct arena *arena;
	char *p;
	size_t n;
	size_t room;
};

#define BUF(a) ((struct buf){.arena = (a)})

void buf_add(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
/* Adds a C string of ours. */
void buf_add_text(struct buf *b, const char *text);
/* Adds s in double quotes, with a backslash before '"' and '\\'. */
void buf_add_quoted(struct buf *b, struct slice s);
void buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What was added so far; valid until the next addition. */
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->p, b->n};
}

#endif
