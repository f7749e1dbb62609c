/* All that is asked of the counters by name, not row by row. */
#include "config.h"

#include "milter/daemon/status.h"
#include "common/verdict/json_writer.h"
#include "milter/daemon/names.h"
#include "milter/daemon/resident.h"
#include "milter/engine/policy.h"
#include "milter/net/scan_report.h"
#include "milter/store/vault.h"

/* A member of an object, and the cell it shows. */
struct member {
	const char *name;
	enum counter cell;
};

struct status {
	struct json_writer w;
	const struct counters *counters;
};

static uint64_t at(const struct status *s, enum counter first, unsigned index)
{
	return counters_sum(s->counters, (enum counter)(first + index));
}

static void add_members(struct status *s, const char *name,
			const struct member *members, size_t count)
{
	json_open_object(&s->w, name);
	for (size_t i = 0; i < count; i++)
		json_add_number(&s->w, members[i].name,
				at(s, members[i].cell, 0));
	json_close_object(&s->w);
}

static void add_highest(struct status *s, const struct member *members,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_add_number(&s->w, members[i].name,
				counters_highest(s->counters, members[i].cell));
}

static void add_processes(struct status *s)
{
	struct arena *arena = s->w.out->arena;
	struct counters_process *list =
		ARENA_ARRAY(arena, struct counters_process, COUNTERS_SLOTS);
	size_t count = counters_processes(s->counters, list, COUNTERS_SLOTS);

	json_open_list(&s->w, "processes");
	for (size_t i = 0; i < count; i++) {
		json_open_object(&s->w, NULL);
		json_add_text(&s->w, "role",
			      slice_cstr(role_word(list[i].role)));
		json_add_number(&s->w, "pid", (uint64_t)list[i].pid);
		json_add_number(&s->w, "slot", list[i].slot);
		json_add_number(&s->w, "rss_bytes", resident_bytes(list[i].pid));
		json_close_object(&s->w);
	}
	json_close_list(&s->w);
}

static void add_direction(struct status *s, const char *name,
			  enum direction direction)
{
	unsigned from = (unsigned)direction * ACTIONS;

	json_open_object(&s->w, name);
	for (unsigned i = 0; i < ACTIONS; i++)
		json_add_number(&s->w, action_word((enum action)i),
				at(s, COUNTER_MESSAGES, from + i));
	json_close_object(&s->w);
}

static uint64_t bytes(const struct status *s, enum direction direction)
{
	unsigned from = (unsigned)direction * ACTIONS;

	return counters_sum_all(s->counters,
				(enum counter)(COUNTER_BYTES + from), ACTIONS);
}

static void add_messages(struct status *s)
{
	json_open_object(&s->w, "messages");
	add_direction(s, "in", DIRECTION_IN);
	add_direction(s, "out", DIRECTION_OUT);
	json_add_number(&s->w, "aborted", at(s, COUNTER_ABORTED, 0));
	json_add_number(&s->w, "unanswered", at(s, COUNTER_UNANSWERED, 0));
	json_close_object(&s->w);
	json_open_object(&s->w, "bytes");
	json_add_number(&s->w, "in", bytes(s, DIRECTION_IN));
	json_add_number(&s->w, "out", bytes(s, DIRECTION_OUT));
	json_close_object(&s->w);
}

/*
 * "mean_ms", null for none, and "at_most_ms": the bound that none was over,
 * null if there is none such.
 */
static uint64_t add_times(struct status *s, enum counter first, unsigned index)
{
	unsigned base = index * HISTOGRAM_CELLS;
	uint64_t count = 0, sum_us = at(s, first, base + HISTOGRAM_SUM);
	unsigned highest = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		uint64_t n = at(s, first, base + i);

		count += n;
		highest = n > 0 ? i : highest;
	}
	if (count > 0)
		json_add_real(&s->w, "mean_ms",
			      (double)sum_us / (double)count / 1000);
	else
		json_add_null(&s->w, "mean_ms");
	if (count > 0 && highest < HISTOGRAM_BUCKETS)
		json_add_number(&s->w, "at_most_ms",
				(uint64_t)histogram_bounds_us[highest] / 1000);
	else
		json_add_null(&s->w, "at_most_ms");
	return count;
}

static void add_checks(struct status *s)
{
	unsigned count = names_count(s->counters, NAMES_CHECKS);
	char name[NAMES_LENGTH + 1];

	json_open_list(&s->w, "checks");
	for (unsigned i = 0; i < count; i++) {
		json_open_object(&s->w, NULL);
		names_read(s->counters, NAMES_CHECKS, i, name);
		json_add_text(&s->w, "name", slice_cstr(name));
		json_add_number(&s->w, "count",
				add_times(s, HISTOGRAM_CHECK, i));
		json_close_object(&s->w);
	}
	json_close_list(&s->w);
}

