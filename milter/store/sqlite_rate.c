/*
 * Rates: for each, what was used in this interval and in the one before. An
 * interval begins with its first use, and the next one where it ends.
 * Products are taken in 128 bits: nothing a configuration may say is lost.
 */
#include "milter/store/sqlite_private.h"
#include "milter/store/store_keys.h"

struct bucket {
	char key[STORE_KEY + 1];
	int64_t used, before, refused;
	int64_t age_ms; /* of this interval */
};

static int64_t divide_up(__int128 a, int64_t b)
{
	return (int64_t)((a + b - 1) / b);
}

/* Moves on to the interval that it is now. */
static void move_on(struct bucket *bucket, int64_t interval_ms)
{
	if (bucket->age_ms < interval_ms)
		return;
	bucket->before = 0;
	if (bucket->age_ms < 2 * interval_ms) {
		bucket->before = bucket->used;
		bucket->age_ms -= interval_ms;
	} else {
		bucket->age_ms = 0;
	}
	bucket->used = 0;
	bucket->refused = 0;
}

static int64_t estimate(const struct bucket *bucket, int64_t interval_ms)
{
	int64_t left_ms = interval_ms - bucket->age_ms;

	return bucket->used +
	       divide_up((__int128)bucket->before * left_ms, interval_ms);
}

/* When what was used will have shrunk to `room`, within its interval. */
static int64_t shrunk(int64_t room, const struct rate *rate, int64_t used)
{
	if (used <= 0)
		return 0;
	return (int64_t)((__int128)room * rate->interval_ms / used);
}

/*
 * How long until `amount` fits if nothing else comes. Within an interval
 * what was used before it counts less and less; if that is not enough, it
 * is so for this interval's use in the next one.
 */
static int64_t patience(const struct bucket *bucket, const struct rate *rate)
{
	int64_t left_ms = rate->interval_ms - bucket->age_ms;
	int64_t room = rate->limit - bucket->used - rate->amount;

	if (estimate(bucket, rate->interval_ms) + rate->amount <= rate->limit)
		return 0;
	if (room >= 0)
		return left_ms - shrunk(room, rate, bucket->before);
	room = rate->limit - rate->amount;
	return left_ms + rate->interval_ms - shrunk(room, rate, bucket->used);
}

static int read_bucket(struct db *db, const struct store_call *call,
		       const struct rate *rate, struct bucket *bucket_r,
		       struct err *err)
{
	const struct slice parts[] = {SLICE("rate"), call->in.rate.subject,
				      rate->name};
	int rc;

	*bucket_r = (struct bucket){.age_ms = 0};
	store_key(parts, sizeof(parts) / sizeof(parts[0]), bucket_r->key);
	db_bind_text(db, RATE_GET, 1, (struct slice){bucket_r->key, STORE_KEY});
	rc = db_step(db, RATE_GET, err);
	if (rc <= 0)
		return rc;
	bucket_r->used = db_column(db, RATE_GET, 0);
	bucket_r->before = db_column(db, RATE_GET, 1);
	bucket_r->refused = db_column(db, RATE_GET, 2);
	bucket_r->age_ms = sqlite_age(db, RATE_GET, 3, &call->now);
	db_done(db, RATE_GET);
	move_on(bucket_r, rate->interval_ms);
	return 0;
}

static int write_bucket(struct db *db, const struct store_call *call,
			const struct rate *rate, const struct bucket *bucket,
			struct err *err)
{
	struct store_time began = call->now;

	began.uptime_ms -= bucket->age_ms;
	began.wall_ms -= bucket->age_ms;
	sqlite_bind_now(db, RATE_SET, &began);
	db_bind_text(db, RATE_SET, 4, (struct slice){bucket->key, STORE_KEY});
	db_bind(db, RATE_SET, 5, bucket->used);
	db_bind(db, RATE_SET, 6, bucket->before);
	db_bind(db, RATE_SET, 7, bucket->refused);
	db_bind(db, RATE_SET, 8, began.uptime_ms + 2 * rate->interval_ms);
	return db_step(db, RATE_SET, err);
}

/* What taking changes: the use if all fit, else the refusals. */
static int take(struct db *db, const struct store_call *call,
		struct bucket *buckets, struct err *err)
{
	const struct store_rate_in *in = &call->in.rate;
	bool over = call->out.rate.over;

	for (size_t i = 0; i < in->count; i++) {
		const struct rate *rate = &in->rates[i];

		if (over && patience(&buckets[i], rate) == 0)
			continue;
		if (over)
			buckets[i].refused++;
		else
			buckets[i].used += rate->amount;
		if (write_bucket(db, call, rate, &buckets[i], err) < 0)
			return -1;
	}
	return 0;
}

int sqlite_rate(struct db *db, struct store_call *call, struct err *err)
{
	const struct store_rate_in *in = &call->in.rate;
	struct rate_answer *out = &call->out.rate;
	struct bucket buckets[RATES_MAX];

	*out = (struct rate_answer){.over = false};
	for (size_t i = 0; i < in->count; i++) {
		int64_t wait_ms;

		if (read_bucket(db, call, &in->rates[i], &buckets[i], err) < 0)
			return -1;
		wait_ms = patience(&buckets[i], &in->rates[i]);
		if (wait_ms <= out->wait_ms)
			continue;
		out->over = true;
		out->which = i;
		out->wait_ms = wait_ms;
	}
	if (out->over) {
		const struct bucket *b = &buckets[out->which];

		out->used = estimate(b, in->rates[out->which].interval_ms);
		out->refused = b->refused + (in->take ? 1 : 0);
	}
	return in->take ? take(db, call, buckets, err) : 0;
}
