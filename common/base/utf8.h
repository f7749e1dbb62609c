/*
 * Text from outside as it may be shown: what is not UTF-8 (RFC 3629), and
 * what a terminal would obey instead of showing, is written as escapes.
 */
#ifndef GATEPOST_BASE_UTF8_H
#define GATEPOST_BASE_UTF8_H

#include "common/base/buf.h"

/* Length of the valid UTF-8 sequence at s.p[i], or 0. */
size_t utf8_length(struct slice s, size_t i);
/*
 * The same, but 0 also for what is better not shown as it is: control
 * characters (C0, DEL, C1), marks that turn the direction of writing or
 * cannot be seen, and line separators.
 */
size_t utf8_shown_length(struct slice s, size_t i);
/* Adds s; each byte that cannot be shown becomes \xNN. */
void utf8_add_shown(struct buf *out, struct slice s);
struct slice utf8_shown(struct arena *arena, struct slice s);
/* Adds valid UTF-8 as JSON escapes, \uXXXX or a pair of them (RFC 8259 7). */
void utf8_add_utf16(struct buf *out, struct slice s);
/* The first `max` bytes at most, not ending within a character. */
struct slice utf8_cut(struct slice s, size_t max);
/* Characters, where each sequence that is valid counts as one. */
size_t utf8_count(struct slice s);

#endif
