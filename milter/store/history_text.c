/* All SQL of the history that has parameters. */
#include "milter/store/history_private.h"

/* Segments that may hold numbers from ?2 to ?1. */
#define SEGMENTS                                            \
	" FROM segment WHERE first <= ?1 AND id >= ifnull(" \
	"(SELECT max(id) FROM segment WHERE first <= ?2), 0)"

#define POSTING                                      \
	"SELECT number FROM term WHERE segment = ?1" \
	" AND kind = ?2 AND value = ?3"              \
	" AND number BETWEEN ?4 AND ?5 ORDER BY number"
#define NEWEST POSTING " DESC"
#define OLDEST POSTING
#define FOUR(at, text)                                           \
	[at] = (text), [(at) + 1] = (text), [(at) + 2] = (text), \
	[(at) + 3] = (text)

const char *const history_statements[HISTORY_STATEMENTS] = {
	[RECORD_LAST] = "SELECT max(number) FROM record",
	[RECORD_FIRST] = "SELECT min(number) FROM record",
	[RECORD_ADD] = "INSERT INTO record (number, body) VALUES (?1, ?2)",
	[RECORD_GET] = "SELECT body FROM record WHERE number = ?1",
	/* ?1: below, ?2: how many. */
	[RECORD_REMOVE] =
		"DELETE FROM record WHERE number IN (SELECT number FROM record"
		" WHERE number < ?1 ORDER BY number LIMIT ?2)",
	[RECORDS_NEWEST] = "SELECT number, body FROM record"
			   " WHERE number BETWEEN ?1 AND ?2"
			   " ORDER BY number DESC",
	[RECORDS_OLDEST] = "SELECT number, body FROM record"
			   " WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
	[SEGMENT_LAST] =
		"SELECT id, records FROM segment ORDER BY id DESC LIMIT 1",
	/* The last column: where the next one begins. */
	[SEGMENT_FIRST] =
		"SELECT id, records, ifnull((SELECT first FROM segment AS later"
		" WHERE later.id > segment.id ORDER BY id LIMIT 1),"
		" 9223372036854775807) FROM segment ORDER BY id LIMIT 1",
	[SEGMENT_ADD] =
		"INSERT INTO segment (id, first, records) VALUES (?1, ?2, ?3)"
		" ON CONFLICT (id) DO UPDATE"
		" SET records = records + excluded.records",
	[SEGMENT_TAKE] =
		"UPDATE segment SET records = records - ?2 WHERE id = ?1",
	[SEGMENT_END] = "DELETE FROM segment WHERE id = ?1 AND records = 0",
	[SEGMENT_SUM] = "SELECT sum(records) FROM segment",
	[SEGMENTS_NEWEST] = "SELECT id" SEGMENTS " ORDER BY id DESC",
	[SEGMENTS_OLDEST] = "SELECT id" SEGMENTS " ORDER BY id",
	[TERM_ADD] = "INSERT INTO term (segment, kind, value, number)"
		     " VALUES (?1, ?2, ?3, ?4)",
	/* The one that comes ?5 after (?2, ?3, ?4). */
	[TERM_SWEEP_TO] =
		"SELECT kind, value, number FROM term WHERE segment = ?1"
		" AND (kind, value, number) > (?2, ?3, ?4)"
		" ORDER BY kind, value, number LIMIT 1 OFFSET ?5",
	/* From behind (?2, ?3, ?4) to (?5, ?6, ?7), below ?8. */
	[TERM_SWEEP] =
		"DELETE FROM term WHERE segment = ?1"
		" AND (kind, value, number) > (?2, ?3, ?4)"
		" AND (kind, value, number) <= (?5, ?6, ?7) AND number < ?8",
	/*
	 * Each segment is counted in the order of its postings; sorted is
	 * only what comes of that.
	 */
	[TERM_TOP] = "SELECT value, sum(n) AS n FROM"
		     " (SELECT value, count(*) AS n FROM term"
		     " WHERE segment IN (SELECT id" SEGMENTS ") AND kind = ?3"
		     " AND number BETWEEN ?2 AND ?1 GROUP BY segment, value)"
		     " GROUP BY value ORDER BY n DESC, value LIMIT ?4",
	[OPINION_SAID] =
		"SELECT said FROM opinion WHERE id = ?1 AND user = ?2",
	[OPINION_PUT] =
		"INSERT INTO opinion (id, user, number, time, said, how)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (id, user) DO UPDATE SET time = excluded.time,"
		" said = excluded.said, how = excluded.how",
	[OPINION_LIST] = "SELECT user, time, said, how FROM opinion"
			 " WHERE id = ?1 ORDER BY time, user LIMIT ?2",
	[OPINION_OLD] = "DELETE FROM opinion WHERE number < ?1",
	[WAITING_FIND] = "SELECT number, recipients FROM waiting"
			 " WHERE story = ?1 ORDER BY number LIMIT ?2",
	[WAITING_ADD] = "INSERT INTO waiting (number, story, recipients)"
			" VALUES (?1, ?2, ?3)",
	[WAITING_END] = "DELETE FROM waiting WHERE number = ?1",
	[WAITING_OLD] =
		"DELETE FROM waiting WHERE number IN (SELECT number"
		" FROM waiting WHERE number < ?1 ORDER BY number LIMIT ?2)",
	[TOTAL_ADD] =
		"INSERT INTO total (span, start, direction, action, messages,"
		" bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (span, start, direction, action) DO UPDATE"
		" SET messages = messages + excluded.messages,"
		" bytes = bytes + excluded.bytes",
	[TOTAL_LIST] =
		"SELECT start, direction, action, messages, bytes FROM total"
		" WHERE span = ?1 AND start BETWEEN ?2 AND ?3"
		" ORDER BY start, direction, action",
	[TOTAL_OLD] = "DELETE FROM total WHERE span = ?1 AND start < ?2",
	FOUR(POSTING_NEWEST, NEWEST),
	FOUR(POSTING_NEWEST + 4, NEWEST),
	FOUR(POSTING_NEWEST + 8, NEWEST),
	FOUR(POSTING_OLDEST, OLDEST),
	FOUR(POSTING_OLDEST + 4, OLDEST),
	FOUR(POSTING_OLDEST + 8, OLDEST),
};
