/* Plain arithmetic over the store's own counts; touches nothing else. */
#include "milter/store/store_pace.h"

/* Too slow from one call in ten on; in time again below one in fifty. */
#define SLOW_SHARE 10
#define FINE_SHARE 50
/* So many say more than a moment's bad luck. */
#define SLOW_MIN 5

void store_pace_begin(struct store_pace *pace, const struct store_stats *stats,
		      int64_t now_ms)
{
	pace->from_ms = now_ms;
	pace->done = stats->done;
	pace->late = stats->late;
}

enum store_pace_news store_pace_look(struct store_pace *pace,
				     const struct store_stats *stats,
				     int64_t now_ms,
				     struct store_pace_count *count_r)
{
	uint64_t late = stats->late - pace->late;
	uint64_t calls = stats->done - pace->done + late;
	bool was = pace->slow;

	if (now_ms - pace->from_ms < PACE_WINDOW_MS || calls < SLOW_MIN)
		return PACE_NO_NEWS;
	store_pace_begin(pace, stats, now_ms);
	if (was)
		pace->slow = late * FINE_SHARE >= calls;
	else
		pace->slow = late >= SLOW_MIN && late * SLOW_SHARE >= calls;
	if (pace->slow == was)
		return PACE_NO_NEWS;
	*count_r = (struct store_pace_count){calls, late};
	return pace->slow ? PACE_TOO_SLOW : PACE_IN_TIME;
}
