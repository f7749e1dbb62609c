/*
 * A store as a command, for tests that bring their own servers.
 *
 *	store_ask [-s KEY=VALUE]... URL
 *
 * reads commands, one a line, and prints one line for each; what is asked
 * of the store begins with its status and the milliseconds it took.
 *
 *	wait MS			until it works: "up MS" or "down MS"
 *	greylist SENDER RCPTS ORIGINS DELAY WINDOW LIFETIME [ID]
 *				lists by comma; milliseconds; "<>" is empty
 *	trust DOMAIN
 *	note DOMAIN good|bad LIFETIME
 *	allowed NAMES
 *	rate SUBJECT NAME:LIMIT:AMOUNT:INTERVAL,... take|look
 *	list waiting|passed|all LIMIT [MATCH]
 *	release MATCH LIFETIME
 *	forget MATCH
 *	allow NAME
 *	names
 *	load first|same|rate|trust THREADS COUNT NAME [LIMIT [PAUSE_US]]
 *	clock BOOT MS		that boot, and so much later than it is
 *	stats
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/store/store.h"
#include "tests/milter/store/store_load.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 10
#define LIST_MAX 256
#define SETS_MAX 16

/* The clock that the tests move. */
struct moved {
	_Atomic uint64_t boot;
	_Atomic int64_t ms;
};

struct asker {
	struct store *store;
	struct moved moved;
	int64_t start_us;
};

static const char *const status_names[] = {
	[STORE_DONE] = "DONE",
	[STORE_LATE] = "LATE",
	[STORE_DOWN] = "DOWN",
	[STORE_FAILED] = "FAILED",
};

static void tell_time(void *with, struct store_time *now_r)
{
	const struct moved *moved = with;

	*now_r = (struct store_time){
		.boot = moved->boot,
		.uptime_ms = clock_mono_ms() + moved->ms,
		.wall_ms = clock_wall_us() / 1000 + moved->ms,
	};
}

static void print_status(const struct asker *a, enum store_status status)
{
	printf("%s ms=%" PRId64, status_names[status],
	       (clock_mono_us() - a->start_us) / 1000);
}

/* What the administrator's calls say. */
static void print_result(const struct asker *a, int64_t number,
			 const struct err *err)
{
	print_status(a, number < 0 ? STORE_FAILED : STORE_DONE);
	if (number < 0)
		printf(" %s\n", err->text);
	else
		printf(" n=%" PRId64 "\n", number);
}

static size_t split(const char *word, struct slice list[LIST_MAX])
{
	struct slice rest = slice_cstr(word);
	size_t n = 0;

	while (n < LIST_MAX && slice_next(&rest, ',', &list[n]))
		n++;
	return n;
}

static void greylist(struct asker *a, char *words[])
{
	struct slice rcpts[LIST_MAX], origins[LIST_MAX];
	struct greylist_answer answer;
	struct greylist_try attempt = {
		.sender = strcmp(words[1], "<>") == 0 ? SLICE_NONE
						      : slice_cstr(words[1]),
		.rcpts = rcpts,
		.rcpt_count = split(words[2], rcpts),
		.origin_count = split(words[3], origins),
		.record_id = slice_cstr(words[7] ? words[7] : "id"),
		.delay_ms = atoll(words[4]),
		.window_ms = atoll(words[5]),
		.lifetime_ms = atoll(words[6]),
	};
	enum store_status status;

	for (size_t i = 0; i < GREYLIST_ORIGINS_MAX; i++)
		attempt.origins[i] = origins[i];
	status = store_greylist(a->store, &attempt, store_deadline(a->store),
				&answer);
	print_status(a, status);
	if (status == STORE_DONE)
		printf(" pass=%d known=%d first=%d wait=%" PRId64
		       " age=%" PRId64,
		       answer.pass, answer.known, answer.first, answer.wait_ms,
		       answer.age_ms);
	putchar('\n');
}

static void trust(struct asker *a, char *words[])
{
	int64_t good = 0;
	enum store_status status =
		store_trust(a->store, slice_cstr(words[1]),
			    store_deadline(a->store), &good);

	print_status(a, status);
	printf(" good=%" PRId64 "\n", good);
}

static void note(struct asker *a, char *words[])
{
	store_note(a->store, slice_cstr(words[1]),
		   strcmp(words[2], "good") == 0, atoll(words[3]));
	puts("noted");
}

