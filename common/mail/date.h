/*
 * The Date field (RFC 5322 3.3), its obsolete forms included (4.3): two-digit
 * years, named zones, comments and folds anywhere.
 */
#ifndef GATEPOST_MAIL_DATE_H
#define GATEPOST_MAIL_DATE_H

#include "common/base/slice.h"

/*
 * Reads a Date field's value as seconds since the epoch. False where the
 * text is no date: the day must exist and a zone must be given. Whether the
 * name of the weekday is the right one is not looked at. An hour of one
 * digit, which the RFC does not allow but many send, is read.
 */
bool date_parse(struct slice value, int64_t *seconds_r);

#endif
