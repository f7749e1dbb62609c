/*
 * Text for a terminal: how wide it is, cells of a table, wrapped lines. What
 * is written must be harmless already (utf8_shown()).
 */
#ifndef GATEPOST_CLI_TERMINAL_H
#define GATEPOST_CLI_TERMINAL_H

#include "common/base/buf.h"

#include <stdio.h>

#define TERMINAL_GAP 2 /* columns between two cells */

/* Columns of the terminal; 0 where the output is none, unless the variable
 * COLUMNS says how many are wanted. */
size_t terminal_width(void);
/*
 * One cell of `width` columns: filled up, with a gap behind it; or
 * shortened in its middle. The last of a line ends it instead.
 */
void terminal_cell(FILE *out, struct slice text, size_t width, bool last);

/* Where wrapped text goes. */
struct terminal_wrap {
	size_t width;  /* of a line */
	size_t column; /* where the first line begins */
	size_t indent; /* where the others do */
};
/* Words of `text`, wrapped, and a line end. A word that is too long for a
 * line is broken. */
void terminal_wrap(FILE *out, struct slice text,
		   const struct terminal_wrap *wrap);

#endif
