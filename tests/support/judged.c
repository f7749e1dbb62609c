/* Messages for tests of checks. */
#include "tests/support/judged.h"
#include "common/base/buf.h"
#include "tests/support/answers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_MAX 1024

/* Hands questions to a thread, which answers them from the text. */
struct slow {
	struct resolver resolver; /* first, so that ask() finds us */
	struct resolver *inner;
	pthread_t thread;
	pthread_mutex_t lock;
	bool stop;
	struct {
		struct dns_waiter *waiter;
		enum dns_type type;
		char name[256];
	} queue[QUEUE_MAX];
	size_t count;
};

struct bench {
	struct conf *conf;
	struct answers *answers;
	struct slow *slow;
	struct engine *engine;
	struct arena *arena;
	struct conn conn;
};

static void slow_done(struct dns_waiter *waiter,
		      const struct dns_answer *answer)
{
	(void)waiter;
	dns_answer_unref(answer);
}

static const struct dns_answer *slow_ask(struct resolver *resolver,
					 enum dns_type type, struct slice name,
					 struct dns_waiter *waiter)
{
	struct slow *slow = (struct slow *)resolver;

	pthread_mutex_lock(&slow->lock);
	if (slow->count == QUEUE_MAX || name.n > 255)
		abort();
	slow->queue[slow->count].waiter = waiter;
	slow->queue[slow->count].type = type;
	memcpy(slow->queue[slow->count].name, name.p, name.n);
	slow->queue[slow->count++].name[name.n] = '\0';
	pthread_mutex_unlock(&slow->lock);
	return NULL;
}

static void slow_cancel(struct resolver *resolver, struct dns_waiter *waiter)
{
	struct slow *slow = (struct slow *)resolver;

	pthread_mutex_lock(&slow->lock);
	for (size_t i = 0; i < slow->count; i++)
		if (slow->queue[i].waiter == waiter)
			slow->queue[i].waiter = NULL;
	pthread_mutex_unlock(&slow->lock);
}

/* The lock is held while answering, so that cancel() keeps its promise. */
static void *slow_run(void *with)
{
	struct slow *slow = with;
	struct dns_waiter dummy = {.done = slow_done};
	bool stop = false;

	while (!stop) {
		usleep(500);
		pthread_mutex_lock(&slow->lock);
		for (size_t i = 0; i < slow->count; i++) {
			struct dns_waiter *waiter = slow->queue[i].waiter;

			if (waiter)
				waiter->done(
					waiter,
					slow->inner->ask(
						slow->inner,
						slow->queue[i].type,
						slice_cstr(slow->queue[i].name),
						&dummy));
		}
		slow->count = 0;
		stop = slow->stop;
		pthread_mutex_unlock(&slow->lock);
	}
	return NULL;
}

static struct slow *slow_new(struct resolver *inner)
{
	struct slow *slow = calloc(1, sizeof(*slow));

	if (!slow)
		abort();
	slow->resolver = (struct resolver){slow_ask, slow_cancel};
	slow->inner = inner;
	pthread_mutex_init(&slow->lock, NULL);
	if (pthread_create(&slow->thread, NULL, slow_run, slow) != 0)
		abort();
	return slow;
}

static void slow_free(struct slow *slow)
{
	if (!slow)
		return;
	pthread_mutex_lock(&slow->lock);
	slow->stop = true;
	pthread_mutex_unlock(&slow->lock);
	pthread_join(slow->thread, NULL);
	pthread_mutex_destroy(&slow->lock);
	free(slow);
}

static const struct settings_group *const *
groups_of(struct arena *arena, const struct check *const *checks)
{
	const struct settings_group **groups =
		ARENA_ARRAY(arena, const struct settings_group *, 80);
	size_t n = 0;

	groups[n++] = &engine_settings;
	groups[n++] = &limits_settings;
	groups[n++] = &store_settings;
	groups[n++] = &state_settings;
	for (; *checks && n < 76; checks++) {
		if ((*checks)->settings)
			groups[n++] = (*checks)->settings;
		if ((*checks)->blocks)
			groups[n++] = (*checks)->blocks;
	}
	return groups;
}

static struct conf *load(struct bench *b, const struct bench_setup *setup,
			 struct err *err)
{
	char path[] = "/tmp/gatepost-bench-XXXXXX";
	const struct settings_group *const *groups =
		groups_of(b->arena, setup->checks);
	struct conf *conf;
	FILE *file;
	int fd;