static void allowed(struct asker *a, char *words[])
{
	struct slice names[LIST_MAX];
	int index = -1;
	enum store_status status =
		store_allowed(a->store, names, split(words[1], names),
			      store_deadline(a->store), &index);

	print_status(a, status);
	printf(" index=%d\n", index);
}

static void read_rate(struct slice text, struct rate *rate)
{
	uint64_t numbers[3] = {1, 1, 1000};
	struct slice word;

	slice_next(&text, ':', &rate->name);
	for (int i = 0; i < 3 && slice_next(&text, ':', &word); i++)
		slice_to_u64(word, &numbers[i]);
	rate->limit = (int64_t)numbers[0];
	rate->amount = (int64_t)numbers[1];
	rate->interval_ms = (int64_t)numbers[2];
}

static void rate(struct asker *a, char *words[])
{
	struct slice list[LIST_MAX];
	struct rate rates[RATES_MAX] = {{.limit = 0}};
	struct rate_answer answer;
	size_t count = split(words[2], list);
	enum store_status status;

	for (size_t i = 0; i < count && i < RATES_MAX; i++)
		read_rate(list[i], &rates[i]);
	status = store_rate(a->store,
			    &(struct rate_ask){slice_cstr(words[1]), rates,
					       count,
					       strcmp(words[3], "take") == 0},
			    store_deadline(a->store), &answer);
	print_status(a, status);
	if (status == STORE_DONE)
		printf(" over=%d which=%zu wait=%" PRId64 " used=%" PRId64
		       " refused=%" PRId64,
		       answer.over, answer.which, answer.wait_ms, answer.used,
		       answer.refused);
	putchar('\n');
}

static void list(struct asker *a, char *words[])
{
	struct arena *arena = arena_new(0);
	struct greylist_filter filter = {
		.waiting = strcmp(words[1], "waiting") == 0,
		.passed = strcmp(words[1], "passed") == 0,
		.match = words[3] ? slice_cstr(words[3]) : SLICE_NONE,
	};
	struct greylist_list found = {.count = 0};
	struct err err;
	int rc = store_greylist_list(a->store, arena, &filter,
				     (size_t)atoll(words[2]), &found, &err);

	if (rc < 0) {
		print_result(a, -1, &err);
		arena_free(&arena);
		return;
	}
	print_status(a, STORE_DONE);
	printf(" n=%zu cut=%d", found.count, found.cut);
	for (size_t i = 0; i < found.count; i++) {
		const struct greylist_entry *e = &found.entries[i];

		printf(" %.*s|%.*s|%.*s|%.*s|%.*s|%s|%" PRId64 "|%" PRId64
		       "|%" PRId64 "|%" PRId64 "|%" PRId64,
		       SLICE_FMT(e->key), SLICE_FMT(e->sender),
		       SLICE_FMT(e->rcpt), SLICE_FMT(e->origin),
		       SLICE_FMT(e->record_id), e->passed ? "passed" : "waiting",
		       e->age_ms, e->idle_ms, e->wait_ms, e->left_ms, e->tries);
	}
	putchar('\n');
	arena_free(&arena);
}

static void names(struct asker *a, char *words[])
{
	struct arena *arena = arena_new(0);
	struct slice *found;
	struct err err;
	size_t count = 0;
	int rc = store_allow_list(a->store, arena, &found, &count, &err);

	(void)words;
	if (rc < 0) {
		print_result(a, -1, &err);
		arena_free(&arena);
		return;
	}
	print_status(a, STORE_DONE);
	for (size_t i = 0; i < count; i++)
		printf(" %.*s", SLICE_FMT(found[i]));
	putchar('\n');
	arena_free(&arena);
}

static void release(struct asker *a, char *words[])
{
	struct err err;
	int64_t n = store_greylist_release(a->store, slice_cstr(words[1]),
					   atoll(words[2]), &err);

	print_result(a, n, &err);
}

static void forget(struct asker *a, char *words[])
{
	struct err err;
	int64_t n = store_greylist_forget(a->store, slice_cstr(words[1]), &err);

	print_result(a, n, &err);
}

static void allow(struct asker *a, char *words[])
{
	struct err err;
	int n = store_allow(a->store, slice_cstr(words[1]), &err);

	print_result(a, n, &err);
}

