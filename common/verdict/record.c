/* What follows from a record. */
#include "common/verdict/record.h"

int64_t record_decided_ms(const struct record *record)
{
	double ms = 0;

	for (size_t i = 0; i < record->stage_count; i++)
		ms += record->stages[i].value;
	/* Years would not be a duration but damage. */
	return record->time_ms + (ms > 0 && ms < 1e9 ? (int64_t)ms : 0);
}
