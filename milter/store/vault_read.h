/*
 * Reading and ending what the vault holds. A message is ID.held until it
 * was released, then ID.released; the name is all there is of its state.
 *
 * Who releases, deletes or expires a message takes it first: a lock on the
 * file (flock), which ends with the process. Reading needs none.
 */
#ifndef GATEPOST_STORE_VAULT_READ_H
#define GATEPOST_STORE_VAULT_READ_H

#include "milter/store/vault_file.h"

enum vault_state { VAULT_HELD, VAULT_RELEASED };
#define VAULT_STATES 2
/* "held", "released" */
const char *vault_state_word(enum vault_state state);
/* Reads a file's name: false if it is that of no message. */
bool vault_read_name(struct slice name, struct slice *id_r,
		     enum vault_state *state_r);

enum vault_found {
	VAULT_FOUND,
	VAULT_ABSENT,	/* there is no message of that id */
	VAULT_BUSY,	/* another process has taken it */
	VAULT_DAMAGED,	/* it is there, but not whole; err says how */
	VAULT_FAILED,	/* err says why */
};

/* One that is open. Texts live in the arena it was opened with. */
struct vault_message {
	struct vault_file file;	/* not filled if DAMAGED */
	enum vault_state state;
	uint64_t bytes;		/* of the whole file */
	char name[48];		/* "3f/0abc.held" */
	int fd;			/* -1: none */
};

/*
 * Opens it for reading. If FOUND or DAMAGED, close it; else that is harmless.
 */
enum vault_found vault_message_open(const struct vault *vault,
				    struct arena *arena, struct slice id,
				    struct vault_message *message_r,
				    struct err *err);
/* The same, and takes it until it is closed. */
enum vault_found vault_message_take(const struct vault *vault,
				    struct arena *arena, struct slice id,
				    struct vault_message *message_r,
				    struct err *err);
void vault_message_close(struct vault_message *message);

/* Whether its bytes are those that were stored (SHA-256); else err says. */
bool vault_message_verify(const struct vault_message *message,
			  struct err *err);
/* `size` bytes from `offset` of the file, into the arena. */
int vault_message_read(const struct vault_message *message,
		       struct arena *arena, int64_t offset, uint64_t size,
		       struct slice *bytes_r, struct err *err);

/* Of one that was taken: it is released from now on. */
int vault_message_released(const struct vault *vault,
			   struct vault_message *message, struct err *err);
/* Of one that was taken: it is gone. */
int vault_message_delete(const struct vault *vault,
			 struct vault_message *message, struct err *err);

#endif
