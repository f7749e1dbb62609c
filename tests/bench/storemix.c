/*
 * Time is not waited for: a retry in time states a delay of 0, so it passes
 * as one would after its delay.
 */
#include "tests/bench/storemix.h"

#include "common/base/clock.h"

#include <stdarg.h>
#include <stdio.h>

#define SECOND 1000LL
#define DAY (24 * 3600 * SECOND)
#define FIRSTS 4 /* in a round */

static const enum mix_kind kinds[] = {
	MIX_FIRST, MIX_EARLY, MIX_FIRST, MIX_RETRY, MIX_KNOWN,
	MIX_FIRST, MIX_KNOWN, MIX_KNOWN, MIX_FIRST, MIX_KNOWN,
};
#define ROUND (sizeof(kinds) / sizeof(kinds[0]))

const char *mix_kind_word(enum mix_kind kind)
{
	static const char *const words[MIX_KINDS] = {
		[MIX_FIRST] = "first",
		[MIX_EARLY] = "early",
		[MIX_RETRY] = "retry",
		[MIX_KNOWN] = "known",
	};

	return words[kind];
}

/* Which of this thread's senders: the first of a round comes back. */
static uint64_t choose_sender(struct mix *mix, enum mix_kind kind)
{
	switch (kind) {
	case MIX_FIRST:
		return mix->firsts++;
	case MIX_EARLY:
	case MIX_RETRY:
		return mix->round * FIRSTS;
	default:
		/* A prime spreads them over all that have passed. */
		return (mix->round * 7919 + mix->step * 104729ULL) %
		       (mix->round + 1) * FIRSTS;
	}
}

static bool is_right(enum mix_kind kind, const struct greylist_answer *answer)
{
	switch (kind) {
	case MIX_FIRST:
		return !answer->pass && answer->first;
	case MIX_EARLY:
		return !answer->pass && !answer->first;
	case MIX_RETRY:
		return answer->pass && !answer->known;
	default:
		return answer->pass && answer->known;
	}
}

/* A string that the buffer holds until the next one is put there. */
static struct slice put(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static struct slice put(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(buffer, size, format, args);
	va_end(args);
	return (struct slice){buffer, (size_t)n < size ? (size_t)n : size - 1};
}

static enum store_status ask(struct mix *mix, struct store *store,
			     enum mix_kind kind, struct greylist_answer *answer)
{
	const uint64_t n = choose_sender(mix, kind);
	char sender[96], rcpt[48], network[48], domain[48];
	const struct slice to = put(rcpt, sizeof(rcpt), "user%u@bench.example",
				    (unsigned)(n % 40));
	const struct greylist_try attempt = {
		.sender = put(
			sender, sizeof(sender), "n%llu.t%llu.%llu@d%u.example",
			(unsigned long long)n, (unsigned long long)mix->thread,
			(unsigned long long)mix->run, (unsigned)(n % 500)),
		.rcpts = &to,
		.rcpt_count = 1,
		.origins = {put(network, sizeof(network), "10.%u.%u.0/24",
				(unsigned)(n / 256 % 256), (unsigned)(n % 256)),
			    put(domain, sizeof(domain), "d%u.example",
				(unsigned)(n % 500))},
		.origin_count = mix->origins,
		.record_id = SLICE("4B0000000000-0"),
		.delay_ms = kind == MIX_RETRY ? 0 : 300 * SECOND,
		.window_ms = DAY,
		.lifetime_ms = 36 * DAY,
	};

	return store_greylist(store, &attempt, store_deadline(store), answer);
}

void mix_step(struct mix *mix, struct store *store, struct mix_result *result)
{
	const enum mix_kind kind = kinds[mix->step];
	const int64_t start = clock_mono_us();
	struct greylist_answer answer = {0};
	const enum store_status status = ask(mix, store, kind, &answer);

	if (++mix->step == ROUND) {
		mix->step = 0;
		mix->round++;
	}
	if (!result)
		return;
	histogram_add(&result->took, clock_mono_us() - start);
	result->status[status]++;
	result->kind[kind]++;
	if (status == STORE_DONE && !is_right(kind, &answer))
		result->wrong++;
}

void mix_merge(struct mix_result *to, const struct mix_result *from)
{
	for (size_t i = 0; i < STATUS_COUNT; i++)
		to->status[i] += from->status[i];
	for (size_t i = 0; i < MIX_KINDS; i++)
		to->kind[i] += from->kind[i];
	to->wrong += from->wrong;
	histogram_merge(&to->took, &from->took);
}
