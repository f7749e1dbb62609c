/*
 * What a check is. A check looks at a message and says what it found; it
 * never acts. It is one file and one row in the table of
 * milter/checks/table.c.
 *
 * judge() is restartable and has no effect outside the verdict: when
 * lookup() returns NULL it returns STEP_WAIT (having asked for all else it
 * can already name), the engine drops the hits of that run and calls it
 * again when the answers are there. Straight-line code, parallel DNS.
 */
#ifndef GATEPOST_ENGINE_CHECK_H
#define GATEPOST_ENGINE_CHECK_H

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "milter/engine/auth.h"
#include "milter/engine/mail.h"
#include "milter/engine/verdict.h"

enum step { STEP_WAIT, STEP_DONE };

/* What a check with state may still ask for, once the score is known. */
enum commit_wish {
	COMMIT_NOTHING,
	COMMIT_GREYLIST,	/* 451: come back later */
	COMMIT_RATELIMIT,	/* 450: too much in too short a time */
	COMMIT_RATELIMIT_NEVER,	/* 550: would be too much at any time */
};

/* What policy is about to do, and the answer of the checks. */
struct commit {
	bool accept;	/* it will be let through, tagged or not */
	bool doubtful;	/* ... and its score reaches actions.greylist */
	bool spam;	/* it is refused, or tagged as spam */
	/* The first wish stands; a later check sees it and does nothing. */
	enum commit_wish wish;
	int64_t wait_s;		/* told to the client */
	struct slice reason;	/* the same, in words; in the mail's arena */
};

struct check {
	const char *name;		/* "spf": also its settings section */
	const char *doc;		/* one line: what it looks at */
	const struct symbol *symbols;	/* NULL-name ended; may be NULL */
	const struct settings_group *settings;	/* may be NULL */
	/* A second, titled section of the same check; may be NULL. */
	const struct settings_group *blocks;
	enum stage needs;		/* judge() runs once this is reached */
	/* Checks (bits by table index names) that must be done before. */
	const char *const *after;	/* NULL-ended names; may be NULL */

	/*
	 * Once per configuration, before the first message: turn settings
	 * into what judge() wants. *ready_r lives in `arena`, or is NULL.
	 * Errors name the setting. May be NULL: `ready` is then the conf.
	 */
	int (*prepare)(struct arena *arena, const struct conf *conf,
		       const void **ready_r, struct err *err);
	/* The symbols that prepare() made, besides `symbols`. May be NULL. */
	const struct symbol *(*more_symbols)(const void *ready);
	/*
	 * The services outside that it asks, such as DNS lists, by name: in
	 * the order of verdict_source(), in the arena of prepare(). And
	 * whether one of them is not asked for now; any thread may call it.
	 * Both NULL: it has none.
	 */
	const struct slice *(*sources)(const void *ready, size_t *count_r);
	bool (*source_is_suspended)(const void *ready, size_t source);
	/*
	 * Once all checks are prepared: whether what this one's settings say
	 * of the symbols of others is right. Errors as of prepare(). May be
	 * NULL.
	 */
	int (*review)(const struct engine *engine, const void *ready,
		      struct err *err);

	/*
	 * How long a question may take, and how long after the end of the
	 * message all of them together.
	 */
	void (*limits)(const void *ready, int64_t *wait_ms_r,
		       int64_t *total_ms_r);

	/*
	 * Called once as each stage is reached, only to ask early: may call
	 * lookup() and set mail->states[index]; never waits. May be NULL.
	 */
	void (*start)(struct mail *mail, unsigned index, const void *ready,
		      enum stage stage);
	/* Body bytes, CRLF line ends, in order. Returns whether it wants
	 * more. NULL: no use for the body. */
	bool (*body)(struct mail *mail, unsigned index, const void *ready,
		     struct slice chunk);
	enum step (*judge)(struct mail *mail, unsigned index,
			   const void *ready, struct verdict *verdict);
	/*
	 * Waits for what start() has set going besides look-ups, until then
	 * at the latest (monotonic); judge(), which returned STEP_WAIT, is
	 * then called again and must be done. Comes when no check waits for
	 * look-ups any more. May be NULL; else judge() asks for none.
	 */
	void (*await)(struct mail *mail, unsigned index, const void *ready,
		      int64_t until_ms);
	/*
	 * Once, after the decision, in the order of the table: what changes
	 * state outside of the message. May wait for the store, within its
	 * deadline. Findings and outcome are recorded as by judge(), but
	 * points no longer count. engine_store() may be NULL: then it only
	 * says what it would have done. May be NULL.
	 */
	void (*commit)(struct mail *mail, unsigned index, const void *ready,
		       struct verdict *verdict, struct commit *commit);
	/* Frees what the arena does not own. May be NULL. */
	void (*end)(struct mail *mail, unsigned index, const void *ready);

	/*
	 * Called about every second by a thread of the process, always the
	 * same one, for work outside of messages; never waits. `ready` is
	 * const, but may point to an object that locks or is atomic. Offline
	 * runs do not call it. May be NULL.
	 */
	void (*tick)(const void *ready, struct resolver *resolver,
		     int64_t now_ms);
	/* Called once after the last tick, before the resolver ends: gives
	 * up what tick() has asked. May be NULL. */
	void (*stop)(const void *ready, struct resolver *resolver);
};

#endif
