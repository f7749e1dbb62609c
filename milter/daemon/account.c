/*
 * The engine knows symbols by their address and lists by their number
 * within a check; counters know them by the index of their name. Two
 * lists of one name, or names past the bound, share an index.
 */
#include "milter/daemon/account.h"
#include "milter/daemon/names.h"
#include "milter/engine/report.h"

#include <string.h>

/* An open-addressed table of symbols, at most half full. */
struct place {
	const struct symbol *symbol;
	unsigned index;
};

struct account {
	struct arena *arena;
	const struct engine *engine;
	unsigned checks;
	unsigned *check_index;
	unsigned **source_index; /* of each check; NULL: it has no sources */
	size_t *source_count;
	struct place *places;
	size_t mask;
	/* Checks and a symbol with counters of their own; they may be none. */
	unsigned spf, dkim, dmarc;
	const struct symbol *greylist_passed;
};

static void register_check(const struct counters *counters,
			   const struct engine *engine, unsigned check)
{
	const struct symbol *lists[2];
	size_t count;
	const struct slice *sources = engine_sources(engine, check, &count);

	names_add(counters, NAMES_CHECKS,
		  slice_cstr(engine_check(engine, check)->name));
	engine_symbols(engine, check, lists);
	for (int k = 0; k < 2; k++)
		for (; lists[k] && lists[k]->name; lists[k]++)
			names_add(counters, NAMES_SYMBOLS,
				  slice_cstr(lists[k]->name));
	for (size_t i = 0; i < count; i++)
		names_add(counters, NAMES_LISTS, sources[i]);
}

void account_register(const struct counters *counters,
		      const struct engine *engine)
{
	for (unsigned i = 0; i < engine_check_count(engine); i++)
		register_check(counters, engine, i);
}

