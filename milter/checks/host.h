/*
 * The client host: reverse DNS with forward confirmation, the form of its
 * HELO name (RFC 5321 4.1.1.1, 4.1.3), and whether an answer could reach
 * the envelope sender. Fills auth.iprev (RFC 8601 2.7.3).
 */
#ifndef GATEPOST_CHECKS_HOST_H
#define GATEPOST_CHECKS_HOST_H

#include "milter/engine/check.h"

extern const struct check check_host;

#endif
