/* Reads suite files relative to the source tree that automake names. */
#include "tests/support/suite.h"

#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *suite_path(struct arena *a, const char *path)
{
	const char *top = getenv("srcdir");

	return arena_printf(a, "%s/../shared/suites/%s", top ? top : ".", path)
		.p;
}

bool suite_present(const char *folder)
{
	struct arena *a = arena_new(0);
	const char *path = suite_path(a, folder);
	struct stat st;
	bool there = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (!there)
		fprintf(stderr, "skipped: no folder %s\n", path);
	arena_free(&a);
	return there;
}

struct slice suite_read(struct arena *a, const char *path)
{
	struct buf text = BUF(a);
	char block[4096];
	FILE *file = fopen(suite_path(a, path), "rb");
	size_t n;

	if (!file) {
		fprintf(stderr, "cannot read %s\n", suite_path(a, path));
		abort();
	}
	while ((n = fread(block, 1, sizeof(block), file)) > 0)
		buf_add(&text, (struct slice){block, n});
	fclose(file);
	return buf_slice(&text);
}
