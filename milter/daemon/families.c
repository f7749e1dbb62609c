/* The table of families. Rows stand in the order in which they are shown. */
#include "milter/daemon/families.h"
#include "common/verdict/feedback.h"
#include "milter/engine/policy.h"
#include "milter/engine/report.h"
#include "milter/net/scan_report.h"

_Static_assert(POLICY_ACTIONS == ACTIONS, "one cell for each action");
_Static_assert(VAULT_CLASSES == VAULTED, "one cell for each class");
_Static_assert(AUTH_PERMERROR + 1 == RESULTS, "one cell for each result");
_Static_assert(SCAN_RESULTS == SCANS, "one cell for each result");
_Static_assert(SCAN_TROUBLES == TROUBLES, "one cell for each trouble");
_Static_assert(REPORT_STAGES == STAGES, "one histogram for each stage");

static const char *direction_at(unsigned index)
{
	return index == DIRECTION_IN ? "in" : "out";
}

static const char *action_at(unsigned index)
{
	return action_word((enum action)index);
}

/* RFC 8601 2.7 has results that only some methods know. */
static const char *spf_at(unsigned index)
{
	return index == AUTH_POLICY
		       ? NULL
		       : auth_result_word((enum auth_result)index);
}

static const char *dkim_at(unsigned index)
{
	return index == AUTH_SOFTFAIL
		       ? NULL
		       : auth_result_word((enum auth_result)index);
}

static const char *dmarc_at(unsigned index)
{
	return index == AUTH_NEUTRAL || !spf_at(index) ? NULL : dkim_at(index);
}

static const char *vault_class_at(unsigned index)
{
	return vault_class_word((enum vault_class)index);
}

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

/* COUNTER_STORE_LATE and those that follow it. */
static const char *store_error_at(unsigned index)
{
	static const char *const words[] = {"late", "failed", "skipped"};

	return words[index];
}

static const char *said_at(unsigned index)
{
	return feedback_said_word((enum feedback_said)index);
}

static const char *how_at(unsigned index)
{
	return feedback_how_word((enum feedback_how)index);
}

static const char *refusal_at(unsigned index)
{
	static const char *const words[REFUSALS] = {
		[FEEDBACK_MALFORMED] = "malformed",
		[FEEDBACK_UNKNOWN] = "unknown",
		[FEEDBACK_DROPPED] = "dropped",
	};

	return words[index];
}

static const struct family_label by_direction = {"direction", DIRECTIONS,
						 direction_at, 0};
static const struct family_label by_action = {"action", ACTIONS, action_at, 0};
static const struct family_label by_spf = {"result", RESULTS, spf_at, 0};
static const struct family_label by_dkim = {"result", RESULTS, dkim_at, 0};
static const struct family_label by_dmarc = {"result", RESULTS, dmarc_at, 0};
static const struct family_label by_stage = {"stage", STAGES,
					     report_stage_word, 0};
static const struct family_label by_class = {"class", VAULTED,
					     vault_class_at, 0};
static const struct family_label by_role = {"role", ROLES, role_at, 0};
static const struct family_label by_probe = {"result", PROBE_RESULTS, probe_at,
					     0};
static const struct family_label by_scan = {"result", SCANS, scan_at, 0};
static const struct family_label by_trouble = {"trouble", TROUBLES, trouble_at,
					       0};
static const struct family_label by_store_error = {"error", 3, store_error_at,
						   0};
static const struct family_label by_said = {"said", SAIDS, said_at, 0};
static const struct family_label by_how = {"how", HOWS, how_at, 0};
static const struct family_label by_refusal = {"reason", REFUSALS, refusal_at,
					       0};
static const struct family_label by_symbol = {"symbol", 0, NULL,
					      NAMES_SYMBOLS};
static const struct family_label by_list = {"list", 0, NULL, NAMES_LISTS};
static const struct family_label by_check = {"check", 0, NULL, NAMES_CHECKS};

