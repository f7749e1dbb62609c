/* What is counted of all that outlives a message: vault, store, history. */
#include "common/verdict/feedback.h"
#include "milter/daemon/families_tables.h"
#include "milter/store/vault.h"

_Static_assert(VAULT_CLASSES == VAULTED, "one cell for each class");

static const char *vault_class_at(unsigned index)
{
	return vault_class_word((enum vault_class)index);
}

/* COUNTER_STORE_LATE and those that follow it. */
static const char *store_error_at(unsigned index)
{
	static const char *const words[] = {"late", "failed", "skipped"};

	return words[index];
}

static const struct family_label by_class = {"class", VAULTED,
					     vault_class_at, 0};
static const struct family_label by_store_error = {"error", 3, store_error_at,
						   0};

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

static const struct family_label by_said = {"said", SAIDS, said_at, 0};
static const struct family_label by_how = {"how", HOWS, how_at, 0};
static const struct family_label by_refusal = {"reason", REFUSALS, refusal_at,
					       0};

const struct family families_kept[] = {
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
		.first = GAUGE_VAULT_HELD,
		.kind = FAMILY_GAUGE,
		.name = "vault_held_messages",
		.help = "Messages that are in the vault and were not "
			"released.",
		.labels = {&by_class},
		.highest = true,
		.word = "vault_held",
	},
	{
		.first = GAUGE_VAULT_HELD_BYTES,
		.kind = FAMILY_GAUGE,
		.name = "vault_held_bytes",
		.unit = "bytes",
		.help = "Size of the files of the vault that were not "
			"released.",
		.labels = {&by_class},
		.highest = true,
		.word = "vault_held_bytes",
	},
	{
		.first = GAUGE_VAULT_OLDEST,
		.kind = FAMILY_GAUGE,
		.name = "vault_oldest_held_seconds",
		.unit = "seconds",
		.help = "Age of the oldest message of the vault that was not "
			"released; 0: there is none.",
		.highest = true,
		.word = "vault_oldest_held",
	},
	{
		.first = GAUGE_VAULT_RELEASED,
		.kind = FAMILY_GAUGE,
		.name = "vault_released_messages",
		.help = "Messages that are in the vault though they were "
			"released.",
		.highest = true,
		.word = "vault_released",
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
	{0},
};
