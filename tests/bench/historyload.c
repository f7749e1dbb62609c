/*
 * historyload: fills a history with so many records, in batches, as the
 * recorder would, and says how many a second and what CPU time they cost;
 * then asks for each kind of thing, some times over, and says how long that
 * took. The file is removed afterwards.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/verdict/wire.h"
#include "milter/store/history.h"
#include "tests/bench/historymix.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAX 10000
#define DIFFERENT 8192 /* batches are made ahead, so as not to be measured */
#define ROUNDS 20
#define FOREVER_MS 3600000

struct load {
	const char *folder;
	uint64_t records, batch, keep;
	double rate; /* a second; 0: as fast as it goes */
	char path[4096];
	int64_t begun_ms; /* the first record's time */
	struct history *history;
};

static _Noreturn void die(const struct err *err)
{
	fprintf(stderr, "historyload: %s\n", err->text);
	exit(1);
}

static double cpu_us(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Ten records a second of the time that they tell of. */
static int64_t time_of(const struct load *load, uint64_t number)
{
	return load->begun_ms + (int64_t)number * 100;
}

static double megabytes(const char *path, const char *end)
{
	char name[4200];
	struct stat found;

	snprintf(name, sizeof(name), "%s%s", path, end);
	return stat(name, &found) < 0 ? 0 : (double)found.st_size / 1e6;
}

static void prune(struct load *load, int64_t now_ms)
{
	struct history_news news;
	struct err err;
	int rc;

	do {
		rc = history_prune(load->history, now_ms,
				   clock_mono_ms() + FOREVER_MS, &news, &err);
		if (rc < 0)
			die(&err);
	} while (rc > 0);
}

struct sums {
	double us, cpu_us, longest_us, bytes, wal;
	double prune_us;
	uint64_t terms;
};

static void add_batch(struct load *load, const struct slice *packed,
		      size_t count, struct sums *sums)
{
	struct history_news news;
	struct err err;
	unsigned bad;
	int64_t begun_us = clock_mono_us();
	double cpu = cpu_us(RUSAGE_SELF), us;

	if (history_add(load->history, packed, count,
			clock_mono_ms() + FOREVER_MS, &bad, &news, &err) < 0)
		die(&err);
	us = (double)(clock_mono_us() - begun_us);
	sums->us += us;
	sums->cpu_us += cpu_us(RUSAGE_SELF) - cpu;
	if (us > sums->longest_us)
		sums->longest_us = us;
	if (sums->wal < megabytes(load->path, "-wal"))
		sums->wal = megabytes(load->path, "-wal");
}

static size_t make_batch(const struct load *load, uint64_t from,
			 struct arena *arena, struct slice *packed,
			 struct sums *sums)
{
	size_t n = 0;

	for (; n < load->batch && from + n < load->records; n++) {
		struct record record;
		struct buf buf = BUF(arena);

		historymix_make(arena, from + n, time_of(load, from + n),
				&record);
		record_pack(&buf, &record);
		packed[n] = buf_slice(&buf);
		sums->bytes += (double)buf.n;
	}
	return n;
}

static void pace(const struct load *load, int64_t begun_us, uint64_t done)
{
	int64_t due_us;

	if (load->rate <= 0)
		return;
	due_us = begun_us + (int64_t)((double)done / load->rate * 1e6);
	if (due_us > clock_mono_us())
		usleep((useconds_t)(due_us - clock_mono_us()));
}

static void fill(struct load *load)
{
	static struct slice packed[BATCH_MAX];
	struct arena *arena = arena_new(1 << 20);
	struct sums sums = {0};
	struct history_size size;
	struct err err;
	int64_t begun_us = clock_mono_us();
	double background, making = 0;

	background = cpu_us(RUSAGE_SELF);
	for (uint64_t done = 0; done < load->records;) {
		double before = cpu_us(RUSAGE_THREAD);
		size_t n;

		arena_reset(arena);
		n = make_batch(load, done, arena, packed, &sums);
		making += cpu_us(RUSAGE_THREAD) - before;
		pace(load, begun_us, done);
		add_batch(load, packed, n, &sums);
		done += n;
		if (load->keep && done / load->keep != (done - n) / load->keep)
			prune(load, time_of(load, done));
	}
	arena_free(&arena);
	background = cpu_us(RUSAGE_SELF) - background - making;
	if (history_size(load->history, &size, &err) < 0)
		die(&err);
	printf("records %llu in batches of %llu, %.0f bytes each\n",
	       (unsigned long long)load->records,
	       (unsigned long long)load->batch,
	       sums.bytes / (double)load->records);
	printf("added_per_second %.0f (while adding)\n",
	       (double)load->records / sums.us * 1e6);
	printf("overall_per_second %.0f (making them, too)\n",
	       (double)load->records / (double)(clock_mono_us() - begun_us) *
		       1e6);
	printf("cpu_us_per_record %.1f (all threads, but for making them)\n",
	       background / (double)load->records);
	printf("longest_batch_ms %.1f\nlargest_log_mb %.1f\n",
	       sums.longest_us / 1000, sums.wal);
	printf("file_mb %.1f in_use_mb %.1f bytes_per_record %.0f\n",
	       megabytes(load->path, ""), (double)size.bytes / 1e6,
	       (double)size.bytes / (double)(size.records ? size.records : 1));
}

/* ---- asking ---- */

struct ask {
	const char *name;
	struct history_filter filters[3];
	size_t count;
};

static double time_one(struct history *h, const struct ask *ask, bool oldest,
		       size_t *rows_r)
{
	struct history_query query = {
		.filters = ask->filters,
		.filter_count = ask->count,
		.oldest_first = oldest,
		.limit = 100,
		.deadline_ms = clock_mono_ms() + FOREVER_MS,
	};
	struct arena *arena = arena_new(1 << 20);
	struct history_row *rows;
	struct err err;
	int64_t begun_us = clock_mono_us();

	if (history_search(h, arena, &query, &rows, rows_r, &err) < 0)
		die(&err);
	arena_free(&arena);
	return (double)(clock_mono_us() - begun_us) / 1000;
}

static void print_asked(struct history *h, const struct ask *ask)
{
	double first = 0, most = 0, sum = 0, oldest;
	size_t rows;

	for (int i = 0; i < ROUNDS; i++) {
		double ms = time_one(h, ask, false, &rows);

		if (i == 0)
			first = ms;
		else if (ms > most)
			most = ms;
		sum += ms;
	}
	oldest = time_one(h, ask, true, &rows);
	printf("%-34s %5zu %9.2f %9.2f %9.2f %9.2f\n", ask->name, rows, first,
	       sum / ROUNDS, most, oldest);
}

#define ONE(title, k, v)                 \
	{                                \
		(title), {{(k), (v)}}, 1 \
	}
#define TWO(title, k, v, k2, v2)                       \
	{                                              \
		(title), {{(k), (v)}, {(k2), (v2)}}, 2 \
	}

static void ask_all(struct load *load)
{
	struct arena *arena = arena_new(0);
	struct record r;
	struct err err;
	struct history *h = history_read(load->path, &err);

	if (!h)
		die(&err);
	historymix_make(arena, load->records / 3,
			time_of(load, load->records / 3), &r);
	const struct ask asks[] = {
		{"(none)", {{0}}, 0},
		ONE("id", HISTORY_ID, r.id),
		ONE("queue id", HISTORY_QUEUE, r.queue_id),
		ONE("message-id", HISTORY_MESSAGE_ID, r.message_id),
		ONE("story", HISTORY_STORY, history_story(arena, &r)),
		ONE("sender, some", HISTORY_SENDER, r.sender),
		ONE("sender, many", HISTORY_SENDER,
		    SLICE("sender.0@mail0.example.org")),
		ONE("sender, rare", HISTORY_SENDER,
		    SLICE("sender.49990@mail1990.example.org")),
		ONE("sender, none", HISTORY_SENDER, SLICE("no@such.example")),
		ONE("sender domain", HISTORY_SENDER,
		    SLICE("mail7.example.org")),
		ONE("recipient", HISTORY_RECIPIENT, r.rcpts[0]),
		ONE("recipient domain", HISTORY_RECIPIENT,
		    SLICE("own3.example")),
		ONE("client address", HISTORY_CLIENT, r.client),
		ONE("client network", HISTORY_CLIENT, SLICE("11.0.0.0/24")),
		ONE("client name", HISTORY_CLIENT, r.client_name),
		ONE("user", HISTORY_USER, SLICE("user7@own.example")),
		ONE("action reject", HISTORY_ACTION, SLICE("reject")),
		ONE("direction out", HISTORY_DIRECTION, SLICE("out")),
		ONE("symbol, many", HISTORY_SYMBOL, SLICE("SPF_ALLOW")),
		ONE("symbol, rare", HISTORY_SYMBOL, SLICE("DMARC_REJECT")),
		TWO("sender domain + reject", HISTORY_SENDER,
		    SLICE("mail7.example.org"), HISTORY_ACTION,
		    SLICE("reject")),
		TWO("recipient + reject", HISTORY_RECIPIENT, r.rcpts[0],
		    HISTORY_ACTION, SLICE("reject")),
		TWO("user + tempfail", HISTORY_USER, SLICE("user7@own.example"),
		    HISTORY_ACTION, SLICE("tempfail")),
		TWO("sender domain + recipient domain", HISTORY_SENDER,
		    SLICE("mail7.example.org"), HISTORY_RECIPIENT,
		    SLICE("own3.example")),
		TWO("symbol, rare + tempfail", HISTORY_SYMBOL,
		    SLICE("DMARC_REJECT"), HISTORY_ACTION, SLICE("tempfail")),
		TWO("symbol, many + reject", HISTORY_SYMBOL, SLICE("SPF_ALLOW"),
		    HISTORY_ACTION, SLICE("reject")),
		TWO("in + user, none in common", HISTORY_DIRECTION, SLICE("in"),
		    HISTORY_USER, SLICE("user7@own.example")),
		TWO("client network + own domain", HISTORY_CLIENT,
		    SLICE("11.0.0.0/24"), HISTORY_RECIPIENT,
		    SLICE("own3.example")),
	};

	printf("\n%-34s %5s %9s %9s %9s %9s\n", "newest 100 of", "rows",
	       "first_ms", "mean_ms", "max_ms", "oldest_ms");
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		print_asked(h, &asks[i]);
	history_close(&h);
	arena_free(&arena);
}

static void count_all(struct load *load)
{
	static const struct {
		const char *name;
		enum history_key key;
	} keys[] = {{"action", HISTORY_ACTION},
		    {"symbol", HISTORY_SYMBOL},
		    {"sender", HISTORY_SENDER},
		    {"client", HISTORY_CLIENT}};
	struct err err;
	struct history *h = history_read(load->path, &err);
	int64_t last_ms = time_of(load, load->records);

	if (!h)
		die(&err);
	printf("\n%-10s %10s %10s\n", "top 10", "last_day", "all_ms");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct arena *arena = arena_new(0);
		struct history_count *counts;
		int64_t times[3];
		size_t n;

		times[0] = clock_mono_us();
		if (history_top(h, arena, keys[i].key, last_ms - 86400000, 0,
				10, &counts, &n, &err) < 0)
			die(&err);
		times[1] = clock_mono_us();
		if (history_top(h, arena, keys[i].key, 0, 0, 10, &counts, &n,
				&err) < 0)
			die(&err);
		times[2] = clock_mono_us();
		printf("%-10s %10.1f %10.1f\n", keys[i].name,
		       (double)(times[1] - times[0]) / 1000,
		       (double)(times[2] - times[1]) / 1000);
		arena_free(&arena);
	}
	history_close(&h);
}

