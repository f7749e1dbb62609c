/*
 * From settings to lists. Each list is first described (a struct
 * rbl_list_conf: shipped rows, then what the file gives), then read; so a
 * shipped list goes through the same reading as one of the operator's.
 */
#include "milter/checks/rbl_conf.h"
#include "common/mail/domain.h"
#include "milter/checks/rbl_lists.h"

/* Room for the nibbles of an IPv6 address before the zone. */
#define ZONE_MAX (253 - 64)
#define SYMBOLS_MAX 512

static const struct setting rbl_rows[] = {
	SETTING(struct rbl_conf, enabled, "yes", NULL, NULL,
		"ask DNS block and allow lists"),
	SETTING(struct rbl_conf, shipped_lists, "yes", NULL, NULL,
		"use the lists that come with Gatepost; no: only those "
		"that have a list section here (which may still leave out "
		"what Gatepost knows about them)"),
	SETTING(struct rbl_conf, skip_private, "yes", NULL, NULL,
		"never ask lists about private and reserved addresses"),
	SETTING(struct rbl_conf, timeout, "3s", "100ms", "30s",
		"how long an answer of a list is waited for"),
	SETTING(struct rbl_conf, test_lists, "yes", NULL, NULL,
		"test each list at start and regularly, and suspend those "
		"that are dead, list everything or refuse to answer"),
	SETTING(struct rbl_conf, test_interval, "1h", "1m", "1d",
		"time between two tests of a list"),
	SETTING_END,
};

const struct settings_group rbl_settings = {
	.section = "rbl",
	.rows = rbl_rows,
	.conf_size = sizeof(struct rbl_conf),
	.doc = "DNS block and allow lists (RFC 5782)",
};

/* In the order of list_rows. */
enum list_row {
	ROW_ENABLED,
	ROW_QUERY,
	ROW_ANSWERS,
	ROW_IPV4,
	ROW_IPV6,
	ROW_TEST_LISTED,
	ROW_TEST_UNLISTED,
};

static const struct setting list_rows[] = {
	SETTING(struct rbl_list_conf, enabled, "yes", NULL, NULL,
		"ask this list (of those that come with Gatepost, some are "
		"off until this says yes)"),
	SETTING(struct rbl_list_conf, query, "address", NULL, NULL,
		"what the list is asked about: address (of the client), or "
		"the domains in helo, ptr (reverse DNS), sender (envelope), "
		"from (header) and dkim (valid signatures), each whole and "
		"not only its registered part"),
	SETTING(struct rbl_list_conf, answers, "", NULL, NULL,
		"what its answers mean, each as \"127.0.0.2 SYMBOL 4.0 "
		"a source of spam\"; codes may be 127.0.0.4-7, 127.0.*.3 or "
		"bits such as &8; \"127.0.0.1 refused\" is a code by which "
		"the provider turns us away"),
	SETTING(struct rbl_list_conf, ipv4, "yes", NULL, NULL,
		"the list knows IPv4 addresses"),
	SETTING(struct rbl_list_conf, ipv6, "no", NULL, NULL,
		"the list knows IPv6 addresses"),
	SETTING(struct rbl_list_conf, test_listed, "", NULL, NULL,
		"address or domain that is always listed; empty: 127.0.0.2, "
		"or TEST for domains; none: do not test"),
	SETTING(struct rbl_list_conf, test_unlisted, "", NULL, NULL,
		"address or domain that is never listed; empty: 127.0.0.1, "
		"or INVALID for domains; none: do not test"),
	SETTING_END,
};

const struct settings_group rbl_list_settings = {
	.section = "list",
	.rows = list_rows,
	.conf_size = sizeof(struct rbl_list_conf),
	.doc = "A DNS list, named by its zone",
	.titled = true,
};

static const struct {
	const char *word;
	enum rbl_query query;
} query_words[] = {
	{"address", RBL_ADDRESS}, {"helo", RBL_HELO}, {"ptr", RBL_PTR},
	{"sender", RBL_SENDER},	  {"from", RBL_FROM}, {"dkim", RBL_DKIM},
};

struct maker {
	struct arena *arena;
	struct err *err;
	struct rbl_lists *lists;
	size_t symbol_count;
	/* The list that is being made. */
	struct slice zone;
	const char *place;
};

/* An error that names the list and where it stands. */
static int wrong(const struct maker *m, const char *setting, struct slice text,
		 const char *why)
{
	return err_set(m->err, "%s: list \"%.*s\": %s: '%.*s': %s", m->place,
		       SLICE_FMT(m->zone), setting, SLICE_FMT(text), why);
}

static struct strlist words_of(struct arena *arena, const char *text)
{
	struct slice rest = slice_cstr(text), word;
	struct slice *words = ARENA_ARRAY(arena, struct slice, 8);
	size_t n = 0;

	while (n < 8 && slice_next(&rest, ',', &word))
		words[n++] = slice_trim(word);
	return (struct strlist){words, n};
}

static struct text text_of(const char *text)
{
	return (struct text){text ? slice_cstr(text) : SLICE("")};
}

