/*
 * A step: look at what is new in the index, put it into the book, make the
 * notices that are due, write them, and then write the book, which makes
 * them count. Only then are any sent. If the process ends in between, files
 * of a step that the book does not know are dropped at the next start, and
 * the same messages make them again.
 */
#include "milter/daemon/notices.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/verdict/hmac.h"
#include "common/verdict/wire.h"
#include "milter/daemon/notice_files.h"
#include "milter/daemon/notice_make.h"
#include "milter/daemon/notice_queue.h"
#include "milter/daemon/settings.h"
#include "milter/net/deliver.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 1000
#define STEP_MESSAGES 100
#define SEND_MS 20000
#define END_MS 2000
#define LATE_MS 3600000
#define BEFORE_START_MS 60000
#define RCPTS_MAX 100

struct notices {
	const struct conf *conf;
	struct notice_rules rules;
	struct notice_templates *templates;
	struct counter_slot *slot;
	pthread_t thread;
	atomic_bool ending, ended;
	int64_t start_ms;
	/* The thread's own. */
	struct vault *vault;
	struct vault_index *index;
	struct notice_files files;
	struct notice_book *book;
	struct notice_queue *queue;
	struct arena *arena; /* of a step */
	bool stuck, failing; /* as last logged */

	pthread_mutex_t lock;
	struct err why; /* empty: all is well */
};

/* One look at the index. */
struct step {
	struct notices *n;
	int64_t now_ms;
	unsigned messages;
	bool changed;
};

static int64_t wall_ms(void)
{
	return clock_wall_us() / 1000;
}

static void set_why(struct notices *n, const char *text)
{
	pthread_mutex_lock(&n->lock);
	err_set(&n->why, "%s", text);
	pthread_mutex_unlock(&n->lock);
}

/* The record of a message; false: it is gone, or none. */
static bool read_record(struct notices *n, struct slice id,
			struct record *record_r)
{
	struct vault_message message;
	struct slice packed;
	struct err err;
	bool good;

	if (vault_message_open(n->vault, n->arena, id, &message, &err) !=
	    VAULT_FOUND) {
		vault_message_close(&message);
		return false;
	}
	good = vault_message_read(&message, n->arena, message.file.record_at,
				  message.file.record_size, &packed,
				  &err) == 0 &&
	       record_unpack(n->arena, packed, record_r);
	vault_message_close(&message);
	return good;
}

static void add(struct step *step, enum notice_audience audience,
		struct slice address, const struct notice_item *item)
{
	struct notices *n = step->n;

	if (!notice_book_add(n->book, audience, address, item, step->now_ms))
		counter_add(n->slot, COUNTER_NOTICES_DROPPED, 1);
}

/* Strangers are not told what our users were kept from sending them. */
static void add_recipients(struct step *step, const struct record *record,
			   const struct vault_item *message,
			   const struct notice_item *item)
{
	if (!slice_eq(record->direction, SLICE("in")))
		return;
	for (size_t i = 0; i < message->rcpt_count && i < RCPTS_MAX; i++)
		if (message->rcpts[i].n <= 320)
			add(step, NOTICE_RECIPIENT, message->rcpts[i], item);
}

static void add_message(struct step *step, const struct vault_item *message)
{
	struct notices *n = step->n;
	struct notice_item item = notice_make_item(n->arena, message);
	struct record record = {0};
	bool to_rcpts = n->rules.tells[NOTICE_RECIPIENT][message->class];
	/* Only those can be notices. */
	bool is_known = (to_rcpts || message->sender.n == 0) &&
			read_record(n, message->id, &record);

	if (is_known && message->sender.n == 0 &&
	    notice_make_is_own(n->book, record.message_id))
		return;
	if (n->rules.tells[NOTICE_POSTMASTER][message->class])
		add(step, NOTICE_POSTMASTER, slice_cstr(n->rules.postmaster),
		    &item);
	if (n->rules.tells[NOTICE_HOOK][message->class])
		add(step, NOTICE_HOOK, SLICE_NONE, &item);
	if (to_rcpts && is_known)
		add_recipients(step, &record, message, &item);
}

