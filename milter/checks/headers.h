/*
 * The header section: fields that every message has, fields that may stand
 * only once (RFC 5322 3.6), the date, and who the From field shows.
 */
#ifndef GATEPOST_CHECKS_HEADERS_H
#define GATEPOST_CHECKS_HEADERS_H

#include "milter/engine/check.h"

extern const struct check check_headers;

#endif
