/*
 * The vault: messages that were held, byte for byte as they came, each a
 * file of its own below state_dir/vault with its envelope and its packed
 * record before the message. A file is written under another name, synced
 * and renamed, so it is whole or not there; the file is the truth, and the
 * index (vault_index.h) can be made again from the files at any time.
 */
#ifndef GATEPOST_STORE_VAULT_H
#define GATEPOST_STORE_VAULT_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/conf/conf.h"

/* Why a message is here. */
enum vault_class {
	VAULT_VIRUS,
	VAULT_SPAM,
	VAULT_DMARC,
	VAULT_ATTACHMENT,
	VAULT_UNSCANNED,	/* the scanner failed over it, twice */
};
#define VAULT_CLASSES 5
/* "virus", "spam", "dmarc", "attachment", "unscanned" */
const char *vault_class_word(enum vault_class class);

/* Section "vault". */
struct vault_conf {
	struct text path;		/* empty: "vault" in state_dir */
	struct duration keep;		/* then it is deleted */
	int64_t messages;		/* the most that are kept, */
	struct bytesize size;		/* and their bytes: the oldest go */
	struct bytesize min_free;	/* below: new mail is deferred */
};
extern const struct settings_group vault_settings;

struct vault_entry {
	struct slice id;		/* of the record: the file's name */
	enum vault_class class;
	struct slice reason;		/* one line: "Eicar-Test-Signature" */
	bool rejected;			/* a copy: the client was told 5xx */
	int64_t stored_ms;		/* wall clock, since the epoch */
	struct slice sender;		/* the whole envelope, without <> */
	const struct slice *rcpts;
	size_t rcpt_count;
	struct slice record;		/* packed (common/verdict/wire.h) */
	uint64_t size;			/* bytes of the message */
};

/* Whether what was stored then is older than vault.keep. */
bool vault_is_over(const struct vault_conf *conf, int64_t stored_ms,
		   int64_t now_ms);
/* Where the vault of a configuration is. */
void vault_path(const struct conf *conf, struct slice state_dir, char *path,
		size_t room);

struct vault;

/*
 * The place for the configuration's vault, made if need be. `state_dir` as
 * configured. NULL: it cannot be used, err says why and what to do.
 */
struct vault *vault_open(const struct conf *conf, struct slice state_dir,
			 struct err *err);
void vault_close(struct vault **vault);

/*
 * Keeps `entry->size` bytes of the file `message_fd`, from its begin (its
 * offset is not moved; any thread may call it). 0: it is on disk for good.
 * -1: nothing of it is there; err says why: no space, below min_free, …
 */
int vault_store(const struct vault *vault, const struct vault_entry *entry,
		int message_fd, struct err *err);

/*
 * Remembers that the scanner failed over a message with this SHA-256, for
 * two days, unless too many others come after it. *before_r: it had done so
 * already. -1: it cannot be remembered.
 */
int vault_note_failure(const struct vault *vault, const unsigned char digest[32],
		       bool *before_r, struct err *err);

#endif
