/*
 * Names of attached files as the recipient's computer takes them, and the
 * patterns of rules over them. A name is any bytes; nothing here fails.
 */
#ifndef GATEPOST_CHECKS_ATTACHMENTS_MATCH_H
#define GATEPOST_CHECKS_ATTACHMENTS_MATCH_H

#include "common/base/arena.h"

/*
 * The name without what hides its end: the folders before it, control,
 * invisible and direction marks, and blanks and dots at its end, which
 * Windows drops. Blanks of other scripts become U+0020. Bytes that are no
 * UTF-8 stay. Never longer than `name`; lies in the arena.
 */
struct slice attachment_name_normalise(struct arena *arena, struct slice name);

/*
 * Whether the whole text fits: '*' stands for any text, '?' for one
 * character, all else for itself, ASCII letters without case. Takes at most
 * pattern.n * text.n steps.
 */
bool attachment_pattern_matches(struct slice pattern, struct slice text);

/*
 * What stands after the last dot, without it; empty: there is no dot.
 * *stem_r (may be NULL): what stands before that dot, or the whole name.
 */
struct slice attachment_extension(struct slice name, struct slice *stem_r);

/*
 * Of normalised names. Is double: before the last extension stands one of a
 * document, picture, sound or film, as in "invoice.pdf .exe". Is harmless:
 * the last extension is one of these, or of an archive.
 */
bool attachment_name_is_double(struct slice name);
bool attachment_name_is_harmless(struct slice name);

#endif
