/*
 * Terms: what a record is found by, in one form whoever wrote it, and the
 * same form of what somebody looks for. Pure functions over bytes; nothing
 * about a value is trusted, and each is cut at a fixed length.
 */
#ifndef GATEPOST_STORE_HISTORY_TERMS_H
#define GATEPOST_STORE_HISTORY_TERMS_H

#include "milter/store/history.h"

/* Stand in files: never give a number another meaning. */
enum history_kind {
	KIND_ID = 1,
	KIND_QUEUE = 2,
	KIND_MESSAGE_ID = 3,
	KIND_SENDER = 4,
	KIND_SENDER_DOMAIN = 5,
	KIND_RECIPIENT = 6,
	KIND_RECIPIENT_DOMAIN = 7,
	KIND_CLIENT = 8,
	KIND_CLIENT_NET = 9,
	KIND_CLIENT_NAME = 10,
	KIND_USER = 11,
	KIND_ACTION = 12,
	KIND_DIRECTION = 13,
	KIND_SYMBOL = 14,
	KIND_STORY = 15,
};

/* Bytes of a value that count; a domain is never longer. */
#define HISTORY_VALUE_MAX 255
/* Terms of one record; recipients above that are not found. */
#define HISTORY_TERMS_MAX 4096

struct history_term {
	enum history_kind kind;
	struct slice value;
	int64_t number; /* the row it leads to */
};

/*
 * The terms of a record, some perhaps twice, with that number. Values live
 * in the arena or where the record's do.
 */
size_t history_terms(struct arena *arena, const struct record *record,
		     int64_t number,
		     struct history_term terms_r[HISTORY_TERMS_MAX]);
/* An address as it stands among the terms: "" or "<>" is empty. */
struct slice history_address(struct arena *arena, struct slice address);
/* The term that a filter looks for; number 0. -1: its value is none. */
int history_filter_term(struct arena *arena,
			const struct history_filter *filter,
			struct history_term *term_r, struct err *err);
/* What is counted when somebody asks for the commonest of a key. */
enum history_kind history_key_kind(enum history_key key);

#endif
