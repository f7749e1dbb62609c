/* A verdict record in words, for a person at a terminal. */
#ifndef GATEPOST_CLI_EXPLAIN_H
#define GATEPOST_CLI_EXPLAIN_H

#include "common/verdict/record.h"

#include <stdio.h>

/* Control characters from outside are written as escapes. */
void explain_record(FILE *out, const struct record *record);

#endif
