/*
 * The signed verdict header: the milter seals what it decided, the mailbox
 * side trusts nothing else. The seal is HMAC-SHA256 over the header's
 * fields, the Message-ID and the From field, so a header cannot be moved to
 * another message.
 */
#ifndef GATEPOST_VERDICT_SEAL_H
#define GATEPOST_VERDICT_SEAL_H

#include "common/base/arena.h"
#include "common/base/err.h"

#define SEAL_HEADER "X-Gatepost-Verdict"

struct seal_key;

/* What the header says, and the two fields it is bound to. */
struct seal_fields {
	struct slice id;		/* record id */
	struct slice class;		/* clean, spam, dmarc */
	struct slice action;		/* accept, tag, … */
	double score;
	int64_t time;			/* seconds since the epoch */
	struct slice message_id;	/* field values as received */
	struct slice from;
};

/*
 * Makes a key of 32 random bytes, in hexadecimal, if there is no file at
 * `path`: readable by owner and group, written whole or not at all.
 */
int seal_key_create(const char *path, struct err *err);
/* NULL if the file cannot be read or holds no key; err names it. */
struct seal_key *seal_key_load(const char *path, struct err *err);
void seal_key_free(struct seal_key **key);

/* The header's value, folded with LF TAB, without a leading space. */
struct slice seal_write(struct arena *arena, const struct seal_key *key,
			const struct seal_fields *fields);
/*
 * Reads a header value and checks its seal against the message's own two
 * fields. False if anything is amiss; *fields_r is then unspecified. The
 * slices in it point into `value`.
 */
bool seal_read(const struct seal_key *key, struct slice value,
	       struct slice message_id, struct slice from,
	       struct seal_fields *fields_r);
/*
 * Whether a header was sealed within the last `max_age` seconds before `now`
 * (since the epoch); clocks that differ by up to an hour do no harm.
 */
bool seal_is_recent(const struct seal_fields *fields, int64_t now,
		    int64_t max_age);

#endif
