/*
 * Counters of all processes, in one shared mapping that the master makes
 * and passes on as a file descriptor. Each process adds to a slot of its
 * own without locks; who wants a total sums the slots. Totals never fall:
 * a slot keeps what a dead process counted, and the next one adds to it.
 *
 * A counter is a cell of a slot, or several, one for each value of its
 * labels (families.h). Values that only a configuration knows, such as
 * symbols, are names in the head of the mapping (names.h).
 */
#ifndef GATEPOST_DAEMON_COUNTERS_H
#define GATEPOST_DAEMON_COUNTERS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdatomic.h>
#include <sys/types.h>

/* What a process is. */
enum role { ROLE_WORKER, ROLE_RECORDER, ROLE_SCANNER, ROLE_MASTER };
#define ROLES 4
/* "worker", "recorder", "scanner", "master" */
const char *role_word(enum role role);

/* How many values the labels have. */
#define DIRECTIONS 2	/* enum direction */
#define ACTIONS 7	/* enum action */
#define RESULTS 8	/* enum auth_result */
#define VAULTED 5	/* enum vault_class */
#define STAGES 7	/* as in the record */
#define PROBE_RESULTS 2	/* enum probe_result */
#define SCANS 3		/* enum scan_result */
#define TROUBLES 8	/* enum scan_trouble */
#define SAIDS 2		/* enum feedback_said */
#define HOWS 4		/* enum feedback_how */
#define REFUSALS 3	/* enum feedback_refusal */
/* Names; what is past the bound is counted as one more, "other". */
#define NAMED_SYMBOLS 1024
#define NAMED_LISTS 128
#define NAMED_CHECKS 32

enum direction { DIRECTION_IN, DIRECTION_OUT };
enum probe_result { PROBE_GOOD, PROBE_BAD };
/* Why what the mailbox side told came to nothing. */
enum feedback_refusal {
	FEEDBACK_MALFORMED,
	FEEDBACK_UNKNOWN,	/* there is no such record */
	FEEDBACK_DROPPED,	/* too much at a time, or no history */
};
/* The values of GAUGE_SCAN_STATE. */
enum scan_state {
	SCAN_STATE_NONE,	/* nothing scans */
	SCAN_STATE_LOADING,	/* the first signatures are being loaded */
	SCAN_STATE_SERVING,
	SCAN_STATE_OLD,		/* serving, with signatures that are too old
				 * or could not be replaced */
};

/* Cells of a histogram: its buckets, +Inf, and the sum in microseconds. */
#define HISTOGRAM_BUCKETS 8
#define HISTOGRAM_SUM (HISTOGRAM_BUCKETS + 1)
#define HISTOGRAM_CELLS (HISTOGRAM_BUCKETS + 2)

#define CELLS(name, count) name, name##_LAST = (name) + (count) - 1

/* Cells; the row of each in families_*.c says what it means. */
enum counter {
	COUNTER_SESSIONS,
	COUNTER_SESSIONS_REFUSED,
	COUNTER_ABORTED,
	COUNTER_UNANSWERED,
	CELLS(COUNTER_MESSAGES, DIRECTIONS *ACTIONS),
	CELLS(COUNTER_BYTES, DIRECTIONS *ACTIONS),
	CELLS(COUNTER_SPF, RESULTS),
	CELLS(COUNTER_DKIM, RESULTS),
	CELLS(COUNTER_DMARC, RESULTS),
	COUNTER_DNS_ASKED,
	COUNTER_DNS_CACHED,
	COUNTER_DNS_COALESCED,
	COUNTER_DNS_FAILED,
	COUNTER_DNS_REFUSED,
	CELLS(COUNTER_VAULT_STORED, VAULTED),
	COUNTER_VAULT_FAILED,
	COUNTER_VAULT_EXPIRED,
	COUNTER_NOTICES_SENT,
	COUNTER_NOTICES_RETRIED,
	COUNTER_NOTICES_DROPPED,
	COUNTER_NOTICES_SUMMED,
	COUNTER_GREYLIST_DEFERRED,
	COUNTER_GREYLIST_PASSED,
	COUNTER_GREYLIST_RETURNED,
	COUNTER_GREYLIST_NEVER_RETURNED,
	CELLS(COUNTER_FEEDBACK, SAIDS *HOWS),
	CELLS(COUNTER_FEEDBACK_REFUSED, REFUSALS),
	COUNTER_FEEDBACK_ALLOWED,
	COUNTER_FALSE_POSITIVES,
	COUNTER_FALSE_NEGATIVES,
	COUNTER_STORE_ASKED,
	COUNTER_STORE_LATE,
	COUNTER_STORE_FAILED,
	COUNTER_STORE_SKIPPED,
	COUNTER_STORE_DOWNS,
	COUNTER_RECORDS_SENT,
	COUNTER_RECORDS_DROPPED,
	COUNTER_RECORDS_STORED,
	COUNTER_RECORDS_LOST,
	CELLS(COUNTER_HEALTH_PROBES, PROBE_RESULTS),
	CELLS(COUNTER_SCANS, SCANS),
	CELLS(COUNTER_SCAN_TROUBLES, TROUBLES),
	COUNTER_SCAN_LOADS_FAILED,
	CELLS(HISTOGRAM_SCAN, HISTOGRAM_CELLS),
	CELLS(HISTOGRAM_SCAN_QUEUE, HISTOGRAM_CELLS),
	CELLS(COUNTER_STARTS, ROLES),
	CELLS(COUNTER_CRASHES, ROLES),
	CELLS(HISTOGRAM_STAGE, STAGES *HISTOGRAM_CELLS),
	CELLS(HISTOGRAM_CHECK, (NAMED_CHECKS + 1) * HISTOGRAM_CELLS),
	CELLS(COUNTER_SYMBOLS, NAMED_SYMBOLS + 1),
	CELLS(COUNTER_LIST_ASKED, NAMED_LISTS + 1),
	CELLS(COUNTER_LIST_LISTED, NAMED_LISTS + 1),
	CELLS(COUNTER_LIST_ERRORS, NAMED_LISTS + 1),
	CELLS(HISTOGRAM_LIST, (NAMED_LISTS + 1) * HISTOGRAM_CELLS),
	/* From here on what is now, not what has been since the start. */
	GAUGE_SESSIONS,
	GAUGE_WAITING,
	GAUGE_DNS_IN_FLIGHT,
	GAUGE_STORE_DOWN,
	GAUGE_RECORDS_QUEUED,
	GAUGE_HISTORY_UP,
	GAUGE_VAULT_MESSAGES,
	GAUGE_VAULT_BYTES,
	CELLS(GAUGE_VAULT_HELD, VAULTED),
	CELLS(GAUGE_VAULT_HELD_BYTES, VAULTED),
	GAUGE_VAULT_OLDEST,
	GAUGE_VAULT_RELEASED,
	GAUGE_VAULT_FREE,
	GAUGE_NOTICES_QUEUED,
	GAUGE_GENERATION,
	GAUGE_SCAN_STATE,
	GAUGE_SCAN_QUEUED,
	GAUGE_SCANNERS,
	GAUGE_SCANNERS_BUSY,
	GAUGE_SCAN_OVERAGED,
	GAUGE_SCAN_RESTLESS,
	GAUGE_SCAN_FAILED,
	GAUGE_SCAN_LOADED,
	GAUGE_ENGINE_VERSION,
	GAUGE_SIGNATURES,
	GAUGE_DATABASE_VERSION,
	GAUGE_DATABASE_TIME,
	CELLS(GAUGE_LIST_SUSPENDED, NAMED_LISTS + 1),
	COUNTER_COUNT,
};
#define GAUGE_FIRST GAUGE_SESSIONS

