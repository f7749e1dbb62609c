/*
 * One message through the engine. Each time a stage is complete the checks
 * may ask early, and those whose stage has come are judged as far as the
 * answers in hand allow; nothing waits. Only engine_finish() waits, on one
 * condition with one absolute deadline.
 */
#include "common/base/clock.h"
#include "milter/engine/engine_private.h"
#include "milter/engine/engine_table.h"

/* A check that asks for ever is cut off; SPF's ten look-ups need far less. */
#define RUNS_MAX 100

struct run {
	uint32_t done;		/* checks that ended */
	uint32_t waiting;	/* checks whose last run asked for more */
	uint32_t awaited;	/* checks whose await() has returned */
	uint32_t hungry;	/* checks that still want body bytes */
	int64_t finish_ms;	/* when the end of the message came */
};

static uint32_t bit(unsigned index)
{
	return UINT32_C(1) << index;
}

void engine_begin(struct mail *mail)
{
	const struct engine *engine = mail->engine;
	struct verdict *verdict = ARENA_NEW(mail->arena, struct verdict);

	mail->run = ARENA_NEW(mail->arena, struct run);
	mail->lookups = lookups_new(mail->arena, engine->resolver,
				    (size_t)engine->limits->questions);
	mail->states = ARENA_ARRAY(mail->arena, void *, engine->count + 1);
	verdict->arena = mail->arena;
	verdict->reports = ARENA_ARRAY(mail->arena, struct check_report,
				       engine->count + 1);
	verdict->auth.spf.scope = "";
	mail->verdict = verdict;
	for (unsigned i = 0; i < engine->count; i++)
		if (engine->checks[i].check->body)
			mail->run->hungry |= bit(i);
}

void engine_end(struct mail *mail)
{
	const struct engine *engine = mail->engine;

	lookups_end(mail->lookups);
	for (unsigned i = 0; i < engine->count; i++)
		if (engine->checks[i].check->end)
			engine->checks[i].check->end(mail, i,
						     engine->checks[i].ready);
}

/*
 * From here on the look-ups belong to that check. What it may wait in all
 * counts from the end of the message: nothing waits before, and a client
 * may take minutes over the body between two rounds of questions.
 */
static void charge(struct mail *mail, unsigned index)
{
	const struct engine_check *row = &mail->engine->checks[index];
	int64_t until = INT64_MAX;

	if (mail->run->finish_ms > 0 && row->total_ms < INT64_MAX)
		until = mail->run->finish_ms + row->total_ms;
	if (mail->deadline_ms > 0 && until > mail->deadline_ms)
		until = mail->deadline_ms;
	lookups_begin(mail->lookups, index, row->wait_ms, until);
}

/* What the check did not say itself follows from its hits. */
static void conclude(const struct mail *mail, unsigned index, size_t mark)
{
	struct verdict *verdict = mail->verdict;
	struct check_report *report = &verdict->reports[index];

	if (report->decided)
		return;
	report->decided = true;
	report->outcome = OUTCOME_PASS;
	for (size_t i = mark; i < verdict->hit_count; i++)
		if (score_of(mail->engine->score, verdict->hits[i].symbol) > 0)
			report->outcome = OUTCOME_FAIL;
}

static enum step judge(struct mail *mail, unsigned index)
{
	const struct engine_check *row = &mail->engine->checks[index];
	struct verdict *verdict = mail->verdict;
	struct check_report *report = &verdict->reports[index];
	size_t mark = verdict->hit_count, sources = verdict->source_count;
	int64_t began = clock_mono_us(), ended;
	enum step step;

	verdict->current = index;
	report->decided = false;
	if (report->begun_us == 0)
		report->begun_us = began;
	charge(mail, index);
	step = row->check->judge(mail, index, row->ready, verdict);
	ended = clock_mono_us();
	report->us += ended - began;
	if (step == STEP_WAIT && ++report->runs < RUNS_MAX) {
		verdict->hit_count = mark;
		verdict->source_count = sources;
		return STEP_WAIT;
	}
	if (step == STEP_WAIT) {
		verdict->hit_count = mark;
		verdict_outcome(verdict, OUTCOME_TEMPERROR,
				"did not come to an end after %d rounds of "
				"questions", RUNS_MAX);
	}
	conclude(mail, index, mark);
	report->ended_us = ended;
	return STEP_DONE;
}

