/*
 * The one file that sees hiredis: its parser, which is handed functions of
 * ours and so builds our values, in an arena, and nothing else. Connections
 * are ours (redis_conn.c), since hiredis knows no deadline of a whole
 * operation, looks names up while it waits, and can raise SIGPIPE.
 *
 * Bounded here: the bytes of answers at a time, and by hiredis the depth of
 * lists (seven).
 */
#include "milter/store/redis_answer.h"

#include "common/base/arena.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

/* Kept for the next answers: those of a few hundred calls. */
#define ARENA_FIRST (64 * 1024)
/* What hiredis may keep of its buffer when it is empty. */
#define BUFFER_KEEP (1 << 20)

#if HIREDIS_MAJOR >= 1
typedef size_t list_length;
#else
typedef int list_length;
#endif

struct redis_reader {
	struct redisReader *parser;
	redisReplyObjectFunctions functions; /* hiredis wants it writable */
	struct arena *arena;
	size_t max;
};

static bool has_room(const struct redis_reader *reader, size_t bytes)
{
	size_t used = arena_used(reader->arena);

	return used <= reader->max && bytes <= reader->max - used;
}

/* The place of a new value: in its list, or by itself. */
static struct redis_answer *place(const redisReadTask *task)
{
	struct redis_reader *reader = task->privdata;
	const struct redis_answer *list;

	if (!task->parent)
		return has_room(reader, sizeof(struct redis_answer))
			       ? ARENA_NEW(reader->arena, struct redis_answer)
			       : NULL;
	list = task->parent->obj;
	return (struct redis_answer *)&list->items[task->idx];
}

static void *create_string(const redisReadTask *task, char *text, size_t n)
{
	struct redis_reader *reader = task->privdata;
	struct redis_answer *answer = place(task);

	if (!answer || !has_room(reader, n))
		return NULL;
	answer->type = task->type == REDIS_REPLY_ERROR	  ? REDIS_ERROR
		       : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
							  : REDIS_TEXT;
	answer->text = arena_dup(reader->arena, (struct slice){text, n});
	return answer;
}

static void *create_list(const redisReadTask *task, list_length count)
{
	struct redis_reader *reader = task->privdata;
	struct redis_answer *answer = place(task);
	size_t n = count > 0 ? (size_t)count : 0;

	if (!answer || n > reader->max / sizeof(struct redis_answer) ||
	    !has_room(reader, n * sizeof(struct redis_answer)))
		return NULL;
	answer->type = REDIS_LIST;
	answer->count = n;
	answer->items = ARENA_ARRAY(reader->arena, struct redis_answer, n);
	return answer;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	struct redis_answer *answer = place(task);

	if (answer) {
		answer->type = REDIS_INTEGER;
		answer->integer = value;
	}
	return answer;
}

static void *create_nil(const redisReadTask *task)
{
	struct redis_answer *answer = place(task);

	if (answer)
		answer->type = REDIS_NIL;
	return answer;
}

static void free_nothing(void *answer)
{
	(void)answer;
}

static const redisReplyObjectFunctions our_functions = {
	.createString = create_string,
	.createArray = create_list,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_nothing,
};

struct redis_reader *redis_reader_new(size_t max)
{
	struct redis_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->functions = our_functions;
	reader->parser = redisReaderCreateWithFunctions(&reader->functions);
	if (!reader->parser) {
		free(reader);
		return NULL;
	}
	reader->parser->maxbuf = BUFFER_KEEP;
	reader->parser->privdata = reader;
	reader->arena = arena_new(ARENA_FIRST);
	reader->max = max;
	return reader;
}

void redis_reader_free(struct redis_reader **reader)
{
	if (!*reader)
		return;
	redisReaderFree((*reader)->parser);
	arena_free(&(*reader)->arena);
	free(*reader);
	*reader = NULL;
}

int redis_reader_feed(struct redis_reader *reader, struct slice bytes,
		      struct err *err)
{
	const struct redisReader *parser = reader->parser;

	if (parser->len - parser->pos > reader->max)
		return err_set(err, "an answer of more than %zu bytes",
			       reader->max);
	if (redisReaderFeed(reader->parser, bytes.p, bytes.n) != REDIS_OK)
		return err_set(err, "not the protocol of Redis: %s",
			       parser->errstr);
	return 0;
}

int redis_reader_next(struct redis_reader *reader,
		      const struct redis_answer **answer_r, struct err *err)
{
	void *answer = NULL;

	if (redisReaderGetReply(reader->parser, &answer) != REDIS_OK) {
		if (reader->parser->err == REDIS_ERR_OOM)
			return err_set(err, "answers of more than %zu bytes",
				       reader->max);
		return err_set(err, "not the protocol of Redis: %s",
			       reader->parser->errstr);
	}
	*answer_r = answer;
	return answer ? 1 : 0;
}

void redis_reader_forget(struct redis_reader *reader)
{
	arena_reset(reader->arena);
}

int64_t redis_answer_integer(const struct redis_answer *list, size_t index,
			     int64_t otherwise)
{
	if (list->type != REDIS_LIST || index >= list->count ||
	    list->items[index].type != REDIS_INTEGER)
		return otherwise;
	return list->items[index].integer;
}

struct slice redis_answer_text(const struct redis_answer *list, size_t index)
{
	if (list->type != REDIS_LIST || index >= list->count ||
	    list->items[index].type != REDIS_TEXT)
		return SLICE_NONE;
	return list->items[index].text;
}
