/*
 * All SQL of the store. ?1, ?2 and ?3 are what time it is: boot, uptime,
 * wall clock (sqlite_bind_now()).
 */
#include "milter/store/sqlite_private.h"

/* Keys are fingerprints; the texts are for the administrator's list. */
static const char first_version[] =
	"CREATE TABLE greylist (key TEXT NOT NULL PRIMARY KEY,"
	" passed INTEGER NOT NULL, tries INTEGER NOT NULL,"
	" waited INTEGER NOT NULL," /* ms from the first try to the last */
	" delay INTEGER NOT NULL,"
	" boot INTEGER NOT NULL, up INTEGER NOT NULL, wall INTEGER NOT NULL,"
	" ends INTEGER NOT NULL,"
	" sender TEXT NOT NULL, rcpt TEXT NOT NULL, origin TEXT NOT NULL,"
	" record_id TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX greylist_ends ON greylist (boot, ends);"
	"CREATE TABLE trust (key TEXT NOT NULL PRIMARY KEY,"
	" good INTEGER NOT NULL,"
	" boot INTEGER NOT NULL, up INTEGER NOT NULL, wall INTEGER NOT NULL,"
	" ends INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX trust_ends ON trust (boot, ends);"
	/* boot, up and wall: when the interval began. */
	"CREATE TABLE rate (key TEXT NOT NULL PRIMARY KEY,"
	" used INTEGER NOT NULL, before INTEGER NOT NULL,"
	" refused INTEGER NOT NULL,"
	" boot INTEGER NOT NULL, up INTEGER NOT NULL, wall INTEGER NOT NULL,"
	" ends INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX rate_ends ON rate (boot, ends);"
	"CREATE TABLE allowed (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE proof (id INTEGER PRIMARY KEY, room BLOB NOT NULL);"
	"PRAGMA user_version = 1;";

const char *const sqlite_upgrades[SQLITE_STORE_VERSION] = {
	first_version,
};

#define AGE "max(0, CASE boot WHEN ?1 THEN ?2 - up ELSE ?3 - wall END)"
#define LEFT "(ends - up - " AGE ")"

/*
 * What is over: of this boot by its uptime; of each other boot, whose rows
 * end in much the same order by either clock, by the wall clock. ?4: how
 * many at most. ?5: the other boot.
 */
#define SWEEP(table)                                                 \
	"DELETE FROM " table " WHERE key IN (SELECT key FROM " table \
	" WHERE boot = ?1 AND ends < ?2 ORDER BY ends LIMIT ?4)"
#define BOOT(table) \
	"SELECT boot FROM " table " WHERE boot > ?1 ORDER BY boot LIMIT 1"
#define SWEEP_BOOT(table)                                     \
	"DELETE FROM " table " WHERE key IN (SELECT key FROM" \
	" (SELECT key, boot, up, wall, ends FROM " table      \
	" WHERE boot = ?5 ORDER BY ends LIMIT ?4) WHERE " LEFT " < 0)"

const char *const sqlite_statements[SQLITE_STATEMENTS] = {
	[GREYLIST_GET] = "SELECT passed, tries, waited, boot, up, wall"
			 " FROM greylist WHERE key = ?1",
	[GREYLIST_ADD] =
		"INSERT INTO greylist (boot, up, wall, key, passed, tries,"
		" waited, delay, ends, record_id, sender, rcpt, origin)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
		" ?13) ON CONFLICT (key) DO UPDATE SET boot = ?1, up = ?2,"
		" wall = ?3, passed = ?5, tries = ?6, waited = ?7,"
		" delay = ?8, ends = ?9, record_id = ?10",
	[GREYLIST_SET] = "UPDATE greylist SET boot = ?1, up = ?2, wall = ?3,"
			 " passed = ?5, tries = ?6, waited = ?7, delay = ?8,"
			 " ends = ?9, record_id = ?10 WHERE key = ?4",
	[GREYLIST_LIST] =
		"SELECT key, sender, rcpt, origin, record_id, passed, tries, "
		"waited + " AGE ", " AGE ", delay, " LEFT
		" FROM greylist WHERE passed BETWEEN ?4 AND ?5"
		" AND " LEFT " >= 0 AND named_by(?6, key, sender, rcpt)"
		" ORDER BY 8 DESC, key LIMIT ?7",
	[GREYLIST_WAITING_KEYS] =
		"SELECT key FROM greylist WHERE key > ?4 AND passed = 0"
		" AND " LEFT " >= 0 AND named_by(?6, key, sender, rcpt)"
		" ORDER BY key LIMIT ?7",
	[GREYLIST_KEYS] =
		"SELECT key FROM greylist WHERE key > ?4"
		" AND " LEFT " >= 0 AND named_by(?6, key, sender, rcpt)"
		" ORDER BY key LIMIT ?7",
	[GREYLIST_RELEASE] =
		"UPDATE greylist SET passed = 1, waited = waited + " AGE
		", boot = ?1, up = ?2, wall = ?3, ends = ?2 + ?5"
		" WHERE key = ?4 AND passed = 0",
	[GREYLIST_FORGET] = "DELETE FROM greylist WHERE key = ?4",
	[TRUST_GET] = "SELECT good FROM trust WHERE key = ?4 AND " LEFT " >= 0",
	[TRUST_ADD] =
		"INSERT INTO trust (boot, up, wall, key, good, ends)"
		" VALUES (?1, ?2, ?3, ?4, 1, ?5) ON CONFLICT (key) DO UPDATE"
		" SET good = CASE WHEN " LEFT " >= 0 THEN good + 1 ELSE 1 END,"
		" boot = ?1, up = ?2, wall = ?3, ends = ?5"
		" WHERE good < ?6 OR " AGE " * 100 > ends - up",
	[TRUST_END] = "DELETE FROM trust WHERE key = ?4",
	[ALLOWED_GET] = "SELECT 1 FROM allowed WHERE name = ?1",
	[ALLOWED_ADD] = "INSERT OR IGNORE INTO allowed (name) VALUES (?1)",
	[ALLOWED_END] = "DELETE FROM allowed WHERE name = ?1",
	[ALLOWED_LIST] = "SELECT name FROM allowed ORDER BY name",
	[RATE_GET] = "SELECT used, before, refused, boot, up, wall"
		     " FROM rate WHERE key = ?1",
	[RATE_SET] = "INSERT INTO rate (boot, up, wall, key, used, before,"
		     " refused, ends) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		     " ON CONFLICT (key) DO UPDATE SET boot = ?1, up = ?2,"
		     " wall = ?3, used = ?5, before = ?6, refused = ?7,"
		     " ends = ?8",
	/* More than a last free page: with less, the next call fails. */
	[PROOF_SET] = "INSERT OR REPLACE INTO proof (id, room)"
		      " VALUES (1, zeroblob(65536))",
	[GREYLIST_SWEEP] = SWEEP("greylist"),
	[GREYLIST_BOOT] = BOOT("greylist"),
	[GREYLIST_SWEEP_BOOT] = SWEEP_BOOT("greylist"),
	[TRUST_SWEEP] = SWEEP("trust"),
	[TRUST_BOOT] = BOOT("trust"),
	[TRUST_SWEEP_BOOT] = SWEEP_BOOT("trust"),
	[RATE_SWEEP] = SWEEP("rate"),
	[RATE_BOOT] = BOOT("rate"),
	[RATE_SWEEP_BOOT] = SWEEP_BOOT("rate"),
};
