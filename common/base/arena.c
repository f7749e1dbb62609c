/*
 * Bump allocation in a chain of blocks, newest first. Large requests get a
 * block of their own, so a big header does not waste a half-empty block.
 */
#include "common/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FIRST 4096
#define BLOCK_MAX (64 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size, used;
	max_align_t bytes[];
};

struct arena {
	struct block *blocks;	/* the first in the list is filled */
	struct block *first;	/* kept by arena_reset() */
	size_t used;
	size_t next_size;
};

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "gatepost: out of memory\n";

	fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

static struct block *block_new(size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	if (!block)
		out_of_memory();
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

struct arena *arena_new(size_t first)
{
	struct arena *a = malloc(sizeof(*a));

	if (!a)
		out_of_memory();
	a->first = block_new(first ? first : DEFAULT_FIRST);
	a->blocks = a->first;
	a->used = 0;
	a->next_size = a->first->size * 2;
	return a;
}

static void blocks_free(struct block *block, const struct block *keep)
{
	while (block) {
		struct block *next = block->next;

		if (block != keep)
			free(block);
		block = next;
	}
}

void arena_free(struct arena **a)
{
	if (!*a)
		return;
	blocks_free((*a)->blocks, NULL);
	free(*a);
	*a = NULL;
}

void arena_reset(struct arena *a)
{
	blocks_free(a->blocks, a->first);
	a->blocks = a->first;
	a->first->next = NULL;
	a->first->used = 0;
	a->used = 0;
	a->next_size = a->first->size * 2;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

static struct block *block_with_room(struct arena *a, size_t size)
{
	struct block *block = a->blocks;

	if (block->size - block->used >= size)
		return block;
	if (size > a->next_size / 2) {
		/* Its own block, behind the one that still has room. */
		struct block *own = block_new(size);

		own->next = block->next;
		block->next = own;
		return own;
	}
	block = block_new(a->next_size);
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	block->next = a->blocks;
	a->blocks = block;
	return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *block;
	void *p;

	if (size > SIZE_MAX - ALIGNMENT)
		out_of_memory();
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	block = block_with_room(a, size);
	p = (char *)block->bytes + block->used;
	block->used += size;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		out_of_memory();
	return arena_alloc(a, total);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	return (struct slice){arena_cstr(a, s), s.n};
}

char *arena_cstr(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

struct slice arena_lower(struct arena *a, struct slice s)
{
	char *p = arena_cstr(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct slice){p, s.n};
}

struct slice arena_vprintf(struct arena *a, const char *format, va_list args)
{
	char small[256];
	va_list again;
	char *p;
	int n;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), format, args);
	if (n < 0)
		n = 0, small[0] = '\0';
	p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(small))
		memcpy(p, small, (size_t)n + 1);
	else
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return (struct slice){p, (size_t)n};
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	struct slice s;

	va_start(args, format);
	s = arena_vprintf(a, format, args);
	va_end(args);
	return s;
}