	if (!setup->conf)
		return conf_load(groups, NULL, NULL, err);
	fd = mkstemp(path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		abort();
	fputs(setup->conf, file);
	fclose(file);
	conf = conf_load(groups, path, NULL, err);
	unlink(path);
	return conf;
}

static struct bench *try_new(const struct bench_setup *setup, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct bench *b = ARENA_NEW(arena, struct bench);

	b->arena = arena;
	b->answers = answers_new(setup->zones ? setup->zones : "");
	if (setup->late)
		b->slow = slow_new(answers_resolver(b->answers));
	b->conf = load(b, setup, err);
	if (b->conf)
		b->engine = engine_new(setup->checks, b->conf,
				       bench_resolver(b), err);
	if (!b->engine)
		bench_free(&b);
	return b;
}

struct bench *bench_new(const struct bench_setup *setup)
{
	struct err err;
	struct bench *b = try_new(setup, &err);

	if (!b) {
		fprintf(stderr, "bench: %s\n", err.text);
		abort();
	}
	return b;
}

const char *bench_refusal(const struct bench_setup *setup, struct err *err)
{
	struct bench *b = try_new(setup, err);

	if (!b)
		return err->text;
	bench_free(&b);
	return "";
}

void bench_free(struct bench **bench)
{
	struct bench *b = *bench;
	struct arena *arena = b->arena;

	engine_free(&b->engine);
	slow_free(b->slow);
	answers_free(&b->answers);
	conf_free(&b->conf);
	*bench = NULL;
	arena_free(&arena);
}

struct engine *bench_engine(struct bench *b)
{
	return b->engine;
}

struct resolver *bench_resolver(struct bench *b)
{
	return b->slow ? &b->slow->resolver : answers_resolver(b->answers);
}

static void add_headers(struct mail *mail, const char *text)
{
	struct slice rest = slice_cstr(text), line;
	struct buf field = BUF(mail->arena);
	bool more = rest.n > 0;

	while (more) {
		struct slice whole;
		size_t colon;

		more = slice_next(&rest, '\n', &line);
		if (more && field.n > 0 && line.n > 0 &&
		    ascii_is_wsp(line.p[0])) {
			buf_add_text(&field, "\r\n");
			buf_add(&field, line);
			continue;
		}
		whole = buf_slice(&field);
		colon = slice_find(whole, 0, ':');
		if (whole.n > 0)
			mail_add_header(mail, slice_sub(whole, 0, colon),
					slice_sub(whole, colon + 1, whole.n));
		field = BUF(mail->arena);
		if (more)
			buf_add(&field, line);
	}
}

static void add_rcpts(struct mail *mail, const char *text)
{
	struct slice rest = slice_cstr(text), rcpt;

	while (slice_next(&rest, ' ', &rcpt))
		mail_add_rcpt(mail, rcpt);
}

struct mail *bench_judge(struct bench *b, const struct letter *letter)
{
	return bench_judge_to(b, letter, "user@here.example");
}

struct mail *bench_judge_to(struct bench *b, const struct letter *letter,
			    const char *to)
{
	struct mail *mail;

	b->conn = (struct conn){
		.arena = b->arena,
		.ptr_name = slice_cstr(letter->ptr),
		.helo = slice_cstr(letter->helo),
		.user = slice_cstr(letter->user),
		.trusted = letter->trusted,
	};
	if (letter->ip && !ip_parse(slice_cstr(letter->ip), &b->conn.client))
		abort();
	b->conn.client_text = slice_cstr(letter->ip);
	mail = mail_new(b->engine, &b->conn);
	engine_stage(mail, STAGE_CONNECT);
	engine_stage(mail, STAGE_HELO);
	mail_set_sender(mail, slice_cstr(letter->from ? letter->from : ""));
	add_rcpts(mail, to);
	engine_stage(mail, STAGE_ENVELOPE);
	add_headers(mail, letter->headers ? letter->headers : "");
	engine_stage(mail, STAGE_HEADERS);
	engine_finish(mail);
	return mail;
}

const struct hit *judged_hit(const struct mail *mail, const char *symbol)
{
	for (size_t i = 0; i < mail->verdict->hit_count; i++)
		if (strcmp(mail->verdict->hits[i].symbol->name, symbol) == 0)
			return &mail->verdict->hits[i];
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *judged_symbols(const struct mail *mail)
{
	const char *names[VERDICT_HITS];
	size_t count = mail->verdict->hit_count;
	struct buf out = BUF(mail->arena);

	for (size_t i = 0; i < count; i++)
		names[i] = mail->verdict->hits[i].symbol->name;
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		buf_add_text(&out, i > 0 ? " " : "");
		buf_add_text(&out, names[i]);
	}
	return arena_cstr(mail->arena, buf_slice(&out));
}

const struct check_report *judged_report(const struct mail *mail,
					 const char *check)
{
	for (unsigned i = 0; i < engine_check_count(mail->engine); i++)
		if (strcmp(engine_check(mail->engine, i)->name, check) == 0)
			return &mail->verdict->reports[i];
	abort();
}
