/* The counters as one line of the log: the rows that have words. */
#include "common/base/log.h"
#include "milter/daemon/families.h"

#include <inttypes.h>

static void print(struct buf *out, const char *pattern, const char *value,
		  uint64_t number)
{
	bool json = log_format() == LOG_FORMAT_JSON;

	if (out->n > 0)
		buf_add_char(out, json ? ',' : ' ');
	if (json)
		buf_add_char(out, '"');
	for (; *pattern; pattern++) {
		if (*pattern == '*')
			buf_add_text(out, value);
		else
			buf_add_char(out, *pattern);
	}
	buf_printf(out, json ? "\":%" PRIu64 : "=%" PRIu64, number);
}

/* Each value of the last label, whatever the first one is. */
static void print_each(const struct family *family,
		       const struct counters *counters, struct buf *out)
{
	bool two = family->labels[1] != NULL;
	const struct family_label *last = family->labels[two ? 1 : 0];
	unsigned cells = family_label_cells(last);

	for (unsigned i = 0; i < cells; i++) {
		const char *value = last->word(i);
		uint64_t sum = 0;

		if (!value)
			continue;
		for (unsigned k = i; k < family_cells(family); k += cells)
			sum += family_value(family, counters, k);
		print(out, family->each, value, sum);
	}
}

void counters_print(const struct counters *counters, struct buf *out)
{
	const struct family *family;

	for (unsigned at = 0; (family = family_at(at)); at++) {
		uint64_t sum = 0;

		if (family->word) {
			for (unsigned i = 0; i < family_cells(family); i++)
				sum += family_value(family, counters, i);
			print(out, family->word, "", sum);
		}
		if (family->each)
			print_each(family, counters, out);
	}
}
