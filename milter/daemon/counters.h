/*
 * Counters of all processes, in one shared mapping that the master makes
 * and passes on as a file descriptor. Each process adds to a slot of its
 * own without locks; who wants a total sums the slots. Totals never fall:
 * a slot keeps what a dead process counted, and the next one adds to it.
 */
#ifndef GATEPOST_DAEMON_COUNTERS_H
#define GATEPOST_DAEMON_COUNTERS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdatomic.h>

enum counter {
	COUNTER_SESSIONS,
	COUNTER_SESSIONS_REFUSED,
	COUNTER_MESSAGES,
	COUNTER_ACCEPT,
	COUNTER_TAG,
	COUNTER_REJECT,
	COUNTER_TEMPFAIL,
	COUNTER_GREYLIST,
	COUNTER_RATELIMIT,
	COUNTER_ABORTED,
	COUNTER_UNANSWERED,
	COUNTER_BYTES,
	COUNTER_DNS_ASKED,
	COUNTER_DNS_CACHED,
	COUNTER_DNS_COALESCED,
	COUNTER_DNS_FAILED,
	COUNTER_DNS_REFUSED,
	COUNTER_STORE_ASKED,
	COUNTER_STORE_LATE,
	COUNTER_STORE_FAILED,
	COUNTER_STORE_SKIPPED,
	COUNTER_STORE_DOWNS,
	COUNTER_STARTS,
	COUNTER_CRASHES,
	/* From here on what is now, not what has been since the start. */
	GAUGE_SESSIONS,
	GAUGE_WAITING,
	COUNTER_COUNT,
};
#define GAUGE_FIRST GAUGE_SESSIONS

/* As it stands in the log: "messages", "dns_asked", … */
const char *counter_word(enum counter which);

/* Cache lines of its own, so that processes do not disturb each other. */
struct counter_slot {
	_Alignas(64) atomic_uint_least64_t value[COUNTER_COUNT];
};

#define COUNTERS_SLOTS 1024

struct counters {
	struct counter_slot *slots;	/* COUNTERS_SLOTS of them */
	int fd;
};

/* Makes the mapping; its file descriptor is close-on-exec. */
int counters_make(struct counters *counters_r, struct err *err);
/* Maps what another process made; keeps fd. */
int counters_attach(struct counters *counters_r, int fd, struct err *err);
uint64_t counters_sum(const struct counters *counters, enum counter which);
/* What is now ends with the process: for a slot whose process has gone. */
void counters_forget_gauges(struct counter_slot *slot);
/* All sums as logfmt pairs or JSON members, whichever the log wants. */
void counters_print(const struct counters *counters, struct buf *out);

static inline void counter_add(struct counter_slot *slot, enum counter which,
			       uint64_t n)
{
	atomic_fetch_add_explicit(&slot->value[which], n,
				  memory_order_relaxed);
}

static inline void counter_set(struct counter_slot *slot, enum counter which,
			       uint64_t n)
{
	atomic_store_explicit(&slot->value[which], n, memory_order_relaxed);
}

#endif
