/* Findings and outcomes of one message. */
#include "milter/engine/verdict.h"

#include <stdarg.h>

#define DETAIL_MAX 400
#define SOURCES_FIRST 16

const char *outcome_word(enum outcome outcome)
{
	static const char *const words[] = {
		[OUTCOME_NOT_RUN] = "not run",
		[OUTCOME_PASS] = "pass",
		[OUTCOME_FAIL] = "fail",
		[OUTCOME_TEMPERROR] = "temperror",
	};

	return words[outcome];
}

int64_t check_report_took_us(const struct check_report *report)
{
	return report->ended_us > 0 ? report->ended_us - report->begun_us : 0;
}

bool verdict_has(const struct verdict *v, const struct symbol *symbol)
{
	for (size_t i = 0; i < v->hit_count; i++)
		if (v->hits[i].symbol == symbol)
			return true;
	return false;
}

void verdict_hit(struct verdict *v, const struct symbol *symbol,
		 const char *format, ...)
{
	struct hit *hit;
	va_list args;

	if (v->hit_count == VERDICT_HITS || verdict_has(v, symbol))
		return;
	hit = &v->hits[v->hit_count++];
	*hit = (struct hit){.symbol = symbol};
	if (!format)
		return;
	va_start(args, format);
	hit->detail = slice_sub(arena_vprintf(v->arena, format, args), 0,
				DETAIL_MAX);
	va_end(args);
}

void verdict_class(struct verdict *v, enum vault_class class,
		   enum class_action action, bool keep, const char *format,
		   ...)
{
	struct class_report *report = &v->classes[class];
	va_list args;

	report->keep |= keep;
	if (report->in && action <= report->action)
		return;
	report->in = true;
	report->action = action;
	va_start(args, format);
	report->reason = slice_sub(arena_vprintf(v->arena, format, args), 0,
				   DETAIL_MAX);
	va_end(args);
}

void verdict_source(struct verdict *v, unsigned source,
		    enum source_outcome outcome, int64_t us)
{
	if (v->source_count == v->source_room) {
		size_t room = v->source_room ? 2 * v->source_room
					     : SOURCES_FIRST;
		struct source_report *more =
			ARENA_ARRAY(v->arena, struct source_report, room);

		for (size_t i = 0; i < v->source_count; i++)
			more[i] = v->sources[i];
		v->sources = more;
		v->source_room = room;
	}
	v->sources[v->source_count++] =
		(struct source_report){v->current, source, outcome, us};
}

void verdict_outcome(struct verdict *v, enum outcome outcome,
		     const char *format, ...)
{
	struct check_report *report = &v->reports[v->current];
	va_list args;

	report->outcome = outcome;
	report->decided = true;
	report->reason = SLICE_NONE;
	if (!format)
		return;
	va_start(args, format);
	report->reason = arena_vprintf(v->arena, format, args);
	va_end(args);
}