static bool take_message(void *with, const struct vault_item *message)
{
	struct step *step = with;

	step->changed = true;
	if (notice_book_is_news(step->n->book, message->seq,
				message->stored_ms))
		add_message(step, message);
	return ++step->messages < STEP_MESSAGES;
}

/* Makes what waits for an address into a file of the queue. */
static int make_notice(struct step *step, struct notice_maker *maker,
		       struct notice_address *a, struct err *err)
{
	struct notices *n = step->n;
	bool hook = a->audience == NOTICE_HOOK;
	const struct notice_queued queued = {
		.step = maker->step,
		.kind = hook ? NOTICE_POST : NOTICE_MAIL,
		.to = a->address,
		.bytes = hook ? notice_make_json(n->arena, maker, a)
			      : notice_make_mail(n->arena, maker, a),
		.made_ms = step->now_ms};

	if (notice_queue_add(n->queue, &queued, err) < 0)
		return -1;
	if (!hook && a->count > 1)
		counter_add(n->slot, COUNTER_NOTICES_SUMMED, a->count);
	notice_book_told(a, step->now_ms);
	maker->number++;
	step->changed = true;
	return 0;
}

static int make_notices(struct step *step, struct err *err)
{
	struct notices *n = step->n;
	struct notice_maker maker = {.rules = &n->rules,
				     .templates = n->templates,
				     .book = n->book,
				     .step = n->book->step + 1,
				     .now_ms = step->now_ms};
	struct notice_address *a;

	while (notice_queue_has_room(n->queue, NOTICE_MAIL) &&
	       notice_queue_has_room(n->queue, NOTICE_POST) &&
	       (a = notice_book_due(n->book, &n->rules, step->now_ms)))
		if (make_notice(step, &maker, a, err) < 0)
			return -1;
	return 0;
}

/* From here on what the step made counts. */
static int write_book(struct step *step, struct err *err)
{
	struct notices *n = step->n;
	struct slice text;
	struct notice_book *again;

	n->book->step++;
	text = notice_book_write(n->book, n->arena, step->now_ms);
	if (notice_queue_sync(n->queue, err) < 0 ||
	    notice_files_write(&n->files, text, err) < 0)
		return -1;
	/* Read again, it holds nothing that is over. */
	again = notice_book_read(text);
	if (!again)
		return err_set(err, "the book of notices cannot be read back");
	notice_book_free(&n->book);
	n->book = again;
	return 0;
}

static int open_all(struct notices *n, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(n->conf, &daemon_settings);

	if (!n->vault)
		n->vault = vault_open(n->conf, daemon->state_dir.s, err);
	if (n->vault && !n->index)
		n->index = vault_index_open(n->vault, err);
	if (!n->index)
		return -1;
	if (n->book)
		return 0;
	if (notice_files_read(&n->files, n->arena,
			      n->start_ms - BEFORE_START_MS, &n->book, err) < 0)
		return -1;
	n->queue = notice_queue_open(n->files.queue, n->book->step, err);
	return n->queue ? 0 : -1;
}

/* What is on disk is the truth: whatever was not written is done again. */
static void close_all(struct notices *n)
{
	notice_queue_close(&n->queue);
	notice_book_free(&n->book);
	vault_index_close(&n->index);
	vault_close(&n->vault);
}

/* 1: there is more in the index. */
static int take_step(struct notices *n, struct err *err)
{
	struct step step = {.n = n, .now_ms = wall_ms()};

	arena_reset(n->arena);
	if (open_all(n, err) < 0 ||
	    vault_index_each_since(n->index, n->book->seq, take_message, &step,
				   err) < 0)
		return -1;
	/* Written even if empty: from now on, what comes is news. */
	step.changed |= n->book->step == 0;
	if (step.messages < STEP_MESSAGES)
		notice_book_at_end(n->book);
	if (make_notices(&step, err) < 0)
		return -1;
	if (step.changed && write_book(&step, err) < 0)
		return -1;
	return step.messages >= STEP_MESSAGES;
}

