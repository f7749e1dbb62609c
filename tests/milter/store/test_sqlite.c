/* The store in one file: what every store does, and what only a file can. */
#include "tests/support/cmocka.h"
#include "tests/support/store_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char folder[] = "/tmp/gatepost-sqlite-XXXXXX";
	struct store_place place = {
		.url = "sqlite:store.db",
		.state_dir = mkdtemp(folder),
		.wall_is_ours = true,
	};
	static const char *const names[] = {"store.db", "store.db-wal",
					    "store.db-shm"};
	char path[100];
	int failed = store_cases_run(&place);

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	return failed;
}
