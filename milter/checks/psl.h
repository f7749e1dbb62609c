/*
 * The public suffix list: below which names do people register? For DMARC
 * by RFC 7489 and for lists of registered domains. The one file that sees
 * libpsl is psl.c; its names begin with psl_, so ours do not.
 */
#ifndef GATEPOST_CHECKS_PSL_H
#define GATEPOST_CHECKS_PSL_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct suffixes;

/*
 * Opens a list: `path` names a file in either of libpsl's forms; NULL or ""
 * takes Debian's, or the one built into libpsl where that is not
 * installed. NULL on failure, with err naming the file.
 */
struct suffixes *suffixes_open(const char *path, struct err *err);
void suffixes_close(struct suffixes **suffixes);

/*
 * The registered domain: the public suffix and one label more. `name` and
 * the result are lower-case A-labels (domain_normalise()), the result a
 * part of name. Empty where name is a public suffix itself.
 */
struct slice suffixes_registered(const struct suffixes *suffixes,
				 struct slice name);
/*
 * The organizational domain of RFC 7489 3.2: the registered domain, or the
 * name itself where it is a public suffix.
 */
struct slice suffixes_organization(const struct suffixes *suffixes,
				   struct slice name);

#endif
