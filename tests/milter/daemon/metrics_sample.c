/*
 * Two workers and a recorder, none of which is a process; names that must
 * be escaped; some of every kind of family.
 */
#include "tests/milter/daemon/metrics_sample.h"
#include "milter/daemon/names.h"
#include "milter/engine/policy.h"

static void add_names(const struct counters *c)
{
	names_add(c, NAMES_SYMBOLS, SLICE("SPF_FAIL"));
	names_add(c, NAMES_SYMBOLS, SLICE("odd\"\\\n\xff"));
	names_add(c, NAMES_LISTS, SLICE("bl.example"));
	names_add(c, NAMES_CHECKS, SLICE("rbl"));
}

static void add_worker(struct counter_slot *slot)
{
	counter_add(slot, COUNTER_SESSIONS, 7);
	counter_add_at(slot, COUNTER_MESSAGES,
		       DIRECTION_IN * ACTIONS + ACTION_REJECT, 2);
	counter_add_at(slot, COUNTER_MESSAGES,
		       DIRECTION_OUT * ACTIONS + ACTION_ACCEPT, 1);
	counter_add_at(slot, COUNTER_BYTES,
		       DIRECTION_IN * ACTIONS + ACTION_REJECT, 4096);
	counter_add_at(slot, COUNTER_SYMBOLS, 0, 2);
	counter_add_at(slot, COUNTER_SYMBOLS, 1, 1);
	counter_add_at(slot, COUNTER_SYMBOLS, NAMED_SYMBOLS, 3);
	counter_add_at(slot, COUNTER_SPF, AUTH_FAIL, 2);
	counter_add_at(slot, COUNTER_LIST_ASKED, 0, 3);
	counter_add_at(slot, COUNTER_LIST_LISTED, 0, 1);
	counter_add_at(slot, COUNTER_LIST_ERRORS, 0, 1);
	counter_set(slot, GAUGE_LIST_SUSPENDED, 1);
	histogram_add(slot, HISTOGRAM_LIST, 0, 900);
	histogram_add(slot, HISTOGRAM_LIST, 0, 30000);
	histogram_add(slot, HISTOGRAM_LIST, 0, 41000000);
	histogram_add(slot, HISTOGRAM_STAGE, 6, 1500000);
	histogram_add(slot, HISTOGRAM_CHECK, 0, 1001);
	counter_add_at(slot, COUNTER_STARTS, ROLE_WORKER, 1);
	counter_set(slot, GAUGE_SESSIONS, 2);
	counter_add(slot, COUNTER_STORE_LATE, 1);
}

bool metrics_sample(struct counters *counters_r, struct err *err)
{
	if (counters_make(counters_r, err) < 0)
		return false;
	add_names(counters_r);
	/* Pids that the kernel gives nobody. */
	counters_forget_gauges(&counters_r->slots[COUNTERS_MASTER]);
	counter_set(&counters_r->slots[COUNTERS_MASTER], GAUGE_GENERATION, 3);
	add_worker(counters_enter(counters_r, 1, ROLE_WORKER, 1 << 30));
	add_worker(counters_enter(counters_r, 2, ROLE_WORKER, (1 << 30) + 1));
	counter_set(counters_enter(counters_r, 3, ROLE_RECORDER,
				   (1 << 30) + 2),
		    GAUGE_HISTORY_UP, 1);
	return true;
}
