/*
 * A case is a list of steps, each a call at a time and what must come of
 * it, in words. '#' in any text becomes a word that no other run and case
 * has, so that stores that keep what they were told can be used again.
 */
#include "tests/support/store_cases.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "tests/support/cmocka.h"
#include "tests/support/store_case_table.h"
#include "tests/support/store_crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_UP_MS 3600000	    /* a multiple of all intervals used */
#define START_WALL_MS 1750003200000 /* this as well */
#define WORD 48
#define RCPTS_MAX 32
#define DELAY_MS 300000
#define WINDOW_MS 86400000
#define LIFETIME_MS 3110400000

struct bench {
	const struct store_place *place;
	struct arena *arena;
	struct store_test_clock clock;
	struct store *store;
	const struct store_case *running;
	char word[WORD]; /* what '#' becomes */
	int64_t now_s;
};

void store_test_clock_set(struct store_test_clock *clock)
{
	clock->boot = 1001;
	clock->uptime_ms = START_UP_MS;
	clock->wall_ms = START_WALL_MS;
}

static void read_clock(void *with, struct store_time *now_r)
{
	struct store_test_clock *clock = with;

	now_r->boot = clock->boot;
	now_r->uptime_ms = clock->uptime_ms;
	now_r->wall_ms = clock->wall_ms;
}

static struct conf *configure(const struct store_place *place)
{
	static const struct settings_group *const groups[] = {
		&store_settings, &state_settings, NULL};
	const char *sets[32] = {NULL, "state.timeout=5s"};
	char url[600];
	struct err err;
	struct conf *conf;
	size_t n = 2;

	snprintf(url, sizeof(url), "store=%s", place->url);
	sets[0] = url;
	for (size_t i = 0; place->sets && place->sets[i] && n < 31; i++)
		sets[n++] = place->sets[i];
	conf = conf_load(groups, NULL, sets, &err);
	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

struct store *store_cases_open(const struct store_place *place,
			       struct store_test_clock *clock)
{
	struct conf *conf = configure(place);
	struct store_options options = {
		.conf = conf,
		.state_dir = place->state_dir,
		.clock = clock ? read_clock : NULL,
		.clock_with = clock,
	};
	struct err err = {""};
	struct store *store = store_new(&options, &err);

	if (!store)
		fail_msg("%s", err.text);
	conf_free(&conf);
	return store;
}

static struct slice expand(struct bench *b, const char *text)
{
	struct buf out = BUF(b->arena);

	for (; text && *text; text++) {
		if (*text == '#')
			buf_add_text(&out, b->word);
		else
			buf_add_char(&out, *text);
	}
	buf_add_char(&out, '\0');
	return (struct slice){out.p, out.n - 1};
}

/* "a,b,c": at most `max`. */
static size_t split(struct bench *b, const char *text, struct slice *list_r,
		    size_t max)
{
	struct slice rest = expand(b, text), piece;
	size_t n = 0;

	while (n < max && slice_next(&rest, ',', &piece))
		list_r[n++] = piece;
	return n;
}

static int64_t number(struct slice text)
{
	uint64_t value;

	assert_true(slice_to_u64(text, &value));
	return (int64_t)value;
}

/* Seconds, with thousandths if there are any. */
static void add_time(struct buf *out, const char *name, int64_t ms)
{
	if (ms % 1000 == 0)
		buf_printf(out, " %s=%lld", name, (long long)ms / 1000);
	else
		buf_printf(out, " %s=%lldms", name, (long long)ms);
}

static int64_t deadline(struct bench *b)
{
	return store_deadline(b->store);
}

static struct slice failed(struct bench *b, enum store_status status)
{
	return arena_printf(b->arena, "FAILED: %s", store_status_words(status));
}

static struct greylist_try make_try(struct bench *b,
				    const struct store_step *step,
				    struct slice rcpts[RCPTS_MAX])
{
	struct greylist_try attempt = {
		.sender = expand(b, step->a),
		.rcpts = rcpts,
		.rcpt_count = split(b, step->b, rcpts, RCPTS_MAX),
		.record_id = arena_printf(b->arena, "record%lld",
					  (long long)b->now_s),
		.delay_ms = DELAY_MS,
		.window_ms = WINDOW_MS,
		.lifetime_ms = LIFETIME_MS,
	};