static bool is_ending(void *with)
{
	return atomic_load(&((struct notices *)with)->ending);
}

static enum notice_sent sent_of(enum deliver_result result)
{
	return result == DELIVER_DONE	 ? NOTICE_SENT
	       : result == DELIVER_LATER ? NOTICE_LATER
					 : NOTICE_DROP;
}

static enum notice_sent send_mail(struct notices *n, struct slice to,
				  struct slice bytes, struct err *err)
{
	const struct deliver_mail mail = {.server = n->rules.conf->smtp.s.p,
					  .rcpts = &to,
					  .rcpt_count = 1,
					  .text = bytes,
					  .fd = -1,
					  .timeout_ms = SEND_MS};

	return sent_of(deliver_mail(&mail, err));
}

static enum notice_sent send_post(struct notices *n, struct slice body,
				  struct err *err)
{
	const struct notices_conf *conf = n->rules.conf;
	struct arena *arena = arena_new(0);
	struct slice time = arena_printf(arena, "%" PRId64, clock_wall());
	const struct slice parts[] = {time, SLICE("."), body};
	const char *headers[] = {NULL, NULL};
	struct deliver_post post = {.url = conf->webhook.s.p,
				    .content_type = "application/json",
				    .headers = headers,
				    .body = body,
				    .timeout_ms = SEND_MS};
	enum notice_sent sent = NOTICE_LATER;
	char mac[HMAC_HEX + 1] = "";
	struct slice key;

	if (notice_files_key(conf->webhook_key.s.p, arena, &key, err) == 0) {
		if (key.n > 0 && hmac_sha256(key, parts, 3, mac))
			headers[0] =
				arena_printf(
					arena,
					"X-Gatepost-Signature: t=%.*s,v1=%s",
					SLICE_FMT(time), mac)
					.p;
		if (key.n == 0 || headers[0])
			sent = sent_of(deliver_post(&post, err));
		else
			err_set(err, "OpenSSL makes no HMAC");
	}
	arena_free(&arena);
	return sent;
}

static enum notice_sent send_one(void *with, enum notice_kind kind,
				 struct slice to, struct slice bytes,
				 struct err *err)
{
	struct notices *n = with;
	enum notice_sent sent;

	if (kind == NOTICE_MAIL)
		sent = send_mail(n, to, bytes, err);
	else if (n->rules.conf->webhook.s.n == 0)
		return NOTICE_DROP; /* it has been switched off since */
	else
		sent = send_post(n, bytes, err);
	if (sent == NOTICE_DROP)
		log_error("notices: one to %.*s is given up: %s",
			  SLICE_FMT(kind == NOTICE_MAIL
					    ? to
					    : n->rules.conf->webhook.s),
			  err->text);
	return sent;
}

static void send_all(struct notices *n)
{
	struct notice_round round;
	int64_t oldest_ms, now_ms = wall_ms();
	size_t count;
	struct err why = {""};

	notice_queue_run(n->queue, now_ms, send_one, is_ending, n, &round);
	count = notice_queue_count(n->queue, &oldest_ms);
	counter_add(n->slot, COUNTER_NOTICES_SENT, round.sent);
	counter_add(n->slot, COUNTER_NOTICES_RETRIED, round.later);
	counter_add(n->slot, COUNTER_NOTICES_DROPPED, round.dropped);
	counter_set(n->slot, GAUGE_NOTICES_QUEUED, count);
	if (round.later > 0 && !n->failing)
		log_warn("notices: cannot be sent now, and will be tried "
			 "again: %s",
			 round.why.text);
	else if (round.sent > 0 && n->failing)
		log_info("notices: can be sent again");
	if (round.later + round.sent > 0)
		n->failing = round.later > 0;
	if (count > 0 && now_ms - oldest_ms > LATE_MS)
		err_set(&why,
			"%zu wait to be sent, the oldest for %" PRId64
			" minutes; the log says why",
			count, (now_ms - oldest_ms) / 60000);
	set_why(n, why.text);
}

