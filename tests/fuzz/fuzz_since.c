/* Any bytes as a time on the command line. */
#include "milter/cli/since.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct err err;
	int64_t ms;

	(void)since_parse(text, INT64_C(1795784730000), size & 1, &ms, &err);
	return 0;
}
