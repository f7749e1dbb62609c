/* All families, from the tables of their kinds. */
#include "milter/daemon/families.h"
#include "milter/daemon/families_tables.h"

const struct family *family_at(unsigned index)
{
	static const struct family *const tables[] = {
		families_mail, families_kept, families_host, NULL};

	for (size_t i = 0; tables[i]; i++)
		for (const struct family *f = tables[i]; f->name; f++)
			if (index-- == 0)
				return f;
	return NULL;
}

unsigned family_label_cells(const struct family_label *label)
{
	if (!label)
		return 1;
	return label->word ? label->count : names_bound(label->names) + 1;
}

unsigned family_label_values(const struct family_label *label,
			     const struct counters *counters)
{
	if (!label || label->word)
		return family_label_cells(label);
	return names_count(counters, label->names) + 1;
}

const char *family_label_text(const struct family_label *label,
			      const struct counters *counters, unsigned index,
			      char room[NAMES_LENGTH + 1], unsigned *cell_r)
{
	*cell_r = index;
	if (label->word)
		return label->word(index);
	if (index == names_count(counters, label->names))
		*cell_r = names_bound(label->names);
	names_read(counters, label->names, *cell_r, room);
	return room;
}

unsigned family_cells(const struct family *family)
{
	return family_label_cells(family->labels[0]) *
	       family_label_cells(family->labels[1]) *
	       (family->kind == FAMILY_HISTOGRAM ? HISTOGRAM_CELLS : 1);
}

uint64_t family_value(const struct family *family,
		      const struct counters *counters, unsigned cell)
{
	enum counter at = (enum counter)(family->first + cell);

	return family->highest ? counters_highest(counters, at)
			       : counters_sum(counters, at);
}