/* Judges every check that can go on, until none can without an answer. */
static void advance(struct mail *mail)
{
	const struct engine *engine = mail->engine;
	struct run *run = mail->run;
	uint32_t asking = run->waiting & ~engine->awaiters;
	uint32_t blocked = run->waiting & ~run->awaited;
	bool moved = true;

	if (asking)
		blocked &= ~lookups_wait(mail->lookups, asking, 0);
	while (moved) {
		moved = false;
		for (unsigned i = 0; i < engine->count; i++) {
			const struct engine_check *row = &engine->checks[i];

			if ((run->done | blocked) & bit(i) ||
			    row->check->needs > mail->stage ||
			    (row->after & ~run->done))
				continue;
			if (judge(mail, i) == STEP_DONE) {
				run->done |= bit(i);
				run->waiting &= ~bit(i);
				moved = true;
			} else {
				run->waiting |= bit(i);
				blocked |= bit(i);
			}
		}
	}
}

/* Keeps the header section once it is whole. */
static void spool_header(struct mail *mail)
{
	spool_begin(&mail->spool, (uint64_t)mail->engine->limits->message.n);
	for (size_t i = 0; i < mail->header_count; i++)
		spool_add_field(&mail->spool, mail->headers[i].name,
				mail->headers[i].value);
	spool_add(&mail->spool, SLICE("\r\n"));
}

void engine_stage(struct mail *mail, enum stage stage)
{
	const struct engine *engine = mail->engine;

	mail->stage = stage;
	if (stage == STAGE_HEADERS && (engine->vault || engine->scans))
		spool_header(mail);
	else if (stage == STAGE_MESSAGE)
		spool_seal(&mail->spool);
	mail->stage_us[stage] = clock_mono_us();
	for (unsigned i = 0; i < engine->count; i++) {
		const struct engine_check *row = &engine->checks[i];

		if (!row->check->start || mail->run->done & bit(i))
			continue;
		charge(mail, i);
		row->check->start(mail, i, row->ready, stage);
	}
	advance(mail);
}

bool engine_body(struct mail *mail, struct slice chunk)
{
	const struct engine *engine = mail->engine;
	struct run *run = mail->run;

	mail->size += chunk.n;
	mail->body_size += chunk.n;
	spool_add(&mail->spool, chunk);
	for (unsigned i = 0; run->hungry && i < engine->count; i++) {
		const struct engine_check *row = &engine->checks[i];

		if (run->hungry & bit(i) &&
		    !row->check->body(mail, i, row->ready, chunk))
			run->hungry &= ~bit(i);
	}
	return run->hungry != 0 || mail->spool.state == SPOOL_OPEN;
}

/* Nothing but what is outside of DNS is waited for any more. */
static void await(struct mail *mail)
{
	const struct engine *engine = mail->engine;
	uint32_t waiting = mail->run->waiting;

	for (unsigned i = 0; i < engine->count; i++)
		if (waiting & bit(i))
			engine->checks[i].check->await(mail, i,
						       engine->checks[i].ready,
						       mail->deadline_ms);
	mail->run->awaited |= waiting;
}

void engine_finish(struct mail *mail)
{
	const struct engine *engine = mail->engine;
	struct run *run = mail->run;
	uint32_t all = engine->count == 32 ? UINT32_MAX
					   : bit(engine->count) - 1;

	run->finish_ms = clock_mono_ms();
	if (mail->deadline_ms == 0)
		mail->deadline_ms =
			run->finish_ms + engine->limits->deadline.ms;
	engine_stage(mail, STAGE_MESSAGE);
	while (run->done != all) {
		uint32_t asking = run->waiting & ~engine->awaiters;

		if (run->waiting == 0)
			break;
		if (!asking)
			await(mail);
		else if (clock_mono_ms() >= mail->deadline_ms)
			lookups_give_up(mail->lookups);
		else
			lookups_wait(mail->lookups, asking, mail->deadline_ms);
		advance(mail);
	}
	score_verdict(engine->score, mail->verdict);
	mail->judged_us = clock_mono_us();
}

void engine_commit(struct mail *mail, struct commit *commit)
{
	const struct engine *engine = mail->engine;

	for (unsigned i = 0; i < engine->count; i++) {
		const struct engine_check *row = &engine->checks[i];
		struct check_report *report = &mail->verdict->reports[i];
		int64_t began = clock_mono_us(), took;

		if (!row->check->commit)
			continue;
		mail->verdict->current = i;
		row->check->commit(mail, i, row->ready, mail->verdict, commit);
		took = clock_mono_us() - began;
		report->us += took;
		report->ended_us += report->ended_us > 0 ? took : 0;
	}
	mail->committed_us = clock_mono_us();
}