/* Cache lines of its own, so that processes do not disturb each other. */
struct counter_slot {
	_Alignas(64) atomic_uint_least64_t value[COUNTER_COUNT];
	atomic_int pid;		/* 0: nobody */
	atomic_int role;	/* of pid */
};

#define COUNTERS_SLOTS 1024
/* The slot of the master; others take those above. */
#define COUNTERS_MASTER 0

struct counters {
	struct counters_head *head;
	struct counter_slot *slots;	/* COUNTERS_SLOTS of them */
	int fd;
};

/*
 * Makes the mapping, with the calling process in the slot of the master;
 * its file descriptor is close-on-exec.
 */
int counters_make(struct counters *counters_r, struct err *err);
/* Maps what another process made; keeps fd. */
int counters_attach(struct counters *counters_r, int fd, struct err *err);
/* Unmaps and closes. */
void counters_free(struct counters *counters);

/*
 * The slot of a process that starts, or that was started: it is summed from
 * here on. Slots that nobody ever took are never touched.
 */
struct counter_slot *counters_enter(const struct counters *counters,
				    unsigned slot, enum role role, pid_t pid);
/* What is now ends with the process: for a slot whose process has gone. */
void counters_forget_gauges(struct counter_slot *slot);

struct counters_process {
	unsigned slot;
	enum role role;
	pid_t pid;
};
/* The processes that run, by slot; at most `room`. */
size_t counters_processes(const struct counters *counters,
			  struct counters_process *list_r, size_t room);
/* When the master started: wall clock, milliseconds since the epoch. */
int64_t counters_started_ms(const struct counters *counters);
/* How long ago that is, whatever was done to the wall clock since. */
int64_t counters_uptime_ms(const struct counters *counters);

/* Over all slots: of one cell, and of `count` cells from `first` on. */
uint64_t counters_sum(const struct counters *counters, enum counter cell);
uint64_t counters_sum_all(const struct counters *counters,
			  enum counter first, unsigned count);
/* The highest value of that cell in any slot. */
uint64_t counters_highest(const struct counters *counters,
			  enum counter cell);
/* All sums as logfmt pairs or JSON members, whichever the log wants. */
void counters_print(const struct counters *counters, struct buf *out);

static inline void counter_add(struct counter_slot *slot, enum counter cell,
			       uint64_t n)
{
	atomic_fetch_add_explicit(&slot->value[cell], n, memory_order_relaxed);
}

/* To the `index`-th value of its label. */
static inline void counter_add_at(struct counter_slot *slot,
				  enum counter first, unsigned index,
				  uint64_t n)
{
	counter_add(slot, (enum counter)(first + index), n);
}

static inline void counter_set(struct counter_slot *slot, enum counter cell,
			       uint64_t n)
{
	atomic_store_explicit(&slot->value[cell], n, memory_order_relaxed);
}

/* Of the `index`-th value of its label. */
static inline void counter_set_at(struct counter_slot *slot,
				  enum counter first, unsigned index,
				  uint64_t n)
{
	counter_set(slot, (enum counter)(first + index), n);
}

/* The upper bounds of the buckets, in microseconds. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS];
/* One that took so long, in the histogram of the label's `index`-th value. */
void histogram_add(struct counter_slot *slot, enum counter first,
		   unsigned index, int64_t us);

#endif
