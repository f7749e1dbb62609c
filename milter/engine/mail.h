/*
 * One connection and one message, filled stage by stage by the milter or by
 * `gatepost check`, read by the checks. All bytes live in the arenas; the
 * checks own nothing.
 */
#ifndef GATEPOST_ENGINE_MAIL_H
#define GATEPOST_ENGINE_MAIL_H

#include "common/base/arena.h"
#include "common/base/ip.h"
#include "milter/engine/spool.h"
#include "milter/net/lookups.h"

/* In the order in which SMTP makes them known. */
enum stage {
	STAGE_CONNECT,	/* conn.client, conn.ptr_name */
	STAGE_HELO,	/* conn.helo */
	STAGE_ENVELOPE,	/* sender, conn.user; recipients still follow */
	STAGE_HEADERS,	/* all header fields */
	STAGE_MESSAGE,	/* the whole body has been seen */
};
#define STAGE_COUNT 5

struct conn {
	struct arena *arena;
	struct ip client;		/* IP_NONE for local submission */
	struct slice client_text;
	struct slice ptr_name;		/* verified by the MTA; else empty */
	struct slice helo;
	struct slice user;		/* SASL login, empty if none */
	struct slice daemon_name;	/* the MTA's {daemon_name} */
	struct slice tls_version;
	bool trusted;			/* in trusted_networks, or no address */
	bool probe;			/* /healthz: counted and kept nowhere */
};

/*
 * A header field exactly as received: name without the colon, value with
 * every byte after the colon (a leading space included), folds as CRLF or
 * LF as they came, no final line end.
 */
struct header {
	struct slice name;
	struct slice value;
};

struct address {
	struct slice local;	/* unquoted as written */
	struct slice domain;	/* lower-case A-labels; empty if none */
};

struct engine;
struct run;
struct scan_report;
struct verdict;

struct mail {
	struct arena *arena;
	const struct conn *conn;
	const struct engine *engine;
	struct slice queue_id;
	char id[24];			/* record id, NUL-terminated */
	struct slice sender;		/* path without <>; empty for <> */
	struct address sender_address;
	struct slice *rcpts;		/* paths without <> */
	size_t rcpt_count;
	struct header *headers;
	size_t header_count;
	uint64_t size;			/* header and body bytes seen */
	uint64_t body_size;
	int64_t deadline_ms;		/* end-of-message must be over then */
	struct spool spool;		/* all of it as received */
	const struct scan_report *scan;	/* NULL: none, or not yet */
	struct lookups *lookups;
	struct verdict *verdict;
	void **states;			/* one per check, NULL at first */
	enum stage stage;		/* the last stage reached */
	int64_t begun_wall_ms;		/* since the epoch */
	int64_t begun_us;		/* monotonic */
	int64_t stage_us[STAGE_COUNT];	/* monotonic, when each was reached */
	int64_t judged_us;		/* when the verdict was complete */
	int64_t committed_us;		/* when the state was written */
	struct run *run;		/* the engine's own bookkeeping */
};

/* The n-th (from 0) field of that name, or NULL. */
const struct header *mail_header(const struct mail *mail, struct slice name,
				 size_t n);
/* How many fields have that name. */
size_t mail_header_count(const struct mail *mail, struct slice name);
/*
 * Whether sender checks apply: not for authenticated clients, trusted
 * networks, or mail that came without a client address.
 */
bool mail_is_inbound(const struct mail *mail);

#endif
