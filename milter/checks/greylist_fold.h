/*
 * The local part of an envelope sender without what changes from one
 * message of the same sender to the next: numbers of list messages, ids of
 * bounces, the recipient that a list writes into its own address (VERP),
 * what follows a '+'.
 */
#ifndef GATEPOST_CHECKS_GREYLIST_FOLD_H
#define GATEPOST_CHECKS_GREYLIST_FOLD_H

#include "common/base/arena.h"

/*
 * `local` is in lower case and without quotes. Folding what was folded
 * changes nothing, and nothing becomes longer. The rules:
 *
 * - What follows the first '+' goes, unless that is the first byte.
 * - "user=example.net" inside becomes '*'.
 * - A number or a mixture of letters and digits becomes '#' if it is so
 *   long that no person has it as a name.
 * - If one of these applied, or a word such as "bounces" or "owner" says
 *   that a machine made the address, short numbers and ids become '#' too.
 *
 * So john1 and john2, anna.1985 and anna.1990, 123456789 and 987654321 stay
 * what they are: two people.
 */
struct slice greylist_fold(struct arena *arena, struct slice local);

#endif