const struct family families[] = {
	{
		.first = COUNTER_SESSIONS,
		.name = "sessions",
		.help = "Sessions that a mail server opened.",
		.word = "sessions",
	},
	{
		.first = COUNTER_SESSIONS_REFUSED,
		.name = "sessions_refused",
		.help = "Sessions turned away over worker.max_sessions.",
		.word = "sessions_refused",
	},
	{
		.first = COUNTER_MESSAGES,
		.name = "messages",
		.help = "Messages decided, by direction and action.",
		.labels = {&by_direction, &by_action},
		.word = "messages",
		.each = "*",
	},
	{
		.first = COUNTER_ABORTED,
		.name = "messages_aborted",
		.help = "Messages given up by the mail server before their "
			"end.",
		.word = "aborted",
	},
	{
		.first = COUNTER_UNANSWERED,
		.name = "messages_unanswered",
		.help = "Messages decided after the mail server had gone.",
		.word = "unanswered",
	},
	{
		.first = COUNTER_BYTES,
		.name = "message_bytes",
		.unit = "bytes",
		.help = "Size of the messages decided, header and body.",
		.labels = {&by_direction, &by_action},
		.word = "bytes",
	},
	{
		.first = COUNTER_SYMBOLS,
		.name = "symbol_hits",
		.help = "Messages in which a symbol was found.",
		.labels = {&by_symbol},
		.word = "symbol_hits",
	},
	{
		.first = COUNTER_SPF,
		.name = "spf_results",
		.help = "Results of SPF, one for each message examined.",
		.labels = {&by_spf},
		.word = "spf_results",
	},
	{
		.first = COUNTER_DKIM,
		.name = "dkim_results",
		.help = "Results of DKIM, one for each signature; none: "
			"messages without any.",
		.labels = {&by_dkim},
		.word = "dkim_results",
	},
	{
		.first = COUNTER_DMARC,
		.name = "dmarc_results",
		.help = "Results of DMARC, one for each message examined.",
		.labels = {&by_dmarc},
		.word = "dmarc_results",
	},
	{
		.first = HISTOGRAM_STAGE,
		.kind = FAMILY_HISTOGRAM,
		.name = "stage_seconds",
		.unit = "seconds",
		.help = "Time from the stage before it until a stage of a "
			"message was complete.",
		.labels = {&by_stage},
	},
	{
		.first = HISTOGRAM_CHECK,
		.kind = FAMILY_HISTOGRAM,
		.name = "check_seconds",
		.unit = "seconds",
		.help = "Time from the first run of a check until it was "
			"done, waiting for DNS included.",
		.labels = {&by_check},
	},
	{
		.first = COUNTER_LIST_ASKED,
		.name = "list_questions",
		.help = "Questions about messages that DNS lists were asked.",
		.labels = {&by_list},
		.word = "list_questions",
	},
	{
		.first = COUNTER_LIST_LISTED,
		.name = "list_listed",
		.help = "Questions to which a DNS list said: listed.",
		.labels = {&by_list},
		.word = "list_listed",
	},
	{
		.first = COUNTER_LIST_ERRORS,
		.name = "list_errors",
		.help = "Questions that a DNS list did not answer, refused, "
			"or answered wrongly.",
		.labels = {&by_list},
		.word = "list_errors",
	},
	{
		.first = GAUGE_LIST_SUSPENDED,
		.kind = FAMILY_GAUGE,
		.name = "list_suspended_workers",
		.help = "Workers that do not ask a DNS list because it "
			"failed its test.",
		.labels = {&by_list},
		.word = "list_suspended",
	},
	{
		.first = HISTOGRAM_LIST,
		.kind = FAMILY_HISTOGRAM,
		.name = "list_answer_seconds",
		.unit = "seconds",
		.help = "Time until a DNS list answered, answers from the "
			"cache left out.",
		.labels = {&by_list},
	},
	{
		.first = COUNTER_DNS_ASKED,
		.name = "dns_questions",
		.help = "DNS questions, those answered from the cache "
			"included.",
		.word = "dns_asked",
	},
	{
		.first = COUNTER_DNS_CACHED,
		.name = "dns_cached",
		.help = "DNS questions answered from the cache.",
		.word = "dns_cached",
	},
	{
		.first = COUNTER_DNS_COALESCED,
		.name = "dns_coalesced",
		.help = "DNS questions that waited for the answer to an equal "
			"one.",
		.word = "dns_coalesced",
	},
	{
		.first = COUNTER_DNS_FAILED,
		.name = "dns_failed",
		.help = "DNS questions without an answer.",
		.word = "dns_failed",
	},
	{
		.first = COUNTER_DNS_REFUSED,
		.name = "dns_refused",
		.help = "DNS questions not asked because dns.in_flight was "
			"reached.",
		.word = "dns_refused",
	},
	{
		.first = GAUGE_DNS_IN_FLIGHT,
		.kind = FAMILY_GAUGE,
		.name = "dns_in_flight",
		.help = "DNS questions that wait for an answer.",
		.word = "dns_in_flight",
	},
	{
		.first = COUNTER_VAULT_STORED,
		.name = "vault_stored",
		.help = "Messages that were put into the vault, copies of "
			"rejected ones included.",
		.labels = {&by_class},
		.word = "vault_stored",
	},
	{
		.first = COUNTER_VAULT_FAILED,
		.name = "vault_failed",
		.help = "Messages that the vault could not take; those to be "
			"held were deferred.",
		.word = "vault_failed",
	},
	{
		.first = COUNTER_VAULT_EXPIRED,
		.name = "vault_expired",
		.help = "Messages that were removed from the vault, since "
			"they were too old or too many.",
		.word = "vault_expired",
	},
	{
		.first = GAUGE_VAULT_MESSAGES,
		.kind = FAMILY_GAUGE,
		.name = "vault_messages",
		.help = "Messages that are in the vault, released ones "
			"included.",
		.highest = true,
		.word = "vault_messages",
	},
	{
		.first = GAUGE_VAULT_BYTES,
		.kind = FAMILY_GAUGE,
		.name = "vault_size_bytes",
		.unit = "bytes",
		.help = "Size of the files of the vault.",
		.highest = true,
		.word = "vault_bytes",
	},
	{
		.first = GAUGE_VAULT_FREE,
		.kind = FAMILY_GAUGE,
		.name = "vault_free_bytes",
		.unit = "bytes",
		.help = "Free space of the file system that the vault is on.",
		.highest = true,
		.word = "vault_free",
	},
	{
		.first = COUNTER_NOTICES_SENT,
		.name = "notices_sent",
		.help = "Notices that were sent, calls of the webhook "
			"included.",
		.word = "notices_sent",
	},
	{
		.first = COUNTER_NOTICES_RETRIED,
		.name = "notices_retried",
		.help = "Tries to send a notice that failed and will be "
			"repeated.",
		.word = "notices_retried",
	},
	{
		.first = COUNTER_NOTICES_DROPPED,
		.name = "notices_dropped",
		.help = "Notices that were given up.",
		.word = "notices_dropped",
	},
	{
		.first = COUNTER_NOTICES_SUMMED,
		.name = "notices_summed",
		.help = "Messages that were told in a notice about many, by "
			"notices.rate or notices.digest.",
		.word = "notices_summed",
	},
	{
		.first = GAUGE_NOTICES_QUEUED,
		.kind = FAMILY_GAUGE,
		.name = "notices_queued",
		.help = "Notices that wait to be sent.",
		.highest = true,
		.word = "notices_queued",
	},
	{
		.first = COUNTER_GREYLIST_DEFERRED,
		.name = "greylist_deferred",
		.help = "Messages told to come again, repeated tries "
			"included.",
		.word = "greylist_deferred",
	},
	{
		.first = COUNTER_GREYLIST_PASSED,
		.name = "greylist_passed",
		.help = "Messages let through because they came again in "
			"time.",
		.word = "greylist_passed",
	},
	{
		.first = COUNTER_GREYLIST_RETURNED,
		.name = "greylist_returned",
		.help = "Deferred messages that the history saw come back.",
		.word = "greylist_returned",
	},
	{
		.first = COUNTER_GREYLIST_NEVER_RETURNED,
		.name = "greylist_never_returned",
		.help = "Deferred messages that the history gave up: they "
			"did not come back.",
		.word = "greylist_never_returned",
	},
	{
		.first = COUNTER_FEEDBACK,
		.name = "feedback",
		.help = "What users said of messages by what they did with "
			"them in their mailboxes.",
		.labels = {&by_said, &by_how},
		.word = "feedback",
	},
	{
		.first = COUNTER_FEEDBACK_REFUSED,
		.name = "feedback_refused",
		.help = "What the mailbox side told and nobody could use.",
		.labels = {&by_refusal},
		.word = "feedback_refused",
	},
	{
		.first = COUNTER_FEEDBACK_ALLOWED,
		.name = "feedback_allowed",
		.help = "Senders that were let through greylisting since a "
			"user took their mail out of quarantine.",
		.word = "feedback_allowed",
	},
	{
		.first = COUNTER_FALSE_POSITIVES,
		.name = "false_positives",
		.help = "Messages that were tagged and that a user said not to "
			"be spam.",
		.word = "false_positives",
	},
	{
		.first = COUNTER_FALSE_NEGATIVES,
		.name = "false_negatives",
		.help = "Messages that were accepted and that a user said to "
			"be spam.",
		.word = "false_negatives",
	},
	{
		.first = COUNTER_STORE_ASKED,
		.name = "store_operations",
		.help = "Operations asked of the store.",
		.word = "store_asked",
	},
	{
		.first = COUNTER_STORE_LATE,
		.name = "store_errors",
		.help = "Operations of the store without a result: too late, "
			"failed, or skipped while it was down.",
		.labels = {&by_store_error},
		.each = "store_*",
	},
	{
		.first = COUNTER_STORE_DOWNS,
		.name = "store_downs",
		.help = "Times that a process found the store down.",
		.word = "store_downs",
	},
	{
		.first = GAUGE_STORE_DOWN,
		.kind = FAMILY_GAUGE,
		.name = "store_down_processes",
		.help = "Processes that hold the store to be down.",
		.word = "store_down_now",
	},
	{
		.first = COUNTER_RECORDS_SENT,
		.name = "records_sent",
		.help = "Verdict records handed to the recorder.",
		.word = "records_sent",
	},
	{
		.first = COUNTER_RECORDS_DROPPED,
		.name = "records_dropped",
		.help = "Verdict records that workers could not hand over.",
		.word = "records_dropped",
	},
	{
		.first = COUNTER_RECORDS_STORED,
		.name = "records_stored",
		.help = "Verdict records written to the history.",
		.word = "records_stored",
	},
	{
		.first = COUNTER_RECORDS_LOST,
		.name = "records_lost",
		.help = "Verdict records that the recorder had to give up.",
		.word = "records_lost",
	},
	{
		.first = GAUGE_RECORDS_QUEUED,
		.kind = FAMILY_GAUGE,
		.name = "records_queued",
		.help = "Verdict records that wait to be written.",
		.word = "records_queued",
	},
	{
		.first = GAUGE_HISTORY_UP,
		.kind = FAMILY_GAUGE,
		.name = "history_up",
		.help = "Whether the history can be written.",
		.highest = true,
		.word = "history_up",
	},
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

unsigned family_label_cells(const struct family_label *label)
{
	if (!label)
		return 1;
	return label->word ? label->count : names_bound(label->names) + 1;
}

unsigned family_label_values(const struct family_label *label,
			     const struct counters *counters)
{
	if (!label || label->word)
		return family_label_cells(label);
	return names_count(counters, label->names) + 1;
}

const char *family_label_text(const struct family_label *label,
			      const struct counters *counters, unsigned index,
			      char room[NAMES_LENGTH + 1], unsigned *cell_r)
{
	*cell_r = index;
	if (label->word)
		return label->word(index);
	if (index == names_count(counters, label->names))
		*cell_r = names_bound(label->names);
	names_read(counters, label->names, *cell_r, room);
	return room;
}

unsigned family_cells(const struct family *family)
{
	return family_label_cells(family->labels[0]) *
	       family_label_cells(family->labels[1]) *
	       (family->kind == FAMILY_HISTOGRAM ? HISTOGRAM_CELLS : 1);
}

uint64_t family_value(const struct family *family,
		      const struct counters *counters, unsigned cell)
{
	enum counter at = (enum counter)(family->first + cell);

	return family->highest ? counters_highest(counters, at)
			       : counters_sum(counters, at);
}
