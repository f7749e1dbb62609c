/* Addresses for greylisting: bounded, and folded once for good. */
#include "milter/checks/greylist_sender.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct slice (*form)(struct arena *, struct slice),
		struct arena *a, struct slice path)
{
	struct slice once = form(a, path);

	if (once.n > GREYLIST_ADDRESS_MAX)
		abort();
	if (!slice_eq(form(a, once), once))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice path = {(const char *)data, size};
	struct arena *a = arena_new(0);

	try(greylist_address, a, path);
	try(greylist_sender, a, path);
	/* A list looks names up in the first form and in the second. */
	if (!slice_eq(greylist_sender(a, greylist_address(a, path)),
		      greylist_sender(a, path)))
		abort();
	arena_free(&a);
	return 0;
}
