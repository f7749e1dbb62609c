/*
 * The verdict record, version 1: everything one message was judged by, in
 * plain values. It is filled once (milter/engine/report.c) and everything
 * reads it: the log line, the history, `gatepost check` and `explain`.
 */
#ifndef GATEPOST_VERDICT_RECORD_H
#define GATEPOST_VERDICT_RECORD_H

#include "common/base/buf.h"

#define RECORD_VERSION 1

struct record_symbol {
	struct slice name;
	double score;
	struct slice doc;	/* what the symbol means */
	struct slice detail;	/* the fact behind it */
	struct slice group;	/* whose points are capped together; or empty */
	double uncapped;	/* the points it would have without that cap */
};

struct record_check {
	struct slice name;
	struct slice outcome;
	struct slice reason;
	double ms;		/* spent judging */
	double took_ms;		/* from its first run to its end, waits too */
};

struct record_dkim {
	struct slice result, domain, selector, identity, algorithm, reason;
};

struct record_auth {
	struct slice spf_result, spf_domain, spf_scope, spf_explanation;
	struct slice spf_helo_result;
	const struct record_dkim *dkim;
	size_t dkim_count;
	struct slice dmarc_result, dmarc_policy, dmarc_domain,
		dmarc_policy_domain, dmarc_disposition, dmarc_reason;
	struct slice iprev_result, iprev_name;
};

/* A part of the message, or a file in an archive of it. */
struct record_part {
	struct slice name, type, kind;
	uint64_t size;
	unsigned depth;		/* 0: not in an archive */
	bool encrypted;
};

struct record_antivirus {
	struct slice result;	/* "clean", "infected", "unscanned"; empty:
				 * nobody scanned */
	struct slice names;	/* what matched, ", " between */
	struct slice reason;	/* why it is unscanned */
	struct slice engine;	/* "ClamAV 1.4.6" */
	uint64_t database;	/* version of its signatures */
	double ms;		/* spent scanning */
};

/* What a user said of it afterwards; the history adds it. */
struct record_opinion {
	struct slice user;
	struct slice said;	/* "ham", "spam" */
	struct slice how;	/* "release", "move", "copy", "flag" */
	int64_t time_ms;	/* wall clock, since the epoch */
};

struct record_edit {
	struct slice op, name, value;
	unsigned index;
};

/* A named threshold or time. */
struct record_number {
	struct slice name;
	double value;
};

struct record {
	struct slice id;
	int64_t time_ms;	/* wall clock, milliseconds since the epoch */
	uint64_t generation;	/* of the configuration */
	struct slice queue_id;
	struct slice client, client_name, helo, user;
	struct slice sender;
	const struct slice *rcpts;
	size_t rcpt_count;	/* those that are here */
	size_t rcpt_total;	/* those the message had */
	struct slice direction;	/* "in": from a stranger; "out": from a user
				 * who logged in, or a trusted network */
	struct slice message_id, from, subject;
	uint64_t size;
	struct slice action, would;
	struct slice cause;	/* what decided: "score", "dmarc", "dns",
				 * "greylist", "ratelimit", "limit", "virus",
				 * "attachment", "unscanned", "vault" */
	struct slice class;	/* "virus", "spam", "dmarc", …; or empty */
	struct slice class_reason;
	struct slice vault;	/* "held" there, or a "copy" of what was
				 * rejected is; else empty */
	struct slice reply;	/* what the client is told; empty: its 250 */
	double score;
	const struct record_number *thresholds;
	size_t threshold_count;
	const struct record_symbol *symbols;
	size_t symbol_count;
	const struct record_check *checks;
	size_t check_count;
	struct record_auth auth;
	const struct record_edit *edits;
	size_t edit_count;
	const struct record_number *stages;	/* milliseconds */
	size_t stage_count;
	unsigned dns_asked, dns_cached, dns_failed;
	struct record_antivirus antivirus;
	const struct record_part *parts;
	size_t part_count;
	/* Not part of what is packed. */
	const struct record_opinion *opinions;
	size_t opinion_count;
	bool probe;		/* made by /healthz; nobody's mail */
};

/* When the verdict was there: wall clock, milliseconds since the epoch. */
int64_t record_decided_ms(const struct record *record);

/*
 * One JSON object. Bytes that are not UTF-8 are written as U+FFFD, and the
 * member "bytes" then has the text as it was: its JSON Pointer (RFC 6901) and
 * its bytes in base64. Characters that a terminal would obey are escapes.
 * `indent`: spaces per level, 0 for one line.
 */
struct slice record_json(struct arena *arena, const struct record *record,
			 int indent);
/* The same as logfmt pairs: the line an operator greps. */
struct slice record_logfmt(struct arena *arena, const struct record *record);

#endif