static struct rbl_list_conf describe(struct arena *arena,
				     const struct rbl_shipped *row)
{
	struct slice *answers =
		ARENA_ARRAY(arena, struct slice, RBL_SHIPPED_ANSWERS);
	size_t n = 0;

	for (; n < RBL_SHIPPED_ANSWERS && row->answers[n]; n++)
		answers[n] = slice_cstr(row->answers[n]);
	return (struct rbl_list_conf){
		.enabled = row->enabled,
		.query = words_of(arena, row->query),
		.answers = {answers, n},
		.ipv4 = true,
		.ipv6 = row->ipv6,
		.test_listed = text_of(row->test_listed),
		.test_unlisted = text_of(row->test_unlisted),
	};
}

/* What the block gives replaces what was shipped. */
static void override(struct rbl_list_conf *conf, const struct conf_block *block)
{
	const struct rbl_list_conf *given = block->values;

	if (block->given[ROW_ENABLED])
		conf->enabled = given->enabled;
	if (block->given[ROW_QUERY])
		conf->query = given->query;
	if (block->given[ROW_ANSWERS])
		conf->answers = given->answers;
	if (block->given[ROW_IPV4])
		conf->ipv4 = given->ipv4;
	if (block->given[ROW_IPV6])
		conf->ipv6 = given->ipv6;
	if (block->given[ROW_TEST_LISTED])
		conf->test_listed = given->test_listed;
	if (block->given[ROW_TEST_UNLISTED])
		conf->test_unlisted = given->test_unlisted;
}

static int read_query(struct maker *m, const struct strlist *words,
		      unsigned *query_r)
{
	*query_r = 0;
	for (size_t i = 0; i < words->n; i++) {
		unsigned found = 0;

		for (size_t k = 0;
		     k < sizeof(query_words) / sizeof(query_words[0]); k++)
			if (slice_eq_nocase(words->v[i],
					    slice_cstr(query_words[k].word)))
				found = query_words[k].query;
		if (!found)
			return wrong(m, "query", words->v[i],
				     "allowed are address, helo, ptr, sender, "
				     "from and dkim");
		*query_r |= found;
	}
	if (*query_r)
		return 0;
	return wrong(m, "query", SLICE(""),
		     "say what the list is asked about: address, helo, ptr, "
		     "sender, from or dkim");
}

static const char *group_of(const struct rbl_list *list, double points)
{
	if (points < 0)
		return "rbl_allow";
	return list->query & RBL_ADDRESS ? "rbl_address" : "rbl_domain";
}

/* The symbol of a line: a new one, or the one that an earlier line made. */
static int make_symbol(struct maker *m, struct rbl_list *list,
		       const struct rbl_line *line, struct rbl_code *code)
{
	struct symbol *symbols = m->lists->symbols;

	code->meaning = arena_dup(m->arena, line->meaning);
	for (size_t i = 0; i < m->symbol_count; i++) {
		if (!slice_eq(slice_cstr(symbols[i].name), line->symbol))
			continue;
		code->symbol = &symbols[i];
		if (symbols[i].score == line->points)
			return 0;
		return wrong(m, "answers", line->symbol,
			     "this symbol has other points in another line; "
			     "give both the same or another name");
	}
	if (m->symbol_count == SYMBOLS_MAX)
		return wrong(m, "answers", line->symbol, "too many symbols");
	symbols[m->symbol_count] = (struct symbol){
		.name = arena_cstr(m->arena, line->symbol),
		.score = line->points,
		.doc = arena_printf(m->arena, "listed by %.*s as %.*s",
				    SLICE_FMT(m->zone),
				    SLICE_FMT(line->meaning))
			       .p,
		.group = group_of(list, line->points),
	};
	code->symbol = &symbols[m->symbol_count++];
	return 0;
}

static int read_answers(struct maker *m, const struct strlist *lines,
			struct rbl_list *list)
{
	if (lines->n == 0)
		return wrong(m, "answers", SLICE(""),
			     "say what its answers mean, such as "
			     "\"127.0.0.2 RBL_NAME 4.0 a source of spam\"");
	list->codes = ARENA_ARRAY(m->arena, struct rbl_code, lines->n);
	for (size_t i = 0; i < lines->n; i++) {
		struct rbl_line line;
		const char *why;

		if (!rbl_line_parse(lines->v[i], &line, &why))
			return wrong(m, "answers", lines->v[i], why);
		list->codes[i] = line.code;
		if (!line.code.refused &&
		    make_symbol(m, list, &line, &list->codes[i]) < 0)
			return -1;
	}
	list->code_count = lines->n;
	return 0;
}

/* RFC 5782 5: the entries that every list has, and that none may have. */
static struct slice usual_test(struct maker *m, const struct rbl_list *list,
			       bool listed)
{
	struct ip ip = {IP_V4, {127, 0, 0, listed ? 2 : 1}};

	if (!(list->query & RBL_ADDRESS))
		return arena_printf(m->arena, "%s.%.*s",
				    listed ? "test" : "invalid",
				    SLICE_FMT(m->zone));
	if (!list->ipv4)
		ip = (struct ip){IP_V6,
				 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127,
				  0, 0, listed ? 2 : 1}};
	return ip_reverse_name(m->arena, &ip, m->zone);
}

