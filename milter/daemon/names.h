/*
 * Label values that only a configuration knows: names in the head of the
 * mapping of the counters. The master alone adds them, before the workers
 * of a generation start, and none is ever removed; so an index means the
 * same in every process and in every generation.
 */
#ifndef GATEPOST_DAEMON_NAMES_H
#define GATEPOST_DAEMON_NAMES_H

#include "milter/daemon/counters.h"

enum names { NAMES_SYMBOLS, NAMES_LISTS, NAMES_CHECKS };
#define NAMES_KINDS 3
/* Longer names count as "other". */
#define NAMES_LENGTH 255

/* How many there may be, and how many there are. */
unsigned names_bound(enum names kind);
unsigned names_count(const struct counters *counters, enum names kind);
/*
 * Copies the index-th name, NUL-terminated; "other" for names_bound(). The
 * bytes are those of a mapping that others write: take nothing for granted.
 */
void names_read(const struct counters *counters, enum names kind,
		unsigned index, char name_r[NAMES_LENGTH + 1]);
/* Its index; names_bound() if it is none. */
unsigned names_find(const struct counters *counters, enum names kind,
		    struct slice name);
/* The same, after adding it if there is room. Only for the master. */
unsigned names_add(const struct counters *counters, enum names kind,
		   struct slice name);

#endif
