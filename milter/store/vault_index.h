/*
 * The index of the vault: index.db in its folder, made from the files and
 * never the truth. Whoever opens it reads again what has changed on disk
 * (vault_index_sync()), so workers need tell nobody what they have stored.
 * An index that is damaged, or of another version, is moved away and made
 * anew.
 *
 * Not thread-safe; any number of processes may have it open.
 */
#ifndef GATEPOST_STORE_VAULT_INDEX_H
#define GATEPOST_STORE_VAULT_INDEX_H

#include "milter/store/vault_read.h"

struct vault_index;

/*
 * The vault outlives it. NULL: it cannot be opened; err says why. It is as
 * it was left: sync it before you ask it.
 */
struct vault_index *vault_index_open(const struct vault *vault,
				     struct err *err);
void vault_index_close(struct vault_index **index);

/* What a sync found. */
struct vault_changes {
	int64_t added, gone, changed;
	int64_t damaged;	/* files met that are no messages */
	struct err why;		/* of the last of those */
};
/* Reads the folders that have changed. -1: err says why; ask again later. */
int vault_index_sync(struct vault_index *index,
		     struct vault_changes *changes_r, struct err *err);
/* Reads all files again. Messages keep their `seq`. */
int vault_index_rebuild(struct vault_index *index,
			struct vault_changes *changes_r, struct err *err);

/* What is known of a message without opening its file. */
struct vault_item {
	/*
	 * Grows in the order in which messages come to the index; never used
	 * twice. An index that was made anew gives new ones to all, above
	 * those before.
	 */
	int64_t seq;
	struct slice id;
	enum vault_class class;
	enum vault_state state;
	bool rejected;
	int64_t stored_ms;
	struct slice reason, sender, subject, from, client;
	const struct slice *rcpts;
	size_t rcpt_count;
	uint64_t size;		/* of the message */
	uint64_t bytes;		/* of the file */
	double score;
	unsigned char digest[VAULT_DIGEST];
};

/* What is asked for; zeroed but for the two -1, it is all. */
struct vault_filter {
	int class;		/* enum vault_class; -1: any */
	int state;		/* enum vault_state; -1: any */
	int64_t since_ms;
	int64_t until_ms;	/* 0: no end */
	struct slice sender;	/* an address or a domain; empty: any */
	struct slice rcpt;	/* the same, of one of them */
	struct slice subject;	/* a part of it, without case */
	size_t limit;		/* 0: all */
};

struct vault_list {
	struct vault_item *items;	/* newest first */
	size_t count;
	bool more;			/* than the limit */
};
int vault_index_list(struct vault_index *index, struct arena *arena,
		     const struct vault_filter *filter,
		     struct vault_list *list_r, struct err *err);
/*
 * Those whose id begins so, at most `room`; the one whose id it is, alone.
 * How many, or -1.
 */
int vault_index_find(struct vault_index *index, struct arena *arena,
		     struct slice prefix, struct vault_item *items_r,
		     size_t room, struct err *err);
/* Those after `seq`, in its order, until take() says false. */
int vault_index_each_since(struct vault_index *index, int64_t seq,
			   bool (*take)(void *with,
					const struct vault_item *item),
			   void *with, struct err *err);

struct vault_sum {
	int64_t messages, bytes;
};
struct vault_stats {
	struct vault_sum sums[VAULT_CLASSES][VAULT_STATES];
	struct vault_sum all;
	int64_t oldest_ms, newest_ms;	/* 0: there is none */
	int64_t oldest_held_ms;		/* of those not released; 0: none */
	int64_t damaged;		/* files that are no messages */
	uint64_t free_bytes;		/* of the file system */
};
int vault_index_stats(struct vault_index *index, struct vault_stats *stats_r,
		      struct err *err);

struct vault_pruned {
	int64_t messages, bytes;
	int64_t early;		/* of those: younger than vault.keep */
	bool more;		/* it ended before all was done */
};
/*
 * Removes what is too old or too much, the oldest first, as far as the index
 * knows (sync before); what somebody has taken stays. And files that were
 * never finished.
 */
int vault_index_prune(struct vault_index *index,
		      const struct vault_conf *conf, int64_t now_ms,
		      struct vault_pruned *pruned_r, struct err *err);

#endif
