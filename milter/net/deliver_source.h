/*
 * The bytes of a message that goes out, piece by piece, with a dot doubled
 * that is not libcurl's to double: one after a bare LF (deliver.c).
 */
#ifndef GATEPOST_NET_DELIVER_SOURCE_H
#define GATEPOST_NET_DELIVER_SOURCE_H

#include "milter/net/deliver.h"

#define SOURCE_CHUNK 32768

struct source {
	const struct deliver_mail *mail;
	uint64_t at, size;	/* of the message, without further dots */
	char before[2];		/* the two bytes before the next */
	char chunk[SOURCE_CHUNK];
	size_t chunk_at, chunk_n;
	bool failed;		/* the file cannot be read */
};

/*
 * Begins; borrows the mail. Reads all of it once: bytes with the dots that
 * are added, or -1.
 */
int64_t source_begin(struct source *source, const struct deliver_mail *mail);
/* The next bytes; 0: there are no more, or it failed. */
size_t source_read(struct source *source, char *to, size_t room);

#endif
