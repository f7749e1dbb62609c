/* Counters in a memory file; every access is a relaxed atomic. */
#include "milter/daemon/counters.h"
#include "common/base/clock.h"
#include "milter/daemon/counters_head.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Slots begin on a page of their own. */
#define HEAD_BYTES \
	((sizeof(struct counters_head) + 4095) / (size_t)4096 * (size_t)4096)
#define BYTES (HEAD_BYTES + COUNTERS_SLOTS * sizeof(struct counter_slot))

const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS] = {
	1000, 5000, 20000, 100000, 500000, 2000000, 10000000, 40000000};

const char *role_word(enum role role)
{
	static const char *const words[ROLES] = {
		[ROLE_WORKER] = "worker",
		[ROLE_RECORDER] = "recorder",
		[ROLE_SCANNER] = "scanner",
		[ROLE_MASTER] = "master",
	};

	return words[role];
}

int counters_attach(struct counters *counters_r, int fd, struct err *err)
{
	char *map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);

	if (map == MAP_FAILED)
		return err_set(err, "cannot map the counters: %s",
			       strerror(errno));
	*counters_r = (struct counters){
		.head = (struct counters_head *)(void *)map,
		.slots = (struct counter_slot *)(void *)(map + HEAD_BYTES),
		.fd = fd,
	};
	return 0;
}

int counters_make(struct counters *counters_r, struct err *err)
{
	int fd = memfd_create("gatepost-counters", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)BYTES) != 0)
		return err_set(err, "cannot make the counters: %s",
			       strerror(errno));
	if (counters_attach(counters_r, fd, err) < 0)
		return -1;
	counters_r->head->started_ms = clock_wall_us() / 1000;
	counters_r->head->started_mono_ms = clock_mono_ms();
	counters_enter(counters_r, COUNTERS_MASTER, ROLE_MASTER, getpid());
	return 0;
}

void counters_free(struct counters *counters)
{
	munmap(counters->head, BYTES);
	close(counters->fd);
	*counters = (struct counters){.fd = -1};
}

static unsigned slots_used(const struct counters *counters)
{
	unsigned used = atomic_load_explicit(&counters->head->slots_used,
					     memory_order_acquire);

	return used < COUNTERS_SLOTS ? used : COUNTERS_SLOTS;
}

struct counter_slot *counters_enter(const struct counters *counters,
				    unsigned slot, enum role role, pid_t pid)
{
	struct counter_slot *mine = &counters->slots[slot];
	unsigned used = slots_used(counters);

	atomic_store_explicit(&mine->role, (int)role, memory_order_relaxed);
	atomic_store_explicit(&mine->pid, (int)pid, memory_order_release);
	while (used <= slot && !atomic_compare_exchange_weak(
				       &counters->head->slots_used, &used,
				       slot + 1))
		;
	return mine;
}

void counters_forget_gauges(struct counter_slot *slot)
{
	atomic_store_explicit(&slot->pid, 0, memory_order_relaxed);
	for (int i = GAUGE_FIRST; i < COUNTER_COUNT; i++)
		counter_set(slot, (enum counter)i, 0);
}

size_t counters_processes(const struct counters *counters,
			  struct counters_process *list_r, size_t room)
{
	unsigned used = slots_used(counters);
	size_t n = 0;

	for (unsigned i = 0; i < used && n < room; i++) {
		const struct counter_slot *slot = &counters->slots[i];
		int pid = atomic_load_explicit(&slot->pid,
					       memory_order_acquire);
		int role = atomic_load_explicit(&slot->role,
						memory_order_relaxed);

		if (pid > 0 && role >= 0 && role < ROLES)
			list_r[n++] = (struct counters_process){
				i, (enum role)role, pid};
	}
	return n;
}

int64_t counters_started_ms(const struct counters *counters)
{
	return counters->head->started_ms;
}

int64_t counters_uptime_ms(const struct counters *counters)
{
	return clock_mono_ms() - counters->head->started_mono_ms;
}

uint64_t counters_sum(const struct counters *counters, enum counter cell)
{
	unsigned used = slots_used(counters);
	uint64_t sum = 0;

	for (unsigned i = 0; i < used; i++)
		sum += atomic_load_explicit(&counters->slots[i].value[cell],
					    memory_order_relaxed);
	return sum;
}

uint64_t counters_sum_all(const struct counters *counters, enum counter first,
			  unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += counters_sum(counters, (enum counter)(first + i));
	return sum;
}

uint64_t counters_highest(const struct counters *counters, enum counter cell)
{
	unsigned used = slots_used(counters);
	uint64_t highest = 0;

	for (unsigned i = 0; i < used; i++) {
		uint64_t value =
			atomic_load_explicit(&counters->slots[i].value[cell],
					     memory_order_relaxed);

		highest = value > highest ? value : highest;
	}
	return highest;
}

void histogram_add(struct counter_slot *slot, enum counter first,
		   unsigned index, int64_t us)
{
	enum counter base = (enum counter)(first + index * HISTOGRAM_CELLS);
	unsigned bucket = 0;

	while (bucket < HISTOGRAM_BUCKETS && us > histogram_bounds_us[bucket])
		bucket++;
	counter_add_at(slot, base, bucket, 1);
	/* A clock that was set back must not make a total fall. */
	counter_add_at(slot, base, HISTOGRAM_SUM, us > 0 ? (uint64_t)us : 0);
}