static size_t hash(const struct account *account, const struct symbol *symbol)
{
	uint64_t bits = (uintptr_t)symbol;

	return (size_t)((bits * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
	       account->mask;
}

static unsigned symbol_index(const struct account *account,
			     const struct symbol *symbol)
{
	size_t at = hash(account, symbol);

	while (account->places[at].symbol) {
		if (account->places[at].symbol == symbol)
			return account->places[at].index;
		at = (at + 1) & account->mask;
	}
	return NAMED_SYMBOLS;
}

static void add_symbol(struct account *account,
		       const struct counters *counters,
		       const struct symbol *symbol)
{
	size_t at = hash(account, symbol);

	while (account->places[at].symbol)
		at = (at + 1) & account->mask;
	account->places[at] = (struct place){
		symbol,
		names_find(counters, NAMES_SYMBOLS, slice_cstr(symbol->name))};
}

/* Calls add_symbol() for each; without counters it only counts them. */
static size_t each_symbol(struct account *account,
			  const struct counters *counters)
{
	size_t count = 0;

	for (unsigned i = 0; i < account->checks; i++) {
		const struct symbol *lists[2];

		engine_symbols(account->engine, i, lists);
		for (int k = 0; k < 2; k++)
			for (; lists[k] && lists[k]->name; lists[k]++) {
				if (counters)
					add_symbol(account, counters,
						   lists[k]);
				count++;
			}
	}
	return count;
}

static void find_sources(struct account *account,
			 const struct counters *counters, unsigned check)
{
	size_t count;
	const struct slice *names =
		engine_sources(account->engine, check, &count);
	unsigned *index = ARENA_ARRAY(account->arena, unsigned, count + 1);

	for (size_t i = 0; i < count; i++)
		index[i] = names_find(counters, NAMES_LISTS, names[i]);
	account->source_index[check] = index;
	account->source_count[check] = count;
}

static unsigned check_named(const struct account *account, const char *name)
{
	unsigned i = 0;

	while (i < account->checks &&
	       strcmp(engine_check(account->engine, i)->name, name) != 0)
		i++;
	return i;
}

struct account *account_new(const struct counters *counters,
			    const struct engine *engine)
{
	struct arena *arena = arena_new(0);
	struct account *a = ARENA_NEW(arena, struct account);
	size_t symbols;

	a->arena = arena;
	a->engine = engine;
	a->checks = engine_check_count(engine);
	a->check_index = ARENA_ARRAY(arena, unsigned, a->checks + 1);
	a->source_index = ARENA_ARRAY(arena, unsigned *, a->checks + 1);
	a->source_count = ARENA_ARRAY(arena, size_t, a->checks + 1);
	for (unsigned i = 0; i < a->checks; i++) {
		a->check_index[i] = names_find(
			counters, NAMES_CHECKS,
			slice_cstr(engine_check(engine, i)->name));
		find_sources(a, counters, i);
	}
	symbols = each_symbol(a, NULL);
	for (a->mask = 1; a->mask < 2 * symbols + 1; a->mask = 2 * a->mask + 1)
		;
	a->places = ARENA_ARRAY(arena, struct place, a->mask + 1);
	each_symbol(a, counters);
	a->spf = check_named(a, "spf");
	a->dkim = check_named(a, "dkim");
	a->dmarc = check_named(a, "dmarc");
	a->greylist_passed = engine_symbol(engine, SLICE("GREYLIST_PASSED"));
	return a;
}

void account_free(struct account **account)
{
	struct arena *arena;

	if (!*account)
		return;
	arena = (*account)->arena;
	arena_free(&arena);
	*account = NULL;
}

static bool has_run(const struct account *account, const struct verdict *v,
		    unsigned check)
{
	return check < account->checks && v->reports[check].ended_us > 0 &&
	       v->reports[check].outcome != OUTCOME_NOT_RUN;
}

static void add_auth(const struct account *account, struct counter_slot *slot,
		     const struct verdict *v)
{
	const struct auth *auth = &v->auth;

	if (has_run(account, v, account->spf))
		counter_add_at(slot, COUNTER_SPF, auth->spf.result, 1);
	if (has_run(account, v, account->dmarc))
		counter_add_at(slot, COUNTER_DMARC, auth->dmarc.result, 1);
	if (!has_run(account, v, account->dkim))
		return;
	if (auth->dkim_count == 0)
		counter_add_at(slot, COUNTER_DKIM, AUTH_NONE, 1);
	for (size_t i = 0; i < auth->dkim_count; i++)
		counter_add_at(slot, COUNTER_DKIM, auth->dkim[i].result, 1);
}

static void add_hits(const struct account *account, struct counter_slot *slot,
		     const struct verdict *v)
{
	for (size_t i = 0; i < v->hit_count; i++) {
		const struct symbol *symbol = v->hits[i].symbol;

		counter_add_at(slot, COUNTER_SYMBOLS,
			       symbol_index(account, symbol), 1);
		if (symbol == account->greylist_passed)
			counter_add(slot, COUNTER_GREYLIST_PASSED, 1);
	}
}

static void add_sources(const struct account *account,
			struct counter_slot *slot, const struct verdict *v)
{
	for (size_t i = 0; i < v->source_count; i++) {
		const struct source_report *report = &v->sources[i];
		unsigned index = NAMED_LISTS;

		if (report->source < account->source_count[report->check])
			index = account->source_index[report->check]
						     [report->source];
		counter_add_at(slot, COUNTER_LIST_ASKED, index, 1);
		if (report->outcome == SOURCE_LISTED)
			counter_add_at(slot, COUNTER_LIST_LISTED, index, 1);
		if (report->outcome == SOURCE_ERROR)
			counter_add_at(slot, COUNTER_LIST_ERRORS, index, 1);
		if (report->us >= 0)
			histogram_add(slot, HISTOGRAM_LIST, index, report->us);
	}
}

static void add_times(const struct account *account,
		      struct counter_slot *slot, const struct mail *mail)
{
	const struct verdict *v = mail->verdict;
	int64_t us[REPORT_STAGES];

	report_stages_us(mail, us);
	for (unsigned i = 0; i < REPORT_STAGES; i++)
		if (us[i] >= 0)
			histogram_add(slot, HISTOGRAM_STAGE, i, us[i]);
	for (unsigned i = 0; i < account->checks; i++)
		if (has_run(account, v, i))
			histogram_add(slot, HISTOGRAM_CHECK,
				      account->check_index[i],
				      check_report_took_us(&v->reports[i]));
}

void account_message(const struct account *account, struct counter_slot *slot,
		     const struct mail *mail, const struct decision *decision)
{
	unsigned direction =
		mail_is_inbound(mail) ? DIRECTION_IN : DIRECTION_OUT;
	unsigned index = direction * ACTIONS + (unsigned)decision->action;

	counter_add_at(slot, COUNTER_MESSAGES, index, 1);
	counter_add_at(slot, COUNTER_BYTES, index, mail->size);
	if (decision->action == ACTION_GREYLIST)
		counter_add(slot, COUNTER_GREYLIST_DEFERRED, 1);
	add_hits(account, slot, mail->verdict);
	add_auth(account, slot, mail->verdict);
	add_sources(account, slot, mail->verdict);
	add_times(account, slot, mail);
}

void account_sources(const struct account *account, struct counter_slot *slot,
		     bool serving)
{
	unsigned suspended[NAMED_LISTS + 1] = {0};

	for (unsigned check = 0; check < account->checks; check++)
		for (size_t i = 0; i < account->source_count[check]; i++)
			suspended[account->source_index[check][i]] +=
				serving && engine_source_is_suspended(
						   account->engine, check, i);
	for (unsigned i = 0; i <= NAMED_LISTS; i++)
		counter_set(slot, (enum counter)(GAUGE_LIST_SUSPENDED + i),
			    suspended[i]);
}
