/*
 * The form of a file in the vault: lines of text, an empty line, the packed
 * record, the message. Bytes that could break a line are written as %XX.
 */
#ifndef GATEPOST_STORE_VAULT_FILE_H
#define GATEPOST_STORE_VAULT_FILE_H

#include "common/base/buf.h"
#include "milter/store/vault.h"

#define VAULT_FILE_VERSION 1
#define VAULT_DIGEST 32
/* The lines of 100,000 recipients find room. */
#define VAULT_FILE_HEAD_MAX (64u << 20)

struct vault_file {
	struct vault_entry entry;	/* its record is not read */
	size_t record_size;
	unsigned char digest[VAULT_DIGEST];	/* SHA-256 of the message */
	int64_t record_at, message_at;	/* where they begin in the file */
};

/* The lines, the empty one included. */
void vault_file_head(struct buf *out, const struct vault_entry *entry,
		     const unsigned char digest[VAULT_DIGEST]);
/*
 * Reads what begins a file; `head` may hold more than the lines. 1: read,
 * texts live in the arena; 0: the empty line has not come yet; -1: it is
 * no such file.
 */
int vault_file_parse(struct arena *arena, struct slice head,
		     struct vault_file *file_r);
/* Whether it can be the name of a file: letters and digits, 1 to 32. */
bool vault_file_is_id(struct slice id);
/* The folder of an id: "00" to "ff". */
void vault_file_folder(struct slice id, char folder_r[3]);

#endif
