/* What a file is by its first bytes, whatever its name and type say. */
#ifndef GATEPOST_SCAN_KIND_H
#define GATEPOST_SCAN_KIND_H

#include "common/base/slice.h"

/* One of the words of scan_part.kind; empty: not known. */
struct slice kind_of(struct slice bytes);
/*
 * Whether it is an office document that needs a password: a compound file
 * ("ole2") that holds an encrypted one ([MS-OFFCRYPTO] 2.3.4).
 */
bool kind_is_encrypted(struct slice kind, struct slice bytes);
/* Whether a file of that kind has members. */
bool kind_is_archive(struct slice kind);

#endif