	attempt.origin_count =
		split(b, step->c, attempt.origins, GREYLIST_ORIGINS_MAX);
	return attempt;
}

static struct slice do_try(struct bench *b, const struct store_step *step)
{
	struct slice rcpts[RCPTS_MAX];
	struct buf out = BUF(b->arena);
	struct greylist_try attempt = make_try(b, step, rcpts);
	struct greylist_answer answer;
	enum store_status status;

	memset(&answer, 0x55, sizeof(answer));
	status = store_greylist(b->store, &attempt, deadline(b), &answer);
	if (status != STORE_DONE)
		return failed(b, status);
	buf_add_text(&out, answer.pass ? "pass" : "defer");
	if (answer.known)
		buf_add_text(&out, " known");
	if (answer.first)
		buf_add_text(&out, " first");
	if (!answer.pass)
		add_time(&out, "wait", answer.wait_ms);
	add_time(&out, "age", answer.age_ms);
	return buf_slice(&out);
}

static struct slice say_number(struct bench *b, int64_t n,
			       const struct err *err)
{
	if (n < 0 && err->text[0])
		return arena_printf(b->arena, "ERROR: %s", err->text);
	return arena_printf(b->arena, "%lld", (long long)n);
}

static struct slice do_pass(struct bench *b, const struct store_step *step)
{
	struct slice rcpts[RCPTS_MAX];
	struct greylist_try attempt = make_try(b, step, rcpts);
	struct err err = {""};

	return say_number(b, store_greylist_pass(b->store, &attempt, &err),
			  &err);
}

static struct slice do_trust(struct bench *b, const struct store_step *step)
{
	int64_t good = -7;
	struct slice domain = expand(b, step->a);
	struct store_standing both = {.domain = domain};
	enum store_status status =
		store_trust(b->store, domain, deadline(b), &good);

	if (status == STORE_DONE) {
		assert_int_equal(store_standing(b->store, &both, deadline(b)),
				 STORE_DONE);
		assert_int_equal(both.good, good);
		assert_int_equal(both.index, -1);
	}
	return status == STORE_DONE
		       ? arena_printf(b->arena, "%lld", (long long)good)
		       : failed(b, status);
}

/* A note is not waited for: this does. */
static struct slice do_note(struct bench *b, const struct store_step *step)
{
	struct store_stats stats;
	uint64_t before;

	store_stats(b->store, &stats);
	before = stats.done + stats.failed + stats.skipped;
	store_note(b->store, expand(b, step->a), step->op == STEP_GOOD,
		   LIFETIME_MS);
	store_flush(b->store, clock_mono_ms() + 10000);
	store_stats(b->store, &stats);
	/* The note, and the flush itself. */
	if (stats.done + stats.failed + stats.skipped != before + 2)
		return SLICE("FAILED: not done");
	return SLICE("noted");
}

static struct slice do_allowed(struct bench *b, const struct store_step *step)
{
	struct slice names[STORE_NAMES_MAX];
	size_t n = split(b, step->a, names, STORE_NAMES_MAX);
	int index = -7;
	struct store_standing both = {names, n, SLICE("nobody.example"), 0, 0};
	enum store_status status =
		store_allowed(b->store, names, n, deadline(b), &index);

	if (status == STORE_DONE) {
		assert_int_equal(store_standing(b->store, &both, deadline(b)),
				 STORE_DONE);
		assert_int_equal(both.index, index);
		assert_int_equal(both.good, 0);
	}
	return status == STORE_DONE ? arena_printf(b->arena, "%d", index)
				    : failed(b, status);
}

/* The names of this case among all that are allowed. */
static struct slice do_allow_list(struct bench *b)
{
	struct buf out = BUF(b->arena);
	struct slice *names;
	struct err err = {""};
	size_t n;

	if (store_allow_list(b->store, b->arena, &names, &n, &err) < 0)
		return say_number(b, -1, &err);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			assert_true(slice_cmp_nocase(names[i - 1], names[i]) <
				    0);
		if (slice_search_nocase(names[i], slice_cstr(b->word)) ==
		    names[i].n)
			continue;
		if (out.n > 0)
			buf_add_char(&out, ' ');
		buf_add(&out, names[i]);
	}
	return buf_slice(&out);
}

