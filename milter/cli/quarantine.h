/* What the parts of `gatepost quarantine` share. */
#ifndef GATEPOST_CLI_QUARANTINE_H
#define GATEPOST_CLI_QUARANTINE_H

#include "common/verdict/record.h"
#include "milter/cli/args.h"
#include "milter/store/vault_index.h"

/* A request: its options, and what is open while it runs. */
struct quarantine {
	struct args args;
	const char *class, *state, *since, *until, *sender, *recipient;
	const char *subject, *limit, *output, *to;
	bool json, allow_sender;
	const char *const *ids;
	size_t id_count;
	int output_fd;		/* of --output; else -1 */
	struct arena *arena;
	struct conf *conf;
	struct vault *vault;
	struct vault_index *index; /* NULL if stale: it cannot be opened */
	bool stale;		/* the index may not know all; told already */
};

/* Each returns the exit code, with all told. */
int quarantine_list(const struct quarantine *q);
int quarantine_stats(const struct quarantine *q);
int quarantine_show(const struct quarantine *q);
int quarantine_export(const struct quarantine *q);
int quarantine_release(const struct quarantine *q);
int quarantine_delete(const struct quarantine *q);

/* Told already, with what to do; EXIT_FAILED. */
int quarantine_failed(const struct err *err);
/*
 * The id that an argument names: whole, or the beginning of one alone.
 * 0, or the exit code when told why not.
 */
int quarantine_name(const struct quarantine *q, const char *word,
		    struct slice *id_r);
/* Reads the verdict record that is kept with it; false if there is none. */
bool quarantine_record(const struct quarantine *q,
		       const struct vault_message *m, struct record *record_r);
/* Tells of files that are no messages, if there are. */
void quarantine_warn(const struct quarantine *q);

#endif
