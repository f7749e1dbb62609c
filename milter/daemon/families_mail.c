/* What is counted of messages, their checks and their DNS questions. */
#include "milter/daemon/families_tables.h"
#include "milter/engine/policy.h"
#include "milter/engine/report.h"

_Static_assert(POLICY_ACTIONS == ACTIONS, "one cell for each action");
_Static_assert(AUTH_PERMERROR + 1 == RESULTS, "one cell for each result");
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

static const struct family_label by_direction = {"direction", DIRECTIONS,
						 direction_at, 0};
static const struct family_label by_action = {"action", ACTIONS, action_at, 0};
static const struct family_label by_spf = {"result", RESULTS, spf_at, 0};
static const struct family_label by_dkim = {"result", RESULTS, dkim_at, 0};
static const struct family_label by_dmarc = {"result", RESULTS, dmarc_at, 0};
static const struct family_label by_stage = {"stage", STAGES,
					     report_stage_word, 0};
static const struct family_label by_symbol = {"symbol", 0, NULL,
					      NAMES_SYMBOLS};
static const struct family_label by_list = {"list", 0, NULL, NAMES_LISTS};
static const struct family_label by_check = {"check", 0, NULL, NAMES_CHECKS};

const struct family families_mail[] = {
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
	{0},
};
