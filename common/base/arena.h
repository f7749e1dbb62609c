/*
 * An arena: memory that is freed all at once. A connection and a message
 * own one each; everything a check keeps lives there. Not thread-safe: one
 * thread uses an arena at a time. Failure to get memory ends the process
 * (Postfix then defers the one message); callers bound what they ask for.
 */
#ifndef GATEPOST_BASE_ARENA_H
#define GATEPOST_BASE_ARENA_H

#include "common/base/slice.h"

#include <stdarg.h>

struct arena;

/* A new arena whose first block holds `first` bytes (0: a default). */
struct arena *arena_new(size_t first);
/* Frees everything and sets *a to NULL; *a may be NULL. */
void arena_free(struct arena **a);
/* Forgets all allocations but keeps the first block for use again. */
void arena_reset(struct arena *a);
/* Bytes handed out since creation or reset. */
size_t arena_used(const struct arena *a);

/* `size` bytes, aligned for any type, zeroed. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of s. */
struct slice arena_dup(struct arena *a, struct slice s);
/* A NUL-terminated copy of s; bytes after a NUL in s are kept but hidden. */
char *arena_cstr(struct arena *a, struct slice s);
/* A copy of s with ASCII letters in lower case. */
struct slice arena_lower(struct arena *a, struct slice s);
/* Formatted text; the result is NUL-terminated too. */
struct slice arena_printf(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct slice arena_vprintf(struct arena *a, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) \
	((type *)arena_array((a), (count), sizeof(type)))
/* count * size bytes, zeroed; ends the process on overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);

#endif
