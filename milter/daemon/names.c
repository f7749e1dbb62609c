/*
 * Append-only: a name is written whole before the count that covers it is
 * published, so a reader sees all of it or nothing.
 */
#include "milter/daemon/counters_head.h"

#include <string.h>

static const struct {
	unsigned bound;
	size_t bytes; /* of each, with its NUL */
	size_t offset;
} tables[NAMES_KINDS] = {
	[NAMES_SYMBOLS] = {NAMED_SYMBOLS, SYMBOL_BYTES,
			   offsetof(struct counters_head, symbols)},
	[NAMES_LISTS] = {NAMED_LISTS, LIST_BYTES,
			 offsetof(struct counters_head, lists)},
	[NAMES_CHECKS] = {NAMED_CHECKS, CHECK_BYTES,
			  offsetof(struct counters_head, checks)},
};

_Static_assert(SYMBOL_BYTES <= NAMES_LENGTH + 1 &&
		       LIST_BYTES <= NAMES_LENGTH + 1 &&
		       CHECK_BYTES <= NAMES_LENGTH + 1,
	       "names_read() has room for each");

static char *entry(const struct counters *counters, enum names kind,
		   unsigned index)
{
	return (char *)counters->head + tables[kind].offset +
	       index * tables[kind].bytes;
}

unsigned names_bound(enum names kind)
{
	return tables[kind].bound;
}

unsigned names_count(const struct counters *counters, enum names kind)
{
	unsigned count = atomic_load_explicit(&counters->head->counts[kind],
					      memory_order_acquire);

	return count < tables[kind].bound ? count : tables[kind].bound;
}

void names_read(const struct counters *counters, enum names kind,
		unsigned index, char name_r[NAMES_LENGTH + 1])
{
	size_t n = tables[kind].bytes - 1;

	if (index >= tables[kind].bound) {
		memcpy(name_r, "other", sizeof("other"));
		return;
	}
	memcpy(name_r, entry(counters, kind, index), n);
	name_r[n] = '\0';
}

static bool is_name(const struct counters *counters, enum names kind,
		    unsigned index, struct slice name)
{
	const char *at = entry(counters, kind, index);

	return memcmp(at, name.p, name.n) == 0 && at[name.n] == '\0';
}

unsigned names_find(const struct counters *counters, enum names kind,
		    struct slice name)
{
	unsigned count = names_count(counters, kind);

	if (name.n == 0 || name.n >= tables[kind].bytes)
		return tables[kind].bound;
	for (unsigned i = 0; i < count; i++)
		if (is_name(counters, kind, i, name))
			return i;
	return tables[kind].bound;
}

unsigned names_add(const struct counters *counters, enum names kind,
		   struct slice name)
{
	unsigned found = names_find(counters, kind, name);
	unsigned count = names_count(counters, kind);

	if (found < tables[kind].bound || count == tables[kind].bound ||
	    name.n == 0 || name.n >= tables[kind].bytes)
		return found;
	memcpy(entry(counters, kind, count), name.p, name.n);
	atomic_store_explicit(&counters->head->counts[kind], count + 1,
			      memory_order_release);
	return count;
}
