/* Key records: any bytes as one record, and as two. */
#include "milter/checks/dkim_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct slice all = {(const char *)data, size};
	struct dns_record records[3] = {
		{.data = all},
		{.data = slice_sub(all, 0, size / 2)},
		{.data = slice_sub(all, size / 2, size)}};

	for (int algorithm = 0; algorithm < 2; algorithm++) {
		struct dkim_signature sig = {
			.algorithm = (enum dkim_algorithm)algorithm,
			.domain = SLICE("example.com"),
			.identity_domain = SLICE("a.example.com")};
		struct dkim_key key;

		if (!dkim_key_choose(a, records, 3, &sig, &key) &&
		    key.bytes.n < 32)
			abort();
	}
	arena_free(&a);
	return 0;
}
