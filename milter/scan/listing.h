/*
 * What archives hold: names, sizes, and whether a password is needed; a
 * few archives deep. Looks only; viruses are libclamav's to find.
 */
#ifndef GATEPOST_SCAN_LISTING_H
#define GATEPOST_SCAN_LISTING_H

#include "milter/scan/parts.h"

/*
 * Adds the members of parts->list[index], whose bytes these are. What is
 * no archive has none; what cannot be read makes the list incomplete, or
 * the part encrypted.
 */
void listing_add(struct parts *parts, size_t index, struct slice bytes);

#endif
