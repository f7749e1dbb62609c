/*
 * Verdict records in plain words, for somebody at a terminal who never saw
 * the system: what happened and why, what each finding means and the fact
 * behind it, what would have changed the outcome, what was not looked at.
 * Control characters from outside are written as escapes.
 */
#ifndef GATEPOST_CLI_EXPLAIN_H
#define GATEPOST_CLI_EXPLAIN_H

#include "common/verdict/record.h"

#include <stdio.h>

void explain_record(FILE *out, const struct record *record);
/*
 * The tries of one message, oldest first, as one story: what came of it,
 * each try, what changed between them, and all about record `detail`.
 */
void explain_story(FILE *out, const struct record *records, size_t count,
		   size_t detail);

#endif
