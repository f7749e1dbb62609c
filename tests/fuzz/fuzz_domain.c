/* Domain names: the normal form is stable and fits DNS. */
#include "common/mail/domain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice once, twice;

	if (domain_normalise(a, (struct slice){(const char *)data, size},
			     &once)) {
		if (once.n == 0 || once.n > 253)
			abort();
		if (!domain_normalise(a, once, &twice) ||
		    !slice_eq(once, twice) || domain_labels(once) == 0 ||
		    !domain_is_within(once, domain_tail(once, 1)))
			abort();
	}
	arena_free(&a);
	return 0;
}
