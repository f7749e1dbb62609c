/*
 * The verdict: what the checks found. Symbols are findings with points;
 * each check also ends in an outcome, so that "could not run" is visible
 * and never reads as "clean".
 */
#ifndef GATEPOST_ENGINE_VERDICT_H
#define GATEPOST_ENGINE_VERDICT_H

#include "common/base/arena.h"
#include "milter/engine/auth.h"
#include "milter/store/vault.h"

struct symbol {
	const char *name;	/* SPF_FAIL */
	double score;		/* default points */
	const char *doc;	/* one line, plain words, for operators */
	const char *group;	/* points of a group are capped; or NULL */
};

enum outcome {
	OUTCOME_NOT_RUN,	/* with the reason why */
	OUTCOME_PASS,		/* ran, found nothing against the message */
	OUTCOME_FAIL,		/* ran, found something */
	OUTCOME_TEMPERROR,	/* could not finish, with the reason why */
};
const char *outcome_word(enum outcome outcome);

struct hit {
	const struct symbol *symbol;
	struct slice detail;	/* the fact behind it; may be empty */
	double score;		/* filled by the engine when all are done */
	double uncapped;	/* the same without the cap of its group */
};

struct check_report {
	enum outcome outcome;
	struct slice reason;
	bool decided;		/* the check said so itself */
	int64_t us;		/* time spent in judge() and commit() */
	unsigned runs;
	/* Monotonic: its first run, and when it was done. Time in commit()
	 * is added to the end. 0: not yet. */
	int64_t begun_us, ended_us;
};
/* From its first run to its end, waits included; 0 if it has none. */
int64_t check_report_took_us(const struct check_report *report);

/* How a service outside answered, such as a DNS list. */
enum source_outcome {
	SOURCE_CLEAR,		/* nothing against or for the message */
	SOURCE_LISTED,
	SOURCE_ERROR,		/* no answer, or none that can be used */
};

/* One question to one of the sources of a check (check.h). */
struct source_report {
	unsigned check, source;
	enum source_outcome outcome;
	int64_t us;		/* until it was answered; -1: not measured */
};

/* What the settings of a class ask for, the mildest first. */
enum class_action { CLASS_TAG, CLASS_QUARANTINE, CLASS_REJECT };
/* "tag|quarantine|reject": the words of a setting for it. */
#define CLASS_ACTIONS "tag|quarantine|reject"

/* A class that a check puts the message into; the policy acts on it. */
struct class_report {
	bool in;
	enum class_action action;
	bool keep;		/* a copy in the vault, if it is rejected */
	struct slice reason;	/* one line, for the reply and the vault */
};

/* Set by antivirus: not scanned, and the setting is to defer it. */
struct unscanned_report {
	bool in;
	bool by_message;	/* it would fail again next time */
	struct slice reason;
};

#define VERDICT_HITS 128

struct verdict {
	struct arena *arena;
	struct hit hits[VERDICT_HITS];
	size_t hit_count;
	struct check_report *reports;	/* one per check of the engine */
	struct source_report *sources;
	size_t source_count, source_room;
	unsigned current;		/* index of the check that runs */
	double score;
	struct auth auth;
	struct class_report classes[VAULT_CLASSES];
	struct unscanned_report unscanned;
};

/*
 * Records a finding of the running check. `format` says the fact behind it
 * (NULL: none); text from outside goes through "%.*s" and is cut at 200
 * bytes. The first finding of the same symbol in one run stays.
 */
void verdict_hit(struct verdict *v, const struct symbol *symbol,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));
/* How the running check ended. The default at DONE: FAIL if hits with
 * points above 0, else PASS. */
void verdict_outcome(struct verdict *v, enum outcome outcome,
		     const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Reports one question to source number `source` of the running check, for
 * those who count. `us`: until it was answered, -1: do not measure it.
 */
void verdict_source(struct verdict *v, unsigned source,
		    enum source_outcome outcome, int64_t us);
/*
 * Puts the message into a class. Of two calls for one class the stricter
 * action stands, with its reason; a copy is kept if either asks for it.
 */
void verdict_class(struct verdict *v, enum vault_class class,
		   enum class_action action, bool keep, const char *format,
		   ...) __attribute__((format(printf, 5, 6)));
/* Whether that symbol was hit. */
bool verdict_has(const struct verdict *v, const struct symbol *symbol);

#endif
