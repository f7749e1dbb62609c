/*
 * The message as it came, byte for byte, in a memfd: what a scanner reads
 * and the vault keeps. Header fields stand as received, with CRLF line
 * ends, without what the MTA adds itself.
 */
#ifndef GATEPOST_ENGINE_SPOOL_H
#define GATEPOST_ENGINE_SPOOL_H

#include "common/base/slice.h"

enum spool_state {
	SPOOL_OFF,	/* nobody wants the message kept */
	SPOOL_OPEN,
	SPOOL_SEALED,	/* whole, and can no longer change */
	SPOOL_TOO_LARGE,
	SPOOL_FAILED,	/* no memory or file descriptors */
};

/* Small pieces are written together: most messages in one go. */
#define SPOOL_GATHERED 4096

struct spool {
	enum spool_state state;
	int fd;			/* OPEN and SEALED: from its begin */
	uint64_t size;
	uint64_t max;		/* bytes; more is TOO_LARGE */
	char gathered[SPOOL_GATHERED];	/* not yet written */
	size_t gathered_n;
};

/* Begins one; on failure the state says so. */
void spool_begin(struct spool *spool, uint64_t max);
void spool_add(struct spool *spool, struct slice bytes);
/* A field as in struct header: its folds become CRLF. */
void spool_add_field(struct spool *spool, struct slice name,
		     struct slice value);
void spool_seal(struct spool *spool);
/* The SHA-256 of what a sealed one holds, for comparing messages; false if
 * it is not sealed or cannot be read. */
bool spool_fingerprint(const struct spool *spool, unsigned char digest_r[32]);
/* Closes it, whatever its state; also for one that was never begun. */
void spool_end(struct spool *spool);

#endif
