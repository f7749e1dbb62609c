/*
 * What Redis answers, as a tree of plain values, and the reader that makes
 * it from the bytes of a connection. Answers live in the reader until
 * redis_reader_forget(); they are as hostile as any bytes from outside.
 */
#ifndef GATEPOST_STORE_REDIS_ANSWER_H
#define GATEPOST_STORE_REDIS_ANSWER_H

#include "common/base/err.h"
#include "common/base/slice.h"

enum redis_type {
	REDIS_NIL,
	REDIS_INTEGER,
	REDIS_TEXT,	/* bytes, of any content */
	REDIS_STATUS,	/* "OK" */
	REDIS_ERROR,	/* "MOVED 1 192.0.2.1:6379" */
	REDIS_LIST,
};

struct redis_answer {
	enum redis_type type;
	int64_t integer;
	struct slice text;		/* text, status, error */
	const struct redis_answer *items;
	size_t count;
};

struct redis_reader;

/* Answers may take `max` bytes until forgotten; more is an error. */
struct redis_reader *redis_reader_new(size_t max);
void redis_reader_free(struct redis_reader **reader);
/* Bytes as they come. -1: they are no answers, and no more can be read. */
int redis_reader_feed(struct redis_reader *reader, struct slice bytes,
		      struct err *err);
/* 1 and the next answer; 0: wants more bytes; -1: as above. */
int redis_reader_next(struct redis_reader *reader,
		      const struct redis_answer **answer_r, struct err *err);
/* Drops all answers. Only when none is under way. */
void redis_reader_forget(struct redis_reader *reader);

/* Item `index` if it is an integer, or `otherwise`. */
int64_t redis_answer_integer(const struct redis_answer *list, size_t index,
			     int64_t otherwise);
/* Item `index` if it is a text, or an empty slice. */
struct slice redis_answer_text(const struct redis_answer *list, size_t index);

#endif