static struct slice do_allow(struct bench *b, const struct store_step *step)
{
	struct err err = {""};

	return say_number(b, store_allow(b->store, expand(b, step->a), &err),
			  &err);
}

static struct greylist_list get_list(struct bench *b, const char *match,
				     const char *which, size_t limit)
{
	struct greylist_filter filter = {
		.waiting = which && strstr(which, "waiting"),
		.passed = which && strstr(which, "passed"),
		.match = expand(b, match),
	};
	struct greylist_list list = {.count = 0};
	struct err err = {""};

	if (store_greylist_list(b->store, b->arena, &filter, limit, &list,
				&err) < 0)
		fail_msg("%s", err.text);
	return list;
}

static struct slice do_list(struct bench *b, const struct store_step *step)
{
	size_t limit = step->c ? (size_t)atoi(step->c) : 100;
	struct greylist_list list = get_list(b, step->a, step->b, limit);
	struct buf out = BUF(b->arena);

	for (size_t i = 0; i < list.count; i++) {
		const struct greylist_entry *e = &list.entries[i];

		assert_int_equal(e->key.n, 16);
		buf_printf(&out, "%s%.*s>%.*s %.*s %.*s %s tries=%lld",
			   i > 0 ? "; " : "", SLICE_FMT(e->sender),
			   SLICE_FMT(e->rcpt), SLICE_FMT(e->origin),
			   SLICE_FMT(e->record_id),
			   e->passed ? "passed" : "waiting",
			   (long long)e->tries);
		add_time(&out, "age", e->age_ms);
		add_time(&out, "idle", e->idle_ms);
		add_time(&out, "wait", e->wait_ms);
		add_time(&out, "left", e->left_ms);
	}
	if (list.cut)
		buf_add_text(&out, " …");
	return buf_slice(&out);
}

/* What to release or forget: the text, or the key of what it matches. */
static struct slice find_match(struct bench *b, const struct store_step *step)
{
	struct greylist_list list;

	if (!step->b)
		return expand(b, step->a);
	list = get_list(b, step->a, NULL, 2);
	assert_int_equal(list.count, 1);
	return list.entries[0].key;
}

static struct slice do_release(struct bench *b, const struct store_step *step)
{
	struct err err = {""};
	struct slice match = find_match(b, step);

	return say_number(
		b, store_greylist_release(b->store, match, LIFETIME_MS, &err),
		&err);
}

static struct slice do_forget(struct bench *b, const struct store_step *step)
{
	struct err err = {""};
	struct slice match = find_match(b, step);

	return say_number(b, store_greylist_forget(b->store, match, &err),
			  &err);
}

/* "NAME/LIMIT/AMOUNT/SECONDS,…" */
static struct slice do_rate(struct bench *b, const struct store_step *step)
{
	struct slice texts[RATES_MAX];
	struct rate rates[RATES_MAX] = {{.limit = 0}};
	size_t n = split(b, step->b, texts, RATES_MAX);
	struct buf out = BUF(b->arena);
	struct rate_answer answer;
	enum store_status status;

	for (size_t i = 0; i < n; i++) {
		struct slice limit, amount, interval;

		assert_true(slice_next(&texts[i], '/', &rates[i].name));
		assert_true(slice_next(&texts[i], '/', &limit));
		assert_true(slice_next(&texts[i], '/', &amount));
		assert_true(slice_next(&texts[i], '/', &interval));
		rates[i].limit = number(limit);
		rates[i].amount = number(amount);
		rates[i].interval_ms = number(interval) * 1000;
	}
	memset(&answer, 0x55, sizeof(answer));
	status = store_rate(b->store,
			    &(struct rate_ask){expand(b, step->a), rates, n,
					       step->op == STEP_TAKE},
			    deadline(b), &answer);
	if (status != STORE_DONE)
		return failed(b, status);
	if (!answer.over)
		return SLICE("fits");
	buf_printf(&out, "over %zu", answer.which);
	add_time(&out, "wait", answer.wait_ms);
	buf_printf(&out, " used=%lld refused=%lld", (long long)answer.used,
		   (long long)answer.refused);
	return buf_slice(&out);
}

