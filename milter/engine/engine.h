/*
 * The engine: runs the checks of a table over a message, stage by stage.
 * Immutable after engine_new(); many threads may use one engine, each with
 * messages of its own.
 */
#ifndef GATEPOST_ENGINE_ENGINE_H
#define GATEPOST_ENGINE_ENGINE_H

#include "milter/engine/check.h"
#include "milter/net/scan.h"
#include "milter/store/store.h"
#include "milter/store/vault.h"

/* Top of the file. */
struct engine_conf {
	struct strlist trusted_networks;
};
/* Section "limits": bounds on what one message may cost. */
struct limits_conf {
	struct duration deadline;	/* end-of-message in all */
	int64_t questions;		/* DNS questions per message */
	struct bytesize header;		/* all header fields of a message */
	int64_t fields;			/* number of header fields */
	int64_t recipients;
	struct bytesize message;	/* header and body */
};
extern const struct settings_group engine_settings;
extern const struct settings_group limits_settings;

/* Both outlive the engine; err names the setting that is wrong. */
struct engine *engine_new(const struct check *const *checks,
			  const struct conf *conf, struct resolver *resolver,
			  struct err *err);
void engine_free(struct engine **engine);
unsigned engine_check_count(const struct engine *engine);
const struct check *engine_check(const struct engine *engine, unsigned index);
/*
 * Gives the checks a store, before the first message; it must outlive the
 * engine. Without one (a run offline) they say what they would have done.
 */
void engine_set_store(struct engine *engine, struct store *store);
struct store *engine_store(const struct engine *engine);
/*
 * Where messages that are held go: the vault, which outlives the engine.
 * Messages are then kept whole (mail.h, spool) as they come.
 */
void engine_set_vault(struct engine *engine, const struct vault *vault);
const struct vault *engine_vault(const struct engine *engine);
/* Who scans messages; outlives the engine. NULL (at first): nobody. */
void engine_set_scans(struct engine *engine, const struct scan_options *scans);
const struct scan_options *engine_scans(const struct engine *engine);
/* Calls the checks' tick hooks; once a second, from one thread. */
void engine_tick(const struct engine *engine, int64_t now_ms);
bool engine_trusts(const struct engine *engine, const struct ip *ip);
/* The configuration it was made from. */
const struct conf *engine_configuration(const struct engine *engine);
/*
 * The symbols of check `index`: first those of its row, then those its
 * configuration made. Both NULL-name ended; either may be NULL.
 */
void engine_symbols(const struct engine *engine, unsigned index,
		    const struct symbol *lists_r[2]);
/* The sources of check `index` (check.h); *count_r is 0 for none. */
const struct slice *engine_sources(const struct engine *engine,
				   unsigned index, size_t *count_r);
bool engine_source_is_suspended(const struct engine *engine, unsigned index,
				size_t source);
/* Every symbol, by name; NULL if there is none such. */
const struct symbol *engine_symbol(const struct engine *engine,
				   struct slice name);
/* The symbol whose name comes close to that, or NULL. */
const char *engine_nearest_symbol(const struct engine *engine,
				  struct slice name);
/* The points of a symbol as configured. */
double engine_symbol_score(const struct engine *engine,
			   const struct symbol *symbol);

/* A new message on that connection, at STAGE_CONNECT, in its own arena. */
struct mail *mail_new(const struct engine *engine, const struct conn *conn);
void mail_free(struct mail **mail);
void mail_set_sender(struct mail *mail, struct slice path);
/* False past limits.recipients. */
bool mail_add_rcpt(struct mail *mail, struct slice path);
/* Value as described in mail.h. Returns false past limits. */
bool mail_add_header(struct mail *mail, struct slice name, struct slice value);

/* Tells the checks that a stage is complete; never waits. */
void engine_stage(struct mail *mail, enum stage stage);
/* Body bytes; false when no check wants more of them. */
bool engine_body(struct mail *mail, struct slice chunk);
/*
 * Runs everything to its end, waiting for answers until mail->deadline_ms
 * at the latest; then mail->verdict is complete and scored.
 */
void engine_finish(struct mail *mail);
/* Calls the checks' commit hooks; policy_commit() does it. */
void engine_commit(struct mail *mail, struct commit *commit);

#endif
