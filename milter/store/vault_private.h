/* What the vault's own files share. */
#ifndef GATEPOST_STORE_VAULT_PRIVATE_H
#define GATEPOST_STORE_VAULT_PRIVATE_H

#include "milter/store/vault.h"

#include <limits.h>

struct vault {
	char path[PATH_MAX];
	uint64_t min_free;
	int root; /* the folder */
};

#endif