static struct slice do_step(struct bench *b, const struct store_step *step)
{
	switch (step->op) {
	case STEP_TRY:
		return do_try(b, step);
	case STEP_PASS:
		return do_pass(b, step);
	case STEP_WALL:
		b->clock.wall_ms += atoll(step->a) * 1000;
		return SLICE("");
	case STEP_BOOT:
		b->clock.boot++;
		b->clock.uptime_ms = 10000;
		return SLICE("");
	case STEP_TRUST:
		return do_trust(b, step);
	case STEP_GOOD:
	case STEP_BAD:
		return do_note(b, step);
	case STEP_ALLOWED:
		return do_allowed(b, step);
	case STEP_ALLOW:
		return do_allow(b, step);
	case STEP_ALLOW_LIST:
		return do_allow_list(b);
	case STEP_LIST:
		return do_list(b, step);
	case STEP_RELEASE:
		return do_release(b, step);
	case STEP_FORGET:
		return do_forget(b, step);
	case STEP_TAKE:
	case STEP_LOOK:
		break;
	}
	return do_rate(b, step);
}

static void new_word(char word[WORD])
{
	static unsigned runs;

	snprintf(word, WORD, "x%lld-%d-%u", (long long)clock_wall_us(),
		 (int)getpid(), runs++);
}

static void bench_open(struct bench *b, const struct store_place *place)
{
	*b = (struct bench){.place = place, .arena = arena_new(0)};
	store_test_clock_set(&b->clock);
	new_word(b->word);
	b->store = store_cases_open(place, &b->clock);
}

static void bench_close(struct bench *b)
{
	store_free(&b->store);
	arena_free(&b->arena);
}

struct run {
	const struct store_place *place;
	const struct store_case *c;
};

static void run_case(void **state)
{
	const struct run *run = *state;
	struct bench b;

	bench_open(&b, run->place);
	for (const struct store_step *s = run->c->steps; s->want; s++) {
		int64_t ms = (s->at_s - b.now_s) * 1000;
		struct slice have, want;

		assert_true(ms >= 0);
		b.clock.uptime_ms += ms;
		b.clock.wall_ms += ms;
		b.now_s = s->at_s;
		have = do_step(&b, s);
		want = expand(&b, s->want);
		if (!slice_eq(have, want))
			fail_msg("step %d, at %lld s:\n  have \"%.*s\"\n"
				 "  want \"%.*s\"",
				 (int)(s - run->c->steps) + 1,
				 (long long)s->at_s, SLICE_FMT(have),
				 SLICE_FMT(want));
	}
	bench_close(&b);
}

static void a_thousand_first_tries_are_each_recorded_once(void **state)
{
	const struct run *run = *state;
	char word[WORD];

	new_word(word);
	store_crowd_tries(run->place, word);
}

static void a_limit_is_exact_however_many_ask(void **state)
{
	const struct run *run = *state;
	char word[WORD];

	new_word(word);
	store_crowd_takes(run->place, word);
}

#define CASES_MAX 100

int store_cases_run(const struct store_place *place)
{
	struct CMUnitTest tests[CASES_MAX + 2];
	struct run runs[CASES_MAX + 1];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (const struct store_case *c = store_case_table; c->name; c++) {
		if (c->by_wall && !place->wall_is_ours)
			continue;
		assert_true(n < CASES_MAX);
		runs[n] = (struct run){place, c};
		tests[n].name = c->name;
		tests[n].test_func = run_case;
		tests[n].initial_state = &runs[n];
		n++;
	}
	runs[n] = (struct run){place, NULL};
	tests[n] = (struct CMUnitTest){
		"a thousand first tries are each recorded once",
		a_thousand_first_tries_are_each_recorded_once, NULL, NULL,
		&runs[n]};
	tests[n + 1] = (struct CMUnitTest){"a limit is exact however many ask",
					   a_limit_is_exact_however_many_ask,
					   NULL, NULL, &runs[n]};
	return _cmocka_run_group_tests(place->url, tests, n + 2, NULL, NULL);
}
