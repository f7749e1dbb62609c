/*
 * The engine. setup: checks and settings become an immutable table (this
 * file); running: a message goes through it (run.c).
 */
#include "milter/engine/engine.h"
#include "milter/engine/engine_private.h"
#include "milter/engine/engine_table.h"

#include "common/base/nearest.h"

#include <string.h>

static const struct setting engine_rows[] = {
	SETTING(struct engine_conf, trusted_networks, "", NULL, NULL,
		"Networks (ADDR/BITS) whose mail skips all sender checks; "
		"your own hosts and relays"),
	SETTING_END,
};
const struct settings_group engine_settings = {
	.section = "",
	.rows = engine_rows,
	.conf_size = sizeof(struct engine_conf),
	.doc = "General",
};

static const struct setting limits_rows[] = {
	SETTING(struct limits_conf, deadline, "40s", "1s", "240s",
		"How long the end of a message may wait for all answers "
		"together; keep it below Postfix's milter_content_timeout"),
	SETTING(struct limits_conf, questions, "300", "10", "5000",
		"DNS questions one message may cause"),
	SETTING(struct limits_conf, header, "4m", "64k", "64m",
		"Size of all header fields of a message; larger ones are "
		"deferred"),
	SETTING(struct limits_conf, fields, "10000", "100", "100000",
		"Number of header fields of a message; more are deferred"),
	SETTING(struct limits_conf, recipients, "10000", "1", "100000",
		"Recipients of a message; more are deferred"),
	SETTING(struct limits_conf, message, "100m", "64k", "2g",
		"Size of a message; a larger one is refused with 552. Keep "
		"it above Postfix's message_size_limit"),
	SETTING_END,
};
const struct settings_group limits_settings = {
	.section = "limits",
	.rows = limits_rows,
	.conf_size = sizeof(struct limits_conf),
	.doc = "What one message may cost",
};

static const struct symbol *find_in(const struct symbol *list,
				    struct slice name)
{
	for (; list && list->name; list++)
		if (slice_eq(slice_cstr(list->name), name))
			return list;
	return NULL;
}

void engine_symbols(const struct engine *engine, unsigned index,
		    const struct symbol *lists_r[2])
{
	const struct check *check = engine->checks[index].check;

	lists_r[0] = check->symbols;
	lists_r[1] = check->more_symbols
			     ? check->more_symbols(engine->checks[index].ready)
			     : NULL;
}

const struct slice *engine_sources(const struct engine *engine,
				   unsigned index, size_t *count_r)
{
	const struct engine_check *row = &engine->checks[index];

	*count_r = 0;
	return row->check->sources ? row->check->sources(row->ready, count_r)
				   : NULL;
}

bool engine_source_is_suspended(const struct engine *engine, unsigned index,
				size_t source)
{
	const struct engine_check *row = &engine->checks[index];

	return row->check->source_is_suspended &&
	       row->check->source_is_suspended(row->ready, source);
}

const struct symbol *engine_symbol(const struct engine *engine,
				   struct slice name)
{
	for (unsigned i = 0; i < engine->count; i++) {
		const struct symbol *lists[2], *found;

		engine_symbols(engine, i, lists);
		found = find_in(lists[0], name);
		if (!found)
			found = find_in(lists[1], name);
		if (found)
			return found;
	}
	return NULL;
}

static const struct symbol *find_symbol(const void *with, struct slice name)
{
	return engine_symbol(with, name);
}

const char *engine_nearest_symbol(const struct engine *engine,
				  struct slice name)
{
	struct nearest nearest = nearest_begin(name);

	for (unsigned i = 0; i < engine->count; i++) {
		const struct symbol *lists[2];

		engine_symbols(engine, i, lists);
		for (int k = 0; k < 2; k++)
			for (; lists[k] && lists[k]->name; lists[k]++)
				nearest_offer(&nearest, lists[k]->name);
	}
	return nearest_result(&nearest);
}

static const char *nearest_symbol(const void *with, struct slice name)
{
	return engine_nearest_symbol(with, name);
}

/* The mask of checks that must be done before: names to table bits. */
static uint32_t mask_of(const struct engine *engine, const char *const *names)
{
	uint32_t mask = 0;

	for (; names && *names; names++)
		for (unsigned i = 0; i < engine->count; i++)
			if (strcmp(engine->checks[i].check->name, *names) == 0)
				mask |= UINT32_C(1) << i;
	return mask;
}

