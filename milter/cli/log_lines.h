/*
 * Records as a log for people: one message a line (two on a narrow
 * terminal), in columns. Control characters from outside are escapes.
 */
#ifndef GATEPOST_CLI_LOG_LINES_H
#define GATEPOST_CLI_LOG_LINES_H

#include "common/verdict/record.h"

#include <stdio.h>

#define LOG_LINES_COLUMNS 8

/* Begins zeroed but for the first two; columns only grow. */
struct log_lines {
	FILE *out;
	size_t width; /* of the terminal; 0: nothing is cut */
	size_t widths[LOG_LINES_COLUMNS];
};

/* Writes records in their order; columns fit all of them, and those before. */
void log_lines_put(struct log_lines *lines, const struct record *records,
		   size_t count);

#endif