static int read_test(struct maker *m, const struct rbl_list *list, bool listed,
		     struct slice text, struct slice *name_r)
{
	struct slice normal;
	struct ip ip;

	*name_r = SLICE("");
	if (slice_eq_nocase(text, SLICE("none")))
		return 0;
	if (text.n == 0)
		*name_r = usual_test(m, list, listed);
	else if (ip_parse(text, &ip))
		*name_r = ip_reverse_name(m->arena, &ip, m->zone);
	else if (domain_normalise(m->arena, text, &normal))
		*name_r = arena_printf(m->arena, "%.*s.%.*s", SLICE_FMT(normal),
				       SLICE_FMT(m->zone));
	else
		return wrong(m, listed ? "test_listed" : "test_unlisted", text,
			     "write an address, a domain or none");
	return 0;
}

static int make_list(struct maker *m, const struct rbl_described *described)
{
	const struct rbl_list_conf *conf = &described->conf;
	struct rbl_list *list;

	m->place = described->place;
	if (!domain_normalise(m->arena, described->zone, &m->zone) ||
	    m->zone.n > ZONE_MAX) {
		m->zone = described->zone;
		return wrong(m, "zone", m->zone,
			     "the title of a list must be its zone, such as "
			     "zen.spamhaus.org");
	}
	if (m->lists->count == RBL_LISTS_MAX)
		return wrong(m, "enabled", SLICE("yes"), "too many lists");
	list = &m->lists->list[m->lists->count++];
	list->zone = m->zone;
	list->ipv4 = conf->ipv4;
	list->ipv6 = conf->ipv6;
	if (read_query(m, &conf->query, &list->query) < 0 ||
	    read_answers(m, &conf->answers, list) < 0 ||
	    read_test(m, list, true, conf->test_listed.s, &list->test_listed) <
		    0)
		return -1;
	return read_test(m, list, false, conf->test_unlisted.s,
			 &list->test_unlisted);
}

static bool same_zone(struct slice title, const char *zone)
{
	if (title.n > 0 && title.p[title.n - 1] == '.')
		title.n--;
	return slice_eq_nocase(title, slice_cstr(zone));
}

static const struct conf_block *block_of(const struct conf_block *blocks,
					 size_t count, const char *zone)
{
	for (size_t i = 0; i < count; i++)
		if (same_zone(blocks[i].title, zone))
			return &blocks[i];
	return NULL;
}

static bool is_shipped(struct slice title)
{
	for (const struct rbl_shipped *row = rbl_shipped; row->zone; row++)
		if (same_zone(title, row->zone))
			return true;
	return false;
}

static struct rbl_described describe_row(struct arena *arena,
					 const struct conf *conf,
					 const struct rbl_shipped *row,
					 const struct conf_block *block)
{
	struct rbl_described described = {
		.zone = slice_cstr(row->zone),
		.place =
			block ? conf_block_place(conf, block) : "shipped lists",
		.conf = describe(arena, row),
	};

	if (block)
		override(&described.conf, block);
	return described;
}

struct rbl_described *rbl_lists_describe(struct arena *arena,
					 const struct conf *conf,
					 size_t *count_r)
{
	const struct rbl_conf *rbl = conf_group(conf, &rbl_settings);
	const struct rbl_shipped *row = rbl_shipped;
	const struct conf_block *blocks;
	struct rbl_described *all;
	size_t count, n = 0;

	blocks = conf_titled(conf, &rbl_list_settings, &count);
	while (row[n].zone)
		n++;
	all = ARENA_ARRAY(arena, struct rbl_described, n + count);
	for (n = 0; row->zone; row++) {
		const struct conf_block *block =
			block_of(blocks, count, row->zone);

		if (block || rbl->shipped_lists)
			all[n++] = describe_row(arena, conf, row, block);
	}
	for (size_t i = 0; i < count; i++)
		if (!is_shipped(blocks[i].title))
			all[n++] = (struct rbl_described){
				blocks[i].title,
				conf_block_place(conf, &blocks[i]),
				*(const struct rbl_list_conf *)blocks[i].values,
			};
	*count_r = n;
	return all;
}

int rbl_lists_make(struct arena *arena, const struct conf *conf,
		   struct rbl_lists *lists_r, struct err *err)
{
	struct maker m = {.arena = arena, .err = err, .lists = lists_r};
	const struct rbl_described *all;
	size_t count;

	all = rbl_lists_describe(arena, conf, &count);
	lists_r->list = ARENA_ARRAY(arena, struct rbl_list, RBL_LISTS_MAX);
	lists_r->symbols = ARENA_ARRAY(arena, struct symbol, SYMBOLS_MAX + 1);
	for (size_t i = 0; i < count; i++)
		if (all[i].conf.enabled && make_list(&m, &all[i]) < 0)
			return -1;
	return 0;
}