/* When the first record of the file that is there was. */
static void find_begin(struct load *load)
{
	struct err err;
	struct history *h = history_read(load->path, &err);
	struct history_size size;

	if (!h || history_size(h, &size, &err) < 0)
		die(&err);
	load->begun_ms = size.oldest_ms;
	history_close(&h);
}

static void remove_file(const struct load *load)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[4200];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", load->path, ends[i]);
		unlink(name);
	}
}

static const char usage[] =
	"usage: historyload [options]\n"
	"  -d FOLDER   where the file is made (default .)\n"
	"  -n RECORDS  (default 100000)\n"
	"  -b BATCH    records in one transaction (default 1000)\n"
	"  -r RATE     records a second (default: as fast as it goes)\n"
	"  -k RECORDS  keep so many, and prune whenever so many came\n"
	"  -l          leave the file where it is\n"
	"  -u          use the file that is there: only ask\n";

int main(int argc, char **argv)
{
	static struct load load = {
		.folder = ".", .records = 100000, .batch = 1000};
	struct history_conf conf = {.enabled = true,
				    .keep = {INT64_MAX / 2},
				    .records = INT64_MAX,
				    .size = {INT64_MAX}};
	bool leave = false, use = false;
	struct err err;
	int option;

	while ((option = getopt(argc, argv, "d:n:b:r:k:lu")) != -1) {
		if (option == 'd')
			load.folder = optarg;
		else if (option == 'n')
			load.records = strtoull(optarg, NULL, 10);
		else if (option == 'b')
			load.batch = strtoull(optarg, NULL, 10);
		else if (option == 'r')
			load.rate = strtod(optarg, NULL);
		else if (option == 'k')
			load.keep = strtoull(optarg, NULL, 10);
		else if (option == 'l')
			leave = true;
		else if (option == 'u')
			use = leave = true;
		else
			break;
	}
	if (option != -1 || load.batch - 1 >= BATCH_MAX) {
		fputs(usage, stderr);
		return 2;
	}
	log_open("historyload", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
		 LOG_LEVEL_WARN);
	if (load.keep)
		conf.records = (int64_t)load.keep;
	history_path(load.folder, load.path, sizeof(load.path));
	load.begun_ms = clock_wall_us() / 1000 - (int64_t)load.records * 100;
	if (!use) {
		load.history = history_open(load.path, &conf, &err);
		if (!load.history)
			die(&err);
		fill(&load);
		history_close(&load.history);
	}
	find_begin(&load);
	ask_all(&load);
	count_all(&load);
	if (!leave)
		remove_file(&load);
	return 0;
}
