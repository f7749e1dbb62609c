/* What is counted of the programs themselves: probes, scanner, processes. */
#include "milter/daemon/families_tables.h"
#include "milter/net/scan_report.h"

_Static_assert(SCAN_RESULTS == SCANS, "one cell for each result");
_Static_assert(SCAN_TROUBLES == TROUBLES, "one cell for each trouble");

/* The master is counted by nobody. */
static const char *role_at(unsigned index)
{
	return index == ROLE_MASTER ? NULL : role_word((enum role)index);
}

static const char *probe_at(unsigned index)
{
	return index == PROBE_GOOD ? "good" : "bad";
}

static const char *scan_at(unsigned index)
{
	return scan_result_word((enum scan_result)index);
}

/* Those that only the worker can know are counted by it. */
static const char *trouble_at(unsigned index)
{
	return index == SCAN_NO_TROUBLE
		       ? NULL
		       : scan_trouble_word((enum scan_trouble)index);
}

static const struct family_label by_role = {"role", ROLES, role_at, 0};
static const struct family_label by_probe = {"result", PROBE_RESULTS, probe_at,
					     0};
static const struct family_label by_scan = {"result", SCANS, scan_at, 0};
static const struct family_label by_trouble = {"trouble", TROUBLES, trouble_at,
					       0};

const struct family families_host[] = {
	{
		.first = COUNTER_HEALTH_PROBES,
		.name = "health_probes",
		.help = "Messages that the health check sent through, by how "
			"they fared.",
		.labels = {&by_probe},
		.word = "health_probes",
	},
	{
		.first = COUNTER_SCANS,
		.name = "scans",
		.help = "Messages that scanners answered, by result.",
		.labels = {&by_scan},
		.word = "scans",
		.each = "scans_*",
	},
	{
		.first = COUNTER_SCAN_TROUBLES,
		.name = "scan_troubles",
		.help = "Messages that scanners could not scan, by reason.",
		.labels = {&by_trouble},
		.word = "scan_troubles",
	},
	{
		.first = HISTOGRAM_SCAN,
		.kind = FAMILY_HISTOGRAM,
		.name = "scan_duration_seconds",
		.unit = "seconds",
		.help = "Time spent on scanning a message.",
	},
	{
		.first = HISTOGRAM_SCAN_QUEUE,
		.kind = FAMILY_HISTOGRAM,
		.name = "scan_queue_seconds",
		.unit = "seconds",
		.help = "Time that a message waited for a free scanner.",
	},
	{
		.first = COUNTER_SCAN_LOADS_FAILED,
		.name = "scan_failed_loads",
		.help = "Times that signatures could not be loaded.",
		.word = "scan_failed_loads",
	},
	{
		.first = GAUGE_SCAN_STATE,
		.kind = FAMILY_GAUGE,
		.name = "scanner_state",
		.help = "What the scanner does: 0 nothing, 1 loading, 2 "
			"serving, 3 serving with old signatures.",
		.highest = true,
	},
	{
		.first = GAUGE_SCAN_QUEUED,
		.kind = FAMILY_GAUGE,
		.name = "scan_queued",
		.help = "Messages that wait for a free scanner.",
		.highest = true,
	},
	{
		.first = GAUGE_SCANNERS,
		.kind = FAMILY_GAUGE,
		.name = "scanners",
		.help = "Scanner processes, at a message or waiting for one.",
		.highest = true,
	},
	{
		.first = GAUGE_SCANNERS_BUSY,
		.kind = FAMILY_GAUGE,
		.name = "scanners_busy",
		.help = "Scanner processes that are at a message.",
		.highest = true,
	},
	{
		.first = GAUGE_SCAN_OVERAGED,
		.kind = FAMILY_GAUGE,
		.name = "scan_signatures_overaged",
		.help = "Whether the signatures are older than "
			"antivirus.max_age.",
		.highest = true,
	},
	{
		.first = GAUGE_SCAN_RESTLESS,
		.kind = FAMILY_GAUGE,
		.name = "scan_database_restless",
		.help = "Whether the signatures have kept changing for longer "
			"than scanner.restless.",
		.highest = true,
	},
	{
		.first = GAUGE_SCAN_FAILED,
		.kind = FAMILY_GAUGE,
		.name = "scan_load_failed",
		.help = "Whether the newest signatures could not be loaded.",
		.highest = true,
	},
	{
		.first = GAUGE_SCAN_LOADED,
		.kind = FAMILY_GAUGE,
		.name = "scan_loaded_timestamp_seconds",
		.unit = "seconds",
		.help = "When signatures were last loaded.",
		.highest = true,
	},
	{
		.first = GAUGE_ENGINE_VERSION,
		.kind = FAMILY_GAUGE,
		.name = "scan_engine_version",
		.help = "Version of libclamav: 1.4.6 is 1004006.",
		.highest = true,
	},
	{
		.first = GAUGE_SIGNATURES,
		.kind = FAMILY_GAUGE,
		.name = "scan_signatures",
		.help = "Signatures that are looked for.",
		.highest = true,
	},
	{
		.first = GAUGE_DATABASE_VERSION,
		.kind = FAMILY_GAUGE,
		.name = "scan_database_version",
		.help = "Version of the daily signatures.",
		.highest = true,
	},
	{
		.first = GAUGE_DATABASE_TIME,
		.kind = FAMILY_GAUGE,
		.name = "scan_database_timestamp_seconds",
		.unit = "seconds",
		.help = "When the newest signatures were made.",
		.highest = true,
	},
	{
		.first = GAUGE_SESSIONS,
		.kind = FAMILY_GAUGE,
		.name = "open_sessions",
		.help = "Sessions that are open.",
		.word = "sessions_now",
	},
	{
		.first = GAUGE_WAITING,
		.kind = FAMILY_GAUGE,
		.name = "waiting_messages",
		.help = "Messages at their end that wait for answers.",
		.word = "waiting_now",
	},
	{
		.first = COUNTER_STARTS,
		.name = "process_starts",
		.help = "Processes that became ready.",
		.labels = {&by_role},
		.each = "*_starts",
	},
	{
		.first = COUNTER_CRASHES,
		.name = "process_crashes",
		.help = "Processes that ended without being told to.",
		.labels = {&by_role},
		.each = "*_crashes",
	},
	{
		.first = GAUGE_GENERATION,
		.kind = FAMILY_GAUGE,
		.name = "configuration_generation",
		.help = "Number of the configuration in force; each reload "
			"that succeeds raises it.",
		.highest = true,
		.word = "generation",
	},
	{0},
};
