/*
 * The samples as a command, for the tests of gatepost:
 *
 *	samples explain NAME	explains one, as `gatepost check` would
 */
#include "milter/cli/explain.h"
#include "tests/support/samples.h"

#include <string.h>

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(0);
	const struct sample *samples = samples_make(arena), *one;

	if (argc == 3 && strcmp(argv[1], "explain") == 0) {
		one = samples_find(samples, argv[2]);
		if (one)
			explain_story(stdout, one->records, one->count,
				      one->count - 1);
	}
	arena_free(&arena);
	return 0;
}