static void load(struct asker *a, char *words[])
{
	static const char *const kinds[] = {"first", "same", "rate", "trust"};
	struct store_load run = {
		.store = a->store,
		.threads = (unsigned)atoi(words[2]),
		.count = (unsigned)atoi(words[3]),
		.name = words[4],
		.limit = words[5] ? atoll(words[5]) : 1000000000,
		.pause_us = words[5] && words[6] ? atoll(words[6]) : 0,
	};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(kinds[i], words[1]) == 0)
			run.kind = (enum store_load_kind)i;
	}
	store_load_run(&run);
}

static void move_clock(struct asker *a, char *words[])
{
	a->moved.boot = strtoull(words[1], NULL, 10);
	a->moved.ms = atoll(words[2]);
	puts("moved");
}

static void wait_up(struct asker *a, char *words[])
{
	int64_t until_ms = clock_mono_ms() + atoll(words[1]);
	int64_t good;
	bool up = false;

	/* It counts as up before it was first tried. */
	while (!up && clock_mono_ms() < until_ms) {
		up = store_trust(a->store, SLICE("wait.example"),
				 store_deadline(a->store),
				 &good) == STORE_DONE;
		if (!up)
			usleep(10000);
	}
	printf("%s ms=%" PRId64 "\n", up ? "up" : "down",
	       (clock_mono_us() - a->start_us) / 1000);
}

static void stats(struct asker *a, char *words[])
{
	struct store_stats s;

	(void)words;
	store_stats(a->store, &s);
	printf("asked=%" PRIu64 " done=%" PRIu64 " late=%" PRIu64
	       " failed=%" PRIu64 " skipped=%" PRIu64 " downs=%" PRIu64
	       " up=%d\n",
	       s.asked, s.done, s.late, s.failed, s.skipped, s.downs,
	       store_is_up(a->store));
}

static const struct {
	const char *name;
	int words; /* at least, after the name */
	void (*run)(struct asker *a, char *words[]);
} commands[] = {
	{"wait", 1, wait_up},	  {"greylist", 6, greylist},
	{"trust", 1, trust},	  {"note", 3, note},
	{"allowed", 1, allowed},  {"rate", 3, rate},
	{"list", 2, list},	  {"release", 2, release},
	{"forget", 1, forget},	  {"allow", 1, allow},
	{"names", 0, names},	  {"load", 4, load},
	{"clock", 2, move_clock}, {"stats", 0, stats},
};

static void command(struct asker *a, char *line)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = line;
	int n = 0;

	while (n < WORDS_MAX && (words[n] = strtok_r(n ? NULL : line, " \n",
						     &rest)))
		n++;
	if (n == 0)
		return;
	a->start_us = clock_mono_us();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words[0]) != 0 ||
		    n <= commands[i].words)
			continue;
		commands[i].run(a, words);
		fflush(stdout);
		return;
	}
	printf("store_ask: cannot read %s\n", words[0]);
	fflush(stdout);
}

static struct conf *read_options(int argc, char **argv, char *url,
				 size_t room)
{
	static const struct settings_group *const groups[] = {
		&store_settings, &state_settings, NULL};
	const char *sets[SETS_MAX + 2] = {NULL};
	size_t n = 0;
	struct err err;
	struct conf *conf;
	int option;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's' || n == SETS_MAX)
			exit(2);
		sets[n++] = optarg;
	}
	if (optind + 1 != argc)
		exit(2);
	snprintf(url, room, "store=%s", argv[optind]);
	sets[n] = url;
	conf = conf_load(groups, NULL, sets, &err);
	if (!conf) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return conf;
}

int main(int argc, char **argv)
{
	struct asker a = {.moved = {.boot = 1}};
	char url[1024], *line = NULL;
	struct conf *conf = read_options(argc, argv, url, sizeof(url));
	struct store_options options = {
		.conf = conf, .clock = tell_time, .clock_with = &a.moved};
	struct err err;
	size_t room = 0;

	log_open("store_ask", LOG_TARGET_STDERR, LOG_FORMAT_LOGFMT,
		 LOG_LEVEL_INFO);
	a.store = store_new(&options, &err);
	if (!a.store) {
		fprintf(stderr, "%s\n", err.text);
		conf_free(&conf);
		return 1;
	}
	while (getline(&line, &room, stdin) > 0)
		command(&a, line);
	free(line);
	store_free(&a.store);
	conf_free(&conf);
	return 0;
}