static void add_list(struct status *s, unsigned index)
{
	char name[NAMES_LENGTH + 1];

	json_open_object(&s->w, NULL);
	names_read(s->counters, NAMES_LISTS, index, name);
	json_add_text(&s->w, "name", slice_cstr(name));
	json_add_number(&s->w, "asked", at(s, COUNTER_LIST_ASKED, index));
	json_add_number(&s->w, "listed", at(s, COUNTER_LIST_LISTED, index));
	json_add_number(&s->w, "errors", at(s, COUNTER_LIST_ERRORS, index));
	json_add_number(&s->w, "suspended",
			at(s, GAUGE_LIST_SUSPENDED, index));
	add_times(s, HISTOGRAM_LIST, index);
	json_close_object(&s->w);
}

/* "other" comes last, and only if there is something of it. */
static void add_lists(struct status *s)
{
	unsigned count = names_count(s->counters, NAMES_LISTS);

	json_open_list(&s->w, "lists");
	for (unsigned i = 0; i < count; i++)
		add_list(s, i);
	if (at(s, COUNTER_LIST_ASKED, NAMED_LISTS) > 0)
		add_list(s, NAMED_LISTS);
	json_close_list(&s->w);
}

static void add_services(struct status *s)
{
	static const struct member greylist[] = {
		{"deferred", COUNTER_GREYLIST_DEFERRED},
		{"passed", COUNTER_GREYLIST_PASSED},
		{"returned", COUNTER_GREYLIST_RETURNED},
		{"never_returned", COUNTER_GREYLIST_NEVER_RETURNED},
	};
	static const struct member dns[] = {
		{"asked", COUNTER_DNS_ASKED},
		{"cached", COUNTER_DNS_CACHED},
		{"coalesced", COUNTER_DNS_COALESCED},
		{"failed", COUNTER_DNS_FAILED},
		{"refused", COUNTER_DNS_REFUSED},
		{"in_flight", GAUGE_DNS_IN_FLIGHT},
	};
	static const struct member store[] = {
		{"asked", COUNTER_STORE_ASKED},
		{"late", COUNTER_STORE_LATE},
		{"failed", COUNTER_STORE_FAILED},
		{"skipped", COUNTER_STORE_SKIPPED},
		{"downs", COUNTER_STORE_DOWNS},
		{"down_now", GAUGE_STORE_DOWN},
	};

	add_members(s, "greylist", greylist,
		    sizeof(greylist) / sizeof(greylist[0]));
	add_members(s, "dns", dns, sizeof(dns) / sizeof(dns[0]));
	add_members(s, "store", store, sizeof(store) / sizeof(store[0]));
}

static void add_records(struct status *s)
{
	json_open_object(&s->w, "records");
	json_add_number(&s->w, "sent", at(s, COUNTER_RECORDS_SENT, 0));
	json_add_number(&s->w, "dropped", at(s, COUNTER_RECORDS_DROPPED, 0));
	json_add_number(&s->w, "stored", at(s, COUNTER_RECORDS_STORED, 0));
	json_add_number(&s->w, "lost", at(s, COUNTER_RECORDS_LOST, 0));
	json_add_number(&s->w, "queued", at(s, GAUGE_RECORDS_QUEUED, 0));
	json_add_bool(&s->w, "history_up",
		      counters_highest(s->counters, GAUGE_HISTORY_UP) > 0);
	json_close_object(&s->w);
}

static void add_vault(struct status *s)
{
	static const struct member highest[] = {
		{"messages", GAUGE_VAULT_MESSAGES},
		{"bytes", GAUGE_VAULT_BYTES},
		{"released", GAUGE_VAULT_RELEASED},
		{"oldest_held_s", GAUGE_VAULT_OLDEST},
		{"free_bytes", GAUGE_VAULT_FREE},
	};

	json_open_object(&s->w, "vault");
	add_highest(s, highest, sizeof(highest) / sizeof(highest[0]));
	json_open_object(&s->w, "held");
	for (unsigned i = 0; i < VAULTED; i++)
		json_add_number(&s->w, vault_class_word((enum vault_class)i),
				at(s, GAUGE_VAULT_HELD, i));
	json_close_object(&s->w);
	json_close_object(&s->w);
}

