/* What came of the messages of some time, added up from the history. */
#ifndef GATEPOST_CLI_SUMS_H
#define GATEPOST_CLI_SUMS_H

#include "common/verdict/json.h"
#include "milter/store/history.h"

/* Each try of a message counts. */
struct sums {
	uint64_t messages, bytes;
	uint64_t received;	/* from strangers */
	uint64_t sent;		/* from users, and hosts we trust */
	uint64_t accepted;	/* untagged */
	uint64_t tagged, rejected;
	uint64_t held;		/* in the vault, not delivered */
	uint64_t deferred;	/* by greylisting, rates, limits or DNS */
};

/* Actions that are unknown here count as messages, and no more. */
void sums_add(struct sums *sums, const struct history_total *total);
/* Everything from since_ms up to until_ms, in whole minutes or hours. */
struct sums sums_between(const struct history_total *totals, size_t count,
			 int64_t since_ms, int64_t until_ms);
/*
 * The last minute: this one so far, and as much of the one before as is
 * missing, taken evenly.
 */
struct sums sums_last_minute(const struct history_total *totals, size_t count,
			     int64_t now_ms);

#define SUMS_FIELDS 9
/* As members of a JSON object. */
void sums_fields(const struct sums *sums,
		 struct json_field fields_r[SUMS_FIELDS]);

#endif