static void note_step(struct notices *n, int rc, const struct err *err)
{
	if (rc < 0) {
		if (!n->stuck)
			log_error("notices have stopped: %s", err->text);
		set_why(n, err->text);
		close_all(n);
	} else if (n->stuck) {
		log_info("notices go on");
	}
	n->stuck = rc < 0;
}

/* 1: at once again. */
static int look(struct notices *n)
{
	struct err err = {""};
	int rc = notice_files_lock(&n->files, &err);

	/* Another recorder is still there. */
	if (rc == 0)
		return 0;
	if (rc > 0)
		rc = take_step(n, &err);
	note_step(n, rc, &err);
	if (rc >= 0)
		send_all(n);
	return rc;
}

static void *run(void *arg)
{
	static const struct timespec piece = {.tv_nsec = 50 * 1000000};
	struct notices *n = arg;

	while (!atomic_load(&n->ending)) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		if (look(n) > 0)
			continue;
		while (clock_mono_ms() < next_ms && !atomic_load(&n->ending))
			nanosleep(&piece, NULL);
	}
	close_all(n);
	notice_files_close(&n->files);
	atomic_store(&n->ended, true);
	return NULL;
}

static int start(struct notices *n, struct err *err)
{
	const struct daemon_conf *daemon =
		conf_group(n->conf, &daemon_settings);
	int error;

	notice_files_name(&n->files, daemon->state_dir.s.p);
	if (!n->rules.conf->enabled) {
		/* Switched on again, it shall not tell what is old. */
		notice_files_forget(&n->files);
		atomic_store(&n->ended, true);
		return 0;
	}
	if (deliver_init(err) < 0)
		return -1;
	error = pthread_create(&n->thread, NULL, run, n);
	return error ? err_set(err, "notices: %s", strerror(error)) : 0;
}

static void free_all(struct notices *n)
{
	notice_templates_free(&n->templates);
	arena_free(&n->arena);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

struct notices *notices_new(const struct conf *conf, struct counter_slot *slot,
			    struct err *err)
{
	struct notices *n = calloc(1, sizeof(*n));

	if (!n) {
		err_set(err, "out of memory");
		return NULL;
	}
	n->conf = conf;
	n->slot = slot;
	n->start_ms = wall_ms();
	n->arena = arena_new(0);
	n->files = (struct notice_files){.lock = -1};
	pthread_mutex_init(&n->lock, NULL);
	if (notice_rules_read(conf, &n->rules, err) == 0)
		n->templates = notice_templates_load(n->rules.templates, err);
	if (n->templates && start(n, err) == 0)
		return n;
	free_all(n);
	return NULL;
}

void notices_free(struct notices **notices)
{
	static const struct timespec piece = {.tv_nsec = 10 * 1000000};
	struct notices *n = *notices;
	int64_t until_ms = clock_mono_ms() + END_MS;

	if (!n)
		return;
	*notices = NULL;
	atomic_store(&n->ending, true);
	while (!atomic_load(&n->ended) && clock_mono_ms() < until_ms)
		nanosleep(&piece, NULL);
	/* What is being sent holds it: the end of the process will do. */
	if (!atomic_load(&n->ended))
		return;
	if (n->rules.conf->enabled)
		pthread_join(n->thread, NULL);
	free_all(n);
}

bool notices_trouble(struct notices *n, struct err *why_r)
{
	pthread_mutex_lock(&n->lock);
	*why_r = n->why;
	pthread_mutex_unlock(&n->lock);
	return why_r->text[0] != '\0';
}