static const char *scanner_state(const struct status *s)
{
	static const char *const words[] = {"none", "loading", "serving",
					    "old"};
	uint64_t state = counters_highest(s->counters, GAUGE_SCAN_STATE);

	return words[state < sizeof(words) / sizeof(words[0]) ? state : 0];
}

/* The version of libclamav in words, null while there is none. */
static void add_engine(struct status *s)
{
	uint64_t v = counters_highest(s->counters, GAUGE_ENGINE_VERSION);
	struct arena *arena = s->w.out->arena;

	if (v == 0)
		json_add_null(&s->w, "engine");
	else
		json_add_text(&s->w, "engine",
			      arena_printf(arena, "ClamAV %u.%u.%u",
					   (unsigned)(v / 1000000),
					   (unsigned)(v / 1000 % 1000),
					   (unsigned)(v % 1000)));
}

static void add_scanner(struct status *s)
{
	static const struct member highest[] = {
		{"signatures", GAUGE_SIGNATURES},
		{"database_version", GAUGE_DATABASE_VERSION},
		{"database_time", GAUGE_DATABASE_TIME},
		{"loaded", GAUGE_SCAN_LOADED},
	};

	json_open_object(&s->w, "scanner");
	json_add_text(&s->w, "state", slice_cstr(scanner_state(s)));
	add_engine(s);
	add_highest(s, highest, sizeof(highest) / sizeof(highest[0]));
	json_add_bool(&s->w, "overaged",
		      counters_highest(s->counters, GAUGE_SCAN_OVERAGED) > 0);
	json_add_bool(&s->w, "restless",
		      counters_highest(s->counters, GAUGE_SCAN_RESTLESS) > 0);
	json_add_bool(&s->w, "load_failed",
		      counters_highest(s->counters, GAUGE_SCAN_FAILED) > 0);
	json_add_number(&s->w, "failed_loads",
			at(s, COUNTER_SCAN_LOADS_FAILED, 0));
	json_add_number(&s->w, "queued",
			counters_highest(s->counters, GAUGE_SCAN_QUEUED));
	json_add_number(&s->w, "scanners", at(s, GAUGE_SCANNERS, 0));
	json_add_number(&s->w, "busy", at(s, GAUGE_SCANNERS_BUSY, 0));
	json_open_object(&s->w, "queue_wait");
	add_times(s, HISTOGRAM_SCAN_QUEUE, 0);
	json_close_object(&s->w);
	for (unsigned i = 0; i < SCANS; i++)
		json_add_number(&s->w, scan_result_word((enum scan_result)i),
				at(s, COUNTER_SCANS, i));
	add_times(s, HISTOGRAM_SCAN, 0);
	json_close_object(&s->w);
}

static void add_by_role(struct status *s, const char *name, enum counter first)
{
	json_open_object(&s->w, name);
	for (unsigned i = 0; i < ROLES; i++)
		if (i != ROLE_MASTER)
			json_add_number(&s->w, role_word((enum role)i),
					at(s, first, i));
	json_close_object(&s->w);
}

static void add_all(struct status *s)
{
	json_add_text(&s->w, "version", SLICE(PACKAGE_VERSION));
	json_add_number(&s->w, "generation",
			counters_highest(s->counters, GAUGE_GENERATION));
	json_add_real(&s->w, "started",
		      (double)counters_started_ms(s->counters) / 1000);
	json_add_real(&s->w, "uptime_s",
		      (double)counters_uptime_ms(s->counters) / 1000);
	add_processes(s);
	json_open_object(&s->w, "sessions");
	json_add_number(&s->w, "now", at(s, GAUGE_SESSIONS, 0));
	json_add_number(&s->w, "total", at(s, COUNTER_SESSIONS, 0));
	json_add_number(&s->w, "refused", at(s, COUNTER_SESSIONS_REFUSED, 0));
	json_close_object(&s->w);
	json_add_number(&s->w, "waiting", at(s, GAUGE_WAITING, 0));
	add_messages(s);
	add_checks(s);
	add_lists(s);
	add_services(s);
	add_records(s);
	add_vault(s);
	add_scanner(s);
	add_by_role(s, "starts", COUNTER_STARTS);
	add_by_role(s, "crashes", COUNTER_CRASHES);
}

struct slice status_json(struct arena *arena, const struct counters *counters)
{
	struct buf out = BUF(arena);
	struct status s = {{&out, false}, counters};

	json_open_object(&s.w, NULL);
	add_all(&s);
	json_close_object(&s.w);
	buf_add_char(&out, '\n');
	return buf_slice(&out);
}
