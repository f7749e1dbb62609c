/*
 * A record as one of its recipients may see it: without the others (a blind
 * copy must stay one), and without who logged in. Pure.
 */
#ifndef GATEPOST_CLI_RECIPIENT_VIEW_H
#define GATEPOST_CLI_RECIPIENT_VIEW_H

#include "common/verdict/record.h"

/*
 * False if the record is not addressed to that address (letters without
 * case, with or without <>). Otherwise *view_r is the record with that
 * recipient alone. A text that names another recipient or the login, whole
 * or cut off at its end, is replaced; but not envelope sender, From, Subject
 * and Message-ID, which stand in the recipient's own copy. A record whose
 * list of recipients was cut keeps no text with an '@' in it.
 */
bool recipient_view(struct arena *arena, const struct record *record,
		    struct slice address, struct record *view_r);

#endif
