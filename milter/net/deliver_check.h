/*
 * What must be in order before a server is spoken to: its address as a
 * setting writes it, and envelope addresses, which come from hostile mail
 * and are to become part of a command line.
 */
#ifndef GATEPOST_NET_DELIVER_CHECK_H
#define GATEPOST_NET_DELIVER_CHECK_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct deliver_server {
	char host[256];		/* a name or an address, without [] */
	unsigned port;		/* 1 to 65535 */
	bool ipv6;		/* only by IPv6; else only by IPv4 */
	bool local;		/* this host: "localhost", 127/8, ::1 */
};

/*
 * Reads "inet:HOST:PORT", "inet6:ADDR:PORT" or "inet6:[ADDR]:PORT". -1: err
 * says what is allowed. For settings too, before anything is sent.
 */
int deliver_server_read(struct slice name, struct deliver_server *server_r,
			struct err *err);

/*
 * Whether it can stand between < and > in a command without ending either:
 * no control characters, no <, > or space but in quotes, quotes that are
 * closed, and UTF-8. Not empty, and at most 1000 bytes.
 */
bool deliver_address_ok(struct slice address);
/* Whether its local part needs SMTPUTF8 (RFC 6531). */
bool deliver_address_utf8(struct slice address);

#endif
