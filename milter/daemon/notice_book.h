/*
 * The book of notices: how far the vault's index has been told, and for
 * each address what is still to be told and when it last was. It is a text
 * between two runs, so that nothing is lost or told twice. Times are wall
 * clock, milliseconds since the epoch; a clock set back delays at most by
 * one pause. Knows nothing of files, mail or the vault.
 */
#ifndef GATEPOST_DAEMON_NOTICE_BOOK_H
#define GATEPOST_DAEMON_NOTICE_BOOK_H

#include "common/base/buf.h"
#include "milter/daemon/notice_conf.h"

#define NOTICE_SECRET 16
#define NOTICE_RCPTS 10	/* of a message that are kept */

/* A message to be told; its texts were made safe (notice_letter.h). */
struct notice_item {
	enum vault_class class;
	bool rejected;
	int64_t time_ms;
	struct slice id, reason, sender, subject, from, client;
	struct slice rcpts;	/* each followed by LF */
	uint64_t rcpt_count;	/* of all */
	uint64_t size;
	double score;
	struct notice_item *next;
};

struct notice_address {
	enum notice_audience audience;
	struct slice address;	/* empty for the hook */
	int64_t told_ms;	/* when last; 0: never */
	int64_t since_ms;	/* since when something waits */
	int64_t first_ms, last_ms;	/* of the messages that wait */
	uint64_t counts[VAULT_CLASSES];
	uint64_t count;		/* their sum; 0: nothing waits */
	struct notice_item *items, **items_end;	/* the first of them */
	size_t item_count;
	struct notice_address *next;
};

struct notice_book {
	struct arena *arena;
	uint64_t step;		/* grows with each that is on disk */
	int64_t seq;		/* of the index, told so far */
	int64_t newest_ms;	/* of the messages told so far */
	/* Messages stored before are not news; 0: all are. */
	int64_t not_before_ms;
	unsigned char secret[NOTICE_SECRET];	/* known by our Message-IDs */
	struct notice_address *addresses;
	size_t address_count;
};

/* An empty one: what was stored before then is no news. */
struct notice_book *notice_book_new(int64_t not_before_ms);
/* NULL: the text is none of ours. */
struct notice_book *notice_book_read(struct slice text);
/* Leaves out addresses that wait for nothing and were told long ago. */
struct slice notice_book_write(const struct notice_book *book,
			       struct arena *arena, int64_t now_ms);
void notice_book_free(struct notice_book **book);

/*
 * Whether a message of the index is news, and takes note of it. When its
 * number shows that the index was made anew, messages that are older than
 * the newest told are none, but for a minute's.
 */
bool notice_book_is_news(struct notice_book *book, int64_t seq,
			 int64_t stored_ms);
/* All of the index was looked at. */
void notice_book_at_end(struct notice_book *book);

/* false: there is no room for one more address. */
bool notice_book_add(struct notice_book *book, enum notice_audience audience,
		     struct slice address, const struct notice_item *item,
		     int64_t now_ms);
/* The next address that is to be told now; NULL: none. */
struct notice_address *notice_book_due(struct notice_book *book,
				       const struct notice_rules *rules,
				       int64_t now_ms);
void notice_book_told(struct notice_address *address, int64_t now_ms);

#endif
