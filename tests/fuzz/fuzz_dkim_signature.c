/* DKIM-Signature fields: any bytes as the value. */
#include "milter/checks/dkim_signature.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice value = {(const char *)data, size};
	struct dkim_signature sig;

	if (dkim_signature_parse(a, value, &sig) == NULL &&
	    (sig.domain.n == 0 || sig.selector.n == 0 || sig.name_count == 0 ||
	     sig.signature.n == 0 || sig.body_hash.n != 32 ||
	     sig.b_from > sig.b_to || sig.b_to > size ||
	     data[sig.b_from - 1] != '='))
		abort();
	arena_free(&a);
	return 0;
}
