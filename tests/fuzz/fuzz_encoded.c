/* Fuzz target: any bytes as text with encoded words. */
#include "common/mail/encoded.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice out;

	out = encoded_decode(a, (struct slice){(const char *)data, size});
	if (out.n > size)
		abort();
	arena_free(&a);
	return 0;
}
