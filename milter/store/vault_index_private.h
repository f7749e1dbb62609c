/* The index of the vault from within. */
#ifndef GATEPOST_STORE_VAULT_INDEX_PRIVATE_H
#define GATEPOST_STORE_VAULT_INDEX_PRIVATE_H

#include "milter/store/sqlite_db.h"
#include "milter/store/vault_index.h"
#include "milter/store/vault_private.h"

enum vault_statement {
	FOLDER_GET,
	FOLDER_SET,
	FOLDER_FORGET,
	FOLDER_LIST,
	ITEM_SET,
	ITEM_STATE,
	ITEM_REMOVE,
	DAMAGED_SET,
	DAMAGED_CLEAR,
	DAMAGED_COUNT,
	ITEMS_LIST,
	ITEMS_FIND,
	ITEMS_SINCE,
	ITEMS_SUM,
	ITEMS_OLDEST,
	VAULT_STATEMENTS,
};
extern const char *const vault_index_statements[VAULT_STATEMENTS];

/* Other processes may write meanwhile; so long it waits for them. */
#define VAULT_INDEX_WAIT_MS 5000

struct vault_index {
	struct arena *arena;
	const struct vault *vault;
	const char *path;
	struct db *db;
};

/* Connected, to the file that is there now. */
int vault_index_ready(struct vault_index *index, struct err *err);
/* After an error: true if the index was damaged and there is a new one. */
bool vault_index_mend(struct vault_index *index, struct err *err);
/* The row that a statement for items stands at; texts into the arena. */
struct vault_item vault_index_row(struct vault_index *index,
				  enum vault_statement statement,
				  struct arena *arena);

#endif
