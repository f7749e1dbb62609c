/* DMARC records of strangers, under both RFCs. */
#include "milter/checks/dmarc_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct dmarc_record record;

	if (!dmarc_record_begins(text))
		return 0;
	dmarc_record_parse(text, DMARC_RFC9989, &record);
	if (record.p > DMARC_POLICY_REJECT || record.percent != 100)
		abort();
	dmarc_record_parse(text, DMARC_RFC7489, &record);
	if (record.percent > 100 || record.psd != DMARC_PSD_UNKNOWN)
		abort();
	return 0;
}
