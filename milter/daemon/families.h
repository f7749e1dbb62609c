/*
 * What the counters mean: one row for each family of cells, with its name
 * and help for monitoring, its labels, and its words for the log. Who adds
 * a counter adds its cells to counters.h and a row to one of the tables.
 */
#ifndef GATEPOST_DAEMON_FAMILIES_H
#define GATEPOST_DAEMON_FAMILIES_H

#include "milter/daemon/names.h"

enum family_kind { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM };

/* A label has either words of ours or names of a configuration. */
struct family_label {
	const char *name;
	unsigned count;			/* of words */
	/* NULL: that value cannot be; then it has no sample. */
	const char *(*word)(unsigned index);
	enum names names;		/* where there is no word() */
};

struct family {
	enum counter first;
	enum family_kind kind;
	const char *name;		/* without "gatepost_" and "_total" */
	const char *unit;		/* "seconds", "bytes"; or NULL */
	const char *help;
	/* The cells of the last label stand together. */
	const struct family_label *labels[2];
	bool highest;			/* gauge: not the sum of the slots */
	const char *word;		/* its sum in the log; or NULL */
	/* In the log, each value of the last label, '*' replaced; or NULL. */
	const char *each;
};

/* In the order in which they are shown; NULL past the last. */
const struct family *family_at(unsigned index);

/* All values that have cells, "other" included; 1 for no label. */
unsigned family_label_cells(const struct family_label *label);
/*
 * How many values there are now; those of names that were not registered
 * are left out. "other" is the last.
 */
unsigned family_label_values(const struct family_label *label,
			     const struct counters *counters);
/*
 * The text of value `index` (of family_label_values()) and, in *cell_r,
 * where it stands among its cells; NULL: it has no sample.
 */
const char *family_label_text(const struct family_label *label,
			      const struct counters *counters, unsigned index,
			      char room[NAMES_LENGTH + 1], unsigned *cell_r);
/* How many cells the family has. */
unsigned family_cells(const struct family *family);
/* The sum, or the highest, of one cell. */
uint64_t family_value(const struct family *family,
		      const struct counters *counters, unsigned cell);

#endif
