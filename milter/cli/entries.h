/* Greylist entries, for a person at a terminal and for programs. */
#ifndef GATEPOST_CLI_ENTRIES_H
#define GATEPOST_CLI_ENTRIES_H

#include "milter/store/store.h"

#include <stdio.h>

/*
 * A table, at most `width` columns wide if that can be; 0: nothing is cut.
 * Control characters from outside are written as escapes.
 */
void entries_table(FILE *out, struct arena *arena,
		   const struct greylist_list *list, size_t width);
/* An array with one object an entry, each on a line of its own. */
void entries_json(FILE *out, struct arena *arena,
		  const struct greylist_list *list);
/* The same for names that are allowed. */
void entries_names_json(FILE *out, struct arena *arena,
			const struct slice *names, size_t count);

#endif