static int read_networks(struct engine *engine, struct err *err)
{
	const struct engine_conf *conf =
		conf_group(engine->conf, &engine_settings);

	engine->nets = ARENA_ARRAY(engine->arena, struct ip_net,
				   conf->trusted_networks.n + 1);
	for (size_t i = 0; i < conf->trusted_networks.n; i++) {
		struct slice text = conf->trusted_networks.v[i];

		if (!ip_net_parse(text, &engine->nets[i]))
			return err_set(err,
				       "trusted_networks: '%.*s' is not a "
				       "network; write 192.0.2.0/24 or "
				       "2001:db8::/32",
				       SLICE_FMT(text));
		engine->net_count++;
	}
	return 0;
}

static int prepare_check(struct engine *engine, struct engine_check *row,
			 struct err *err)
{
	const struct check *check = row->check;

	if (check->settings)
		row->ready = conf_group(engine->conf, check->settings);
	if (check->prepare && check->prepare(engine->arena, engine->conf,
					     &row->ready, err) < 0) {
		/* stop() must not take the settings for what it prepared. */
		row->ready = NULL;
		return -1;
	}
	row->wait_ms = 10000;
	row->total_ms = INT64_MAX;
	if (check->limits)
		check->limits(row->ready, &row->wait_ms, &row->total_ms);
	row->after = mask_of(engine, check->after);
	if (check->await)
		engine->awaiters |= UINT32_C(1) << (row - engine->checks);
	return 0;
}

static int review_checks(const struct engine *engine, struct err *err)
{
	for (unsigned i = 0; i < engine->count; i++) {
		const struct engine_check *row = &engine->checks[i];

		if (row->check->review &&
		    row->check->review(engine, row->ready, err) < 0)
			return -1;
	}
	return 0;
}

struct engine *engine_new(const struct check *const *checks,
			  const struct conf *conf, struct resolver *resolver,
			  struct err *err)
{
	struct arena *arena = arena_new(0);
	struct engine *engine = ARENA_NEW(arena, struct engine);

	engine->arena = arena;
	engine->conf = conf;
	engine->resolver = resolver;
	engine->limits = conf_group(conf, &limits_settings);
	for (; checks[engine->count]; engine->count++) {
		if (engine->count == LOOKUPS_OWNERS)
			break;
		engine->checks[engine->count].check = checks[engine->count];
	}
	for (unsigned i = 0; i < engine->count; i++)
		if (prepare_check(engine, &engine->checks[i], err) < 0)
			goto failed;
	if (read_networks(engine, err) < 0)
		goto failed;
	engine->score = score_new(arena, conf, find_symbol, nearest_symbol,
				  engine, err);
	if (engine->score && review_checks(engine, err) == 0)
		return engine;
failed:
	engine_free(&engine);
	return NULL;
}

void engine_free(struct engine **engine)
{
	struct arena *arena;

	if (!*engine)
		return;
	for (unsigned i = 0; i < (*engine)->count; i++) {
		const struct engine_check *row = &(*engine)->checks[i];

		if (row->check->stop && row->ready)
			row->check->stop(row->ready, (*engine)->resolver);
	}
	arena = (*engine)->arena;
	arena_free(&arena);
	*engine = NULL;
}

unsigned engine_check_count(const struct engine *engine)
{
	return engine->count;
}

const struct check *engine_check(const struct engine *engine, unsigned index)
{
	return engine->checks[index].check;
}

void engine_tick(const struct engine *engine, int64_t now_ms)
{
	for (unsigned i = 0; i < engine->count; i++) {
		const struct engine_check *row = &engine->checks[i];

		if (row->check->tick)
			row->check->tick(row->ready, engine->resolver, now_ms);
	}
}

bool engine_trusts(const struct engine *engine, const struct ip *ip)
{
	for (size_t i = 0; i < engine->net_count; i++)
		if (ip_in(ip, &engine->nets[i].base, engine->nets[i].bits))
			return true;
	return false;
}

const struct conf *engine_configuration(const struct engine *engine)
{
	return engine->conf;
}

void engine_set_store(struct engine *engine, struct store *store)
{
	engine->store = store;
}

struct store *engine_store(const struct engine *engine)
{
	return engine->store;
}

void engine_set_vault(struct engine *engine, const struct vault *vault)
{
	engine->vault = vault;
}

const struct vault *engine_vault(const struct engine *engine)
{
	return engine->vault;
}

void engine_set_scans(struct engine *engine, const struct scan_options *scans)
{
	engine->scans = scans;
}

const struct scan_options *engine_scans(const struct engine *engine)
{
	return engine->scans;
}

double engine_symbol_score(const struct engine *engine,
			   const struct symbol *symbol)
{
	return score_of(engine->score, symbol);
}

const struct limits_conf *engine_limits(const struct engine *engine)
{
	return engine->limits;
}
