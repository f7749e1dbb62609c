/*
 * What a scanner found in one message: its signatures, and the parts the
 * message consists of. Packed by the scanner, unpacked by a worker, which
 * trusts nothing of it: a scanner may have been taken over by what it read.
 */
#ifndef GATEPOST_NET_SCAN_REPORT_H
#define GATEPOST_NET_SCAN_REPORT_H

#include "common/base/buf.h"

enum scan_result {
	SCAN_CLEAN,		/* all of it was looked at: nothing found */
	SCAN_INFECTED,		/* a signature matched */
	SCAN_UNSCANNED,		/* not, or not wholly, looked at */
};
#define SCAN_RESULTS 3
/* "clean", "infected", "unscanned" */
const char *scan_result_word(enum scan_result result);

/* Why a message is unscanned. */
enum scan_trouble {
	SCAN_NO_TROUBLE,
	SCAN_DOWN,		/* there is no scanner */
	SCAN_NO_DATABASE,	/* it has no signatures to look for */
	SCAN_BUSY,		/* none took it before scanner.queue */
	SCAN_TIMEOUT,		/* taken, but not done before scanner.time */
	SCAN_CRASHED,		/* the scanner ended over it */
	SCAN_LIMIT,		/* a limit was hit: too large, too deep */
	SCAN_ERROR,		/* the scanner says it could not */
};
#define SCAN_TROUBLES 8
/* "none", "down", "no_database", "busy", "timeout", … */
const char *scan_trouble_word(enum scan_trouble trouble);
/* Whether the message itself is to blame, so that it is as bad next time. */
bool scan_trouble_is_the_message(enum scan_trouble trouble);

/* A leaf of the MIME tree, or a member of an archive. */
struct scan_part {
	struct slice name;	/* file name, decoded; may be empty, or no
				 * UTF-8 */
	struct slice type;	/* declared, lower-case: "application/zip";
				 * empty for a member */
	struct slice kind;	/* by its first bytes: "exe", "script", "zip",
				 * "7z", "rar", "ole2", "ooxml", "pdf",
				 * "html", "text", …; empty: not known */
	uint64_t size;		/* decoded bytes; a member's as the archive
				 * says */
	unsigned depth;		/* 0: a leaf; 1: in an archive; … */
	unsigned parent;	/* depth > 0: index of its archive, which
				 * stands before it */
	bool encrypted;		/* it cannot be read without a password */
};

#define SCAN_NAMES_MAX 16
#define SCAN_PARTS_MAX 512
#define SCAN_TEXT_MAX 255	/* bytes of one name, type or reason */

struct scan_report {
	enum scan_result result;
	enum scan_trouble trouble;	/* SCAN_UNSCANNED: why */
	struct slice reason;		/* the same in words, for the record */
	/* Signatures that matched, heuristics ("Heuristics.…") among them. */
	struct slice names[SCAN_NAMES_MAX];
	size_t name_count;
	struct scan_part *parts;
	size_t part_count;
	bool parts_complete;		/* false: there are more, or it failed */
	bool parts_known;		/* false: nobody looked for any */
	struct slice engine;		/* "ClamAV 1.4.6" */
	uint64_t database_version;	/* of the daily signatures; 0: none */
	int64_t database_time;		/* newest, seconds since the epoch */
	uint64_t signatures;
	int64_t us;			/* spent scanning */
};

#define SCAN_REPORT_MAX (192 * 1024)

/*
 * At most SCAN_REPORT_MAX bytes; parts that find no room are left out, and
 * parts_complete is then false.
 */
struct slice scan_report_pack(struct arena *arena,
			      const struct scan_report *report);
/*
 * False when the bytes are no report: every length, word and index is
 * checked, texts are cut at SCAN_TEXT_MAX. Slices point into `packed`.
 */
bool scan_report_unpack(struct arena *arena, struct slice packed,
			struct scan_report *report_r);

#endif
