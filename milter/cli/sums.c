/* Adding up. */
#include "milter/cli/sums.h"

#define MINUTE_MS 60000

void sums_add(struct sums *sums, const struct history_total *t)
{
	static const struct {
		struct slice action;
		size_t offset;
	} rows[] = {
		{SLICE("accept"), offsetof(struct sums, accepted)},
		{SLICE("tag"), offsetof(struct sums, tagged)},
		{SLICE("reject"), offsetof(struct sums, rejected)},
		{SLICE("greylist"), offsetof(struct sums, deferred)},
		{SLICE("ratelimit"), offsetof(struct sums, deferred)},
		{SLICE("quarantine"), offsetof(struct sums, held)},
		{SLICE("tempfail"), offsetof(struct sums, deferred)},
	};

	sums->messages += t->messages;
	sums->bytes += t->bytes;
	if (slice_eq(t->direction, SLICE("out")))
		sums->sent += t->messages;
	else
		sums->received += t->messages;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_eq(t->action, rows[i].action))
			*(uint64_t *)(void *)((char *)sums + rows[i].offset) +=
				t->messages;
}

struct sums sums_between(const struct history_total *totals, size_t count,
			 int64_t since_ms, int64_t until_ms)
{
	struct sums sums = {.messages = 0};

	for (size_t i = 0; i < count; i++)
		if (totals[i].start_ms >= since_ms &&
		    totals[i].start_ms < until_ms)
			sums_add(&sums, &totals[i]);
	return sums;
}

static uint64_t share(uint64_t n, int64_t part_ms)
{
	return (n * (uint64_t)part_ms + MINUTE_MS / 2) / MINUTE_MS;
}

struct sums sums_last_minute(const struct history_total *totals, size_t count,
			     int64_t now_ms)
{
	int64_t minute = now_ms - now_ms % MINUTE_MS;
	int64_t missing = MINUTE_MS - (now_ms - minute);
	struct sums now =
		sums_between(totals, count, minute, minute + MINUTE_MS);
	struct sums before =
		sums_between(totals, count, minute - MINUTE_MS, minute);

	now.messages += share(before.messages, missing);
	now.bytes += share(before.bytes, missing);
	now.received += share(before.received, missing);
	now.sent += share(before.sent, missing);
	now.accepted += share(before.accepted, missing);
	now.tagged += share(before.tagged, missing);
	now.rejected += share(before.rejected, missing);
	now.held += share(before.held, missing);
	now.deferred += share(before.deferred, missing);
	return now;
}

void sums_fields(const struct sums *sums,
		 struct json_field fields_r[SUMS_FIELDS])
{
	const struct json_field fields[SUMS_FIELDS] = {
		JSON_NUMBER("messages", sums->messages),
		JSON_NUMBER("bytes", sums->bytes),
		JSON_NUMBER("received", sums->received),
		JSON_NUMBER("sent", sums->sent),
		JSON_NUMBER("accepted", sums->accepted),
		JSON_NUMBER("tagged", sums->tagged),
		JSON_NUMBER("rejected", sums->rejected),
		JSON_NUMBER("deferred", sums->deferred),
		JSON_NUMBER("held", sums->held),
	};

	for (size_t i = 0; i < SUMS_FIELDS; i++)
		fields_r[i] = fields[i];
}
