/* Counters in a memory file; every access is a relaxed atomic. */
#include "milter/daemon/counters.h"
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES (COUNTERS_SLOTS * sizeof(struct counter_slot))

static const char *const words[COUNTER_COUNT] = {
	[COUNTER_SESSIONS] = "sessions",
	[COUNTER_SESSIONS_REFUSED] = "sessions_refused",
	[COUNTER_MESSAGES] = "messages",
	[COUNTER_ACCEPT] = "accept",
	[COUNTER_TAG] = "tag",
	[COUNTER_REJECT] = "reject",
	[COUNTER_TEMPFAIL] = "tempfail",
	[COUNTER_GREYLIST] = "greylist",
	[COUNTER_RATELIMIT] = "ratelimit",
	[COUNTER_ABORTED] = "aborted",
	[COUNTER_UNANSWERED] = "unanswered",
	[COUNTER_BYTES] = "bytes",
	[COUNTER_DNS_ASKED] = "dns_asked",
	[COUNTER_DNS_CACHED] = "dns_cached",
	[COUNTER_DNS_COALESCED] = "dns_coalesced",
	[COUNTER_DNS_FAILED] = "dns_failed",
	[COUNTER_DNS_REFUSED] = "dns_refused",
	[COUNTER_STORE_ASKED] = "store_asked",
	[COUNTER_STORE_LATE] = "store_late",
	[COUNTER_STORE_FAILED] = "store_failed",
	[COUNTER_STORE_SKIPPED] = "store_skipped",
	[COUNTER_STORE_DOWNS] = "store_downs",
	[COUNTER_STARTS] = "worker_starts",
	[COUNTER_CRASHES] = "worker_crashes",
	[GAUGE_SESSIONS] = "sessions_now",
	[GAUGE_WAITING] = "waiting_now",
};

const char *counter_word(enum counter which)
{
	return words[which];
}

int counters_attach(struct counters *counters_r, int fd, struct err *err)
{
	void *map =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return err_set(err, "cannot map the counters: %s",
			       strerror(errno));
	*counters_r = (struct counters){.slots = map, .fd = fd};
	return 0;
}

int counters_make(struct counters *counters_r, struct err *err)
{
	int fd = memfd_create("gatepost-counters", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, BYTES) != 0)
		return err_set(err, "cannot make the counters: %s",
			       strerror(errno));
	return counters_attach(counters_r, fd, err);
}

uint64_t counters_sum(const struct counters *counters, enum counter which)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNTERS_SLOTS; i++)
		sum += atomic_load_explicit(&counters->slots[i].value[which],
					    memory_order_relaxed);
	return sum;
}

void counters_forget_gauges(struct counter_slot *slot)
{
	for (int i = GAUGE_FIRST; i < COUNTER_COUNT; i++)
		counter_set(slot, (enum counter)i, 0);
}

void counters_print(const struct counters *counters, struct buf *out)
{
	bool json = log_format() == LOG_FORMAT_JSON;

	for (int i = 0; i < COUNTER_COUNT; i++) {
		uint64_t sum = counters_sum(counters, (enum counter)i);

		if (i > 0)
			buf_add_char(out, json ? ',' : ' ');
		if (json)
			buf_printf(out, "\"%s\":%" PRIu64, words[i], sum);
		else
			buf_printf(out, "%s=%" PRIu64, words[i], sum);
	}
}
