/*
 * Figures in one line: how often each status came, first tries, passes,
 * refusals; microseconds in all, calls per second, the middle, 99th
 * percentile and longest of the calls, and the process's CPU per call.
 */
#include "tests/milter/store/store_load.h"
#include "common/base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS_MAX 256

struct figures {
	uint64_t status[4];
	uint64_t first, pass, over;
};

struct runner {
	const struct store_load *load;
	unsigned number;
	struct figures figures;
	int64_t *us; /* of each call */
};

static void one_try(struct runner *r, unsigned i, int64_t deadline_ms)
{
	const struct store_load *load = r->load;
	bool same = load->kind == STORE_LOAD_SAME;
	char sender[120], rcpt[120];
	int n = snprintf(sender, sizeof(sender), "s%u.%u@%s.example",
			 same ? 0 : r->number, i, load->name);
	int m = snprintf(rcpt, sizeof(rcpt), "recipient@%s.example",
			 load->name);
	struct slice to = {rcpt, (size_t)m};
	struct greylist_try attempt = {
		.sender = {sender, (size_t)n},
		.rcpts = &to,
		.rcpt_count = 1,
		.origins = {SLICE("192.0.2.0/24")},
		.origin_count = 1,
		.record_id = SLICE("0123456789abcdef"),
		.delay_ms = 300000,
		.window_ms = 86400000,
		.lifetime_ms = 36 * 86400000LL,
	};
	struct greylist_answer answer;
	enum store_status status =
		store_greylist(load->store, &attempt, deadline_ms, &answer);

	r->figures.status[status]++;
	if (status == STORE_DONE && answer.pass)
		r->figures.pass++;
	else if (status == STORE_DONE && answer.first)
		r->figures.first++;
}

static void one_rate(struct runner *r, int64_t deadline_ms)
{
	const struct store_load *load = r->load;
	struct rate rate = {SLICE("load"), load->limit, 1, 3600000};
	struct rate_answer answer;
	enum store_status status = store_rate(
		load->store,
		&(struct rate_ask){slice_cstr(load->name), &rate, 1, true},
		deadline_ms, &answer);

	r->figures.status[status]++;
	if (status == STORE_DONE && answer.over)
		r->figures.over++;
}

static void one_trust(struct runner *r, int64_t deadline_ms)
{
	int64_t good;

	r->figures.status[store_trust(r->load->store,
				      slice_cstr(r->load->name), deadline_ms,
				      &good)]++;
}

static void *run(void *argument)
{
	struct runner *r = argument;

	for (unsigned i = 0; i < r->load->count; i++) {
		int64_t start_us = clock_mono_us();
		int64_t deadline_ms = store_deadline(r->load->store);

		if (r->load->kind == STORE_LOAD_RATE)
			one_rate(r, deadline_ms);
		else if (r->load->kind == STORE_LOAD_TRUST)
			one_trust(r, deadline_ms);
		else
			one_try(r, i, deadline_ms);
		r->us[i] = clock_mono_us() - start_us;
		if (r->load->pause_us > 0)
			usleep((useconds_t)r->load->pause_us);
	}
	return NULL;
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void print(const struct figures *f, int64_t *us, size_t n,
		  int64_t all_us, int64_t all_cpu_us)
{
	qsort(us, n, sizeof(us[0]), compare);
	printf("done=%" PRIu64 " late=%" PRIu64 " down=%" PRIu64
	       " failed=%" PRIu64 " first=%" PRIu64 " pass=%" PRIu64
	       " over=%" PRIu64,
	       f->status[STORE_DONE], f->status[STORE_LATE],
	       f->status[STORE_DOWN], f->status[STORE_FAILED], f->first,
	       f->pass, f->over);
	printf(" us=%" PRId64 " per_s=%" PRId64 " p50_us=%" PRId64
	       " p99_us=%" PRId64 " max_us=%" PRId64 " cpu_ns=%" PRId64 "\n",
	       all_us, (int64_t)n * 1000000 / (all_us ? all_us : 1), us[n / 2],
	       us[n * 99 / 100], us[n - 1], all_cpu_us * 1000 / (int64_t)n);
}

static void add(struct figures *sum, const struct figures *f)
{
	for (int i = 0; i < 4; i++)
		sum->status[i] += f->status[i];
	sum->first += f->first;
	sum->pass += f->pass;
	sum->over += f->over;
}

void store_load_run(const struct store_load *load)
{
	unsigned threads = load->threads < THREADS_MAX ? load->threads
						       : THREADS_MAX;
	size_t n = (size_t)threads * load->count;
	struct runner runners[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	int64_t *us = calloc(n + 1, sizeof(us[0]));
	int64_t start_us = clock_mono_us(), start_cpu_us = cpu_us();
	struct figures sum = {.first = 0};

	for (unsigned i = 0; i < threads; i++) {
		runners[i] = (struct runner){
			.load = load,
			.number = i,
			.us = us + (size_t)i * load->count,
		};
		if (pthread_create(&ids[i], NULL, run, &runners[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		add(&sum, &runners[i].figures);
	}
	print(&sum, us, n, clock_mono_us() - start_us,
	      cpu_us() - start_cpu_us);
	free(us);
}
