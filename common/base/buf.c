/* Growable bytes: doubles its room in the arena. */
#include "common/base/buf.h"

#include <string.h>

static void buf_reserve(struct buf *b, size_t more)
{
	size_t room = b->room ? b->room : 64;
	char *p;

	if (b->room - b->n >= more)
		return;
	while (room - b->n < more)
		room *= 2;
	p = arena_alloc(b->arena, room);
	if (b->n > 0)
		memcpy(p, b->p, b->n);
	b->p = p;
	b->room = room;
}

void buf_add(struct buf *b, struct slice s)
{
	if (s.n == 0)
		return;
	buf_reserve(b, s.n);
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, (struct slice){&c, 1});
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, slice_cstr(text));
}

void buf_add_quoted(struct buf *b, struct slice s)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, s.p[i]);
	}
	buf_add_char(b, '"');
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_add(b, arena_vprintf(b->arena, format, args));
	va_end(args);
}
