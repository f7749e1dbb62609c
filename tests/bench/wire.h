/*
 * The milter protocol's packets over a stream socket, seen from the MTA's
 * side. Writes are gathered as Postfix gathers them: what needs no reply
 * leaves in full buffers, and the rest just before a reply is read.
 */
#ifndef GATEPOST_TESTS_BENCH_WIRE_H
#define GATEPOST_TESTS_BENCH_WIRE_H

#include "common/base/err.h"
#include "common/base/slice.h"

#include <sys/socket.h>

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t addr_n;
};

struct wire {
	int fd;			/* -1: closed */
	char *out, *in;
	size_t out_n, out_room;
	size_t in_from, in_to, in_room;
};

/* A packet's code and data; valid until the next wire_read(). */
struct packet {
	char code;
	struct slice data;
};

/* Reads unix:PATH, inet:HOST:PORT or inet6:HOST:PORT (numeric hosts). */
int endpoint_parse(const char *text, struct endpoint *endpoint_r,
		   struct err *err);

/* wire_init() once; then wire_open() and wire_close() as often as wanted. */
void wire_init(struct wire *w);
void wire_free(struct wire *w);
int wire_open(struct wire *w, const struct endpoint *endpoint);
void wire_close(struct wire *w);

/* All return -1 when the connection is lost or speaks nonsense. */
int wire_send(struct wire *w, char code, const struct slice *parts,
	      size_t count);
int wire_flush(struct wire *w);
int wire_read(struct wire *w, struct packet *packet_r);

uint32_t wire_u32(const char *p);
void wire_set_u32(char *p, uint32_t value);

#endif
