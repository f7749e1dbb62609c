/*
 * The SQLite store from within: its statements, and the operations on
 * them, each within a transaction that sqlite.c has begun.
 *
 * A row that has an age says when it was written last: which boot, that
 * boot's uptime and the wall clock; and `ends`, the uptime of that boot at
 * which it is over. Each writing states all of them anew, so a row carries
 * over from one boot to the next, and a clock that was wrong once does not
 * stay wrong.
 */
#ifndef GATEPOST_STORE_SQLITE_PRIVATE_H
#define GATEPOST_STORE_SQLITE_PRIVATE_H

#include "milter/store/sqlite_db.h"
#include "milter/store/store_backend.h"

enum sqlite_statement {
	GREYLIST_GET,
	GREYLIST_ADD,
	GREYLIST_SET,
	GREYLIST_LIST,
	GREYLIST_WAITING_KEYS,
	GREYLIST_KEYS,
	GREYLIST_RELEASE,
	GREYLIST_FORGET,
	TRUST_GET,
	TRUST_ADD,
	TRUST_END,
	ALLOWED_GET,
	ALLOWED_ADD,
	ALLOWED_END,
	ALLOWED_LIST,
	RATE_GET,
	RATE_SET,
	PROOF_SET,
	/* For each table with ages, in the same order. */
	GREYLIST_SWEEP,
	GREYLIST_BOOT,
	GREYLIST_SWEEP_BOOT,
	TRUST_SWEEP,
	TRUST_BOOT,
	TRUST_SWEEP_BOOT,
	RATE_SWEEP,
	RATE_BOOT,
	RATE_SWEEP_BOOT,
	SQLITE_STATEMENTS,
};
extern const char *const sqlite_statements[SQLITE_STATEMENTS];
#define SQLITE_STORE_VERSION 1
/* [N] makes a store of version N + 1 from one of version N. */
extern const char *const sqlite_upgrades[SQLITE_STORE_VERSION];

/* The first three parameters of every statement with ages. */
void sqlite_bind_now(struct db *db, unsigned statement,
		     const struct store_time *now);
/* Of what is in columns `column`: boot, uptime, wall. Never below 0. */
int64_t sqlite_age(struct db *db, unsigned statement, int column,
		   const struct store_time *now);

/* Each: -1 if the file fails. */
int sqlite_greylist(struct db *db, struct store_call *call, struct err *err);
int sqlite_rate(struct db *db, struct store_call *call, struct err *err);
int sqlite_trust(struct db *db, struct store_call *call, struct err *err);
int sqlite_note(struct db *db, struct store_call *call, struct err *err);
int sqlite_allowed(struct db *db, struct store_call *call, struct err *err);
/* The administrator's; makes its own transactions. */
int sqlite_admin(struct db *db, struct store_call *call, struct err *err);
/* For db_options. */
bool sqlite_named_by(struct slice wanted, const struct slice *texts,
		     size_t count);

#endif
