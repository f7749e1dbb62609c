/* The field Accept: weights are in range, and nothing is read beyond it. */
#include "milter/daemon/accept.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct media open = {SLICE("application"),
				   SLICE("openmetrics-text"), SLICE("1.0.0")};
	/* Of its own, so that a read past its end is seen. */
	char *copy = malloc(size ? size : 1);
	struct slice accept = {copy, size};
	unsigned named, any;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	named = accept_weight(accept, &open, true);
	any = accept_weight(accept, &open, false);
	if (named > ACCEPT_MOST || any > ACCEPT_MOST)
		abort();
	/* A range that names it is more exact than any with a '*'. */
	if (named > 0 && any != named)
		abort();
	free(copy);
	return 0;
}
