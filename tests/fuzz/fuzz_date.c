/* Fuzz target: any bytes as a Date field. */
#include "common/mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t seconds;

	(void)date_parse((struct slice){(const char *)data, size}, &seconds);
	return 0;
}
