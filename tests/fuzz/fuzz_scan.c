/*
 * Fuzz target: bytes of an attachment, told by their kind and read in every
 * encoding. What is read lies within what was given room for.
 */
#include "milter/scan/decode.h"
#include "milter/scan/kind.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_runs(struct arena *arena, struct slice text)
{
	struct slice rest = text, run, padded, name, bytes;

	while (decode_next_run(&rest, &run)) {
		struct slice whole = decode_base64(arena, run, &padded);

		if (run.p < text.p || run.p + run.n > text.p + text.n ||
		    whole.n > run.n || padded.p != whole.p ||
		    padded.n > whole.n)
			abort();
	}
	rest = text;
	while (decode_uu(arena, &rest, &name, &bytes))
		if (name.n == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size};
	struct arena *arena = arena_new(0);
	struct slice kind = kind_of(all);

	if (kind_is_encrypted(kind, all) && kind_is_archive(kind))
		abort();
	try_runs(arena, all);
	if (decode_quoted(arena, all).n > size)
		abort();
	(void)decode_looks_base64(all);
	arena_free(&arena);
	return 0;
}
