/*
 * Mail addresses: envelope paths (RFC 5321 4.1.2) and the address lists of
 * header fields (RFC 5322 3.4, RFC 6854 groups, RFC 6532 UTF-8). Written
 * for hostile input: what a reader program might show as a sender counts.
 */
#ifndef GATEPOST_MAIL_ADDRESS_H
#define GATEPOST_MAIL_ADDRESS_H

#include "common/base/arena.h"

struct mailbox {
	struct slice display;	/* display name as written, unquoted */
	struct slice local;	/* local part; quoted form kept as written */
	struct slice domain;	/* as written; use domain_normalise() */
};

struct mailbox_list {
	struct mailbox *mailbox;
	size_t count;
	bool malformed;		/* something could not be read as an address */
	bool truncated;		/* more than `max` mailboxes */
};

/*
 * Reads the value of a From, Sender, Reply-To, To or Cc field (folds and
 * comments allowed). Members of groups count as mailboxes; an empty group
 * adds none. The list lives in the arena.
 */
void address_list_parse(struct arena *a, struct slice value, size_t max,
			struct mailbox_list *list_r);
/*
 * Splits a path without angle brackets at its last '@' outside quotes;
 * source routes ("@a,@b:") are dropped. Domain may come out empty.
 */
void address_split(struct slice path, struct slice *local_r,
		   struct slice *domain_r);

#endif
